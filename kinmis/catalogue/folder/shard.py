"""Shards: the rows of one chunk of galaxies, in a Parquet file that says what made it."""

import io
import json
import zlib

import numpy as np

from kinmis.catalogue.columns import COLUMNS
from kinmis.catalogue.folder.atomic import write_atomically

__all__ = ["read_shard", "replace_rows", "shard_table", "write_shard"]

_KEY = b"kinmis_shard"

#: Before the checksum of the file, of which these eight digits count as zeros: pages of Parquet
#: have checksums of their own, but what says how to read them has none.
_SEAL = b"kinmis: CRC-32 of this file "
_OPEN = b"00000000"


def shard_table(arrays):
    """
    Return the columns of a chunk as an Arrow table.

    Parameters
    ----------
    arrays : dict of `~numpy.ma.MaskedArray`
        As `kinmis.catalogue.measure_chunk` returns.

    Returns
    -------
    table : `~pyarrow.Table`
        What is masked is null, or empty text.
    """
    import pyarrow as pa
    columns = {}
    for column in COLUMNS:
        array = arrays[column.name]
        mask = np.ma.getmaskarray(array)
        if column.dtype is str:
            values = ["" if bad else _utf8(value) for value, bad in zip(array.data, mask)]
            columns[column.name] = pa.array(values, pa.string())
        else:
            columns[column.name] = pa.array(array.data, mask=mask)
    return pa.table(columns)


def _utf8(text):
    """Return text that UTF-8 can hold; half characters may come from file names."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def write_shard(path, arrays, inputs):
    """
    Write a shard; the file appears at once and complete.

    Parameters
    ----------
    path : `~pathlib.Path`
        Name of the file.
    arrays : dict of `~numpy.ma.MaskedArray`
        The columns.
    inputs : list of pairs
        What they were made from: see `kinmis.catalogue.folder.identity`.
    """
    _write(path, shard_table(arrays), inputs)


def replace_rows(path, places, arrays, inputs):
    """
    Replace rows of a shard; the others stay as they are.

    Parameters
    ----------
    path : `~pathlib.Path`
        Name of the file.
    places : list of int
        The rows.
    arrays : dict of `~numpy.ma.MaskedArray`
        What they become.
    inputs : list of pairs
        What these were made from.

    Raises
    ------
    OSError
        If there is no such shard, or it is damaged.
    """
    import pyarrow as pa
    table, recorded = read_shard(path)
    if table is None:
        raise OSError(f"'{path}' was damaged while the run was under way")
    order = np.arange(len(table))
    order[places] = len(table) + np.arange(len(places))
    for place, pair in zip(places, inputs):
        recorded[place] = pair
    fresh = shard_table(arrays)
    _write(path, pa.concat_tables([table.replace_schema_metadata(), fresh]).take(order), recorded)


def _write(path, table, inputs):
    from pyarrow import parquet
    table = table.replace_schema_metadata({_KEY: json.dumps({"inputs": inputs}).encode(),
                                           b"kinmis_seal": _SEAL + _OPEN})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    data = buffer.getvalue()
    place = data.rindex(_SEAL + _OPEN) + len(_SEAL)
    write_atomically(path, b"".join([data[:place], _checksum(data),
                                     data[place + len(_OPEN):]]))


def _checksum(data):
    return b"%08x" % zlib.crc32(data)


def _is_whole(data):
    """Whether a shard is as it was written, to the last byte."""
    start, found, end = data.rpartition(_SEAL)
    return bool(found) and end[:len(_OPEN)] == _checksum(
        b"".join([start, _SEAL, _OPEN, end[len(_OPEN):]]))


def read_shard(path):
    """
    Read a shard, and verify its checksum.

    Parameters
    ----------
    path : `~pathlib.Path`
        Name of the file.

    Returns
    -------
    table : `~pyarrow.Table` or None
        None where there is no shard, or a damaged one, or one with other columns.
    inputs : list of pairs
        What it was made from.
    """
    import pyarrow as pa
    from pyarrow import parquet
    try:
        # through a buffer: a mapped file that is cut short meanwhile would end the process
        data = path.read_bytes()
        if not _is_whole(data):
            return None, []
        table = parquet.read_table(io.BytesIO(data))
        inputs = json.loads(table.schema.metadata[_KEY])["inputs"]
        whole = (table.column_names == [column.name for column in COLUMNS]
                 and len(inputs) == len(table))
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        return None, []
    return (table, inputs) if whole else (None, [])
