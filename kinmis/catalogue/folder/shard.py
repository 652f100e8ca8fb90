"""Shards: the rows of one chunk of galaxies, in a Parquet file that says what made it."""

import io
import json

import numpy as np

from kinmis.catalogue.columns import COLUMNS
from kinmis.catalogue.folder.atomic import write_atomically

__all__ = ["read_shard", "shard_table", "write_shard"]

_KEY = b"kinmis_shard"


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
    from pyarrow import parquet
    table = shard_table(arrays)
    table = table.replace_schema_metadata({_KEY: json.dumps({"inputs": inputs}).encode()})
    buffer = io.BytesIO()
    # statistics stand where no checksum covers them
    parquet.write_table(table, buffer, write_page_checksum=True, write_statistics=False)
    write_atomically(path, buffer.getbuffer())


def read_shard(path):
    """
    Read a shard, and verify its checksums.

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
        table = parquet.read_table(io.BytesIO(path.read_bytes()),
                                   page_checksum_verification=True)
        inputs = json.loads(table.schema.metadata[_KEY])["inputs"]
        whole = (table.column_names == [column.name for column in COLUMNS]
                 and len(inputs) == len(table))
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        return None, []
    return (table, inputs) if whole else (None, [])
