"""
Parquet files of tables.

Missing values are nulls, missing text is empty; units and descriptions stand with the columns,
and a VOTable without rows is in the metadata (VOParquet,
https://www.ivoa.net/documents/Notes/VOParquet/), which TOPCAT reads.
"""

import io
import json

import astropy.units as u
import numpy as np
from astropy.table import Column, MaskedColumn, Table

from kinmis.catalogue.encoding import KEY, encode_table, from_json, to_json
from kinmis.catalogue.files_votable import make_votable

_VOPARQUET = b"IVOA.VOTable-Parquet."


def write(plain, document, path):
    """Write the plain table."""
    import pyarrow as pa
    from pyarrow import parquet
    arrays = [to_arrow(column) for column in plain.columns.values()]
    schema = make_schema(Table(), plain, document)
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def make_schema(front, plain, document):
    """
    Return the Arrow schema of two plain tables side by side, with all their metadata.

    Parameters
    ----------
    front, plain : `~astropy.table.Table`
        As `~kinmis.catalogue.encoding.encode_table` returns; rows don't matter.
    document : dict
        Of both.

    Returns
    -------
    schema : `~pyarrow.Schema`
    """
    import pyarrow as pa
    both, fields = Table(), []
    for name, column in [*front.columns.items(), *plain.columns.items()]:
        both[name] = column[:0]
        info = column.info
        facts = {"unit": info.unit and info.unit.to_string("vounit"),
                 "description": info.description, "ucd": info.meta.get("ucd")}
        facts = {key: str(value) for key, value in facts.items() if value}
        if column.ndim > 1:
            facts["shape"] = json.dumps(column.shape[1:])
        fields.append(pa.field(name, to_arrow(column[:0]).type, metadata=facts))
    header = io.BytesIO()
    # the types that VOTable lacks are widened in the header alone
    make_votable(*encode_table(both)).to_xml(header)
    return pa.schema(fields, metadata={
        KEY.encode(): to_json(document).encode(),
        _VOPARQUET + b"version": b"1.0", _VOPARQUET + b"content": header.getvalue()})


def read(path, columns=None):
    """Return the plain table, or some columns of it, and the document."""
    from pyarrow import parquet
    arrow = parquet.read_table(path, columns=None if columns is None else list(columns))
    plain = Table()
    for field in arrow.schema:
        facts = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        plain[field.name] = _from_arrow(arrow[field.name], json.loads(facts.get("shape", "[]")))
        info = plain[field.name].info
        info.description = facts.get("description")
        info.meta = {"ucd": facts["ucd"]} if "ucd" in facts else {}
        if "unit" in facts:
            info.unit = u.Unit(facts["unit"], format="vounit", parse_strict="silent")
    text = (arrow.schema.metadata or {}).get(KEY.encode())
    return plain, None if text is None else from_json(text.decode())


def to_arrow(column):
    """Return a plain column as an Arrow array; what is masked is null, or empty text."""
    import pyarrow as pa
    data = np.ma.getdata(column.data)
    mask = np.ma.getmaskarray(column.data).ravel()
    values = data.ravel()
    if data.dtype.kind == "U":
        # astropy fails on text that is null
        flat = pa.array(["" if bad else str(value) for value, bad in zip(values, mask)],
                        pa.string())
    else:
        flat = pa.array(np.ascontiguousarray(values), mask=mask)
    if column.ndim == 1:
        return flat
    return pa.FixedSizeListArray.from_arrays(flat, int(np.prod(column.shape[1:])))


def _from_arrow(chunked, shape):
    array = chunked.combine_chunks()
    array = array.chunk(0) if hasattr(array, "chunks") else array
    rows = len(array)
    if shape:
        array = array.flatten()
    mask = array.is_null().to_numpy(zero_copy_only=False)
    kind = str(array.type)
    if "string" in kind:
        data = np.array(["" if value is None else value for value in array.to_pylist()], str)
    elif mask.any():
        zero = False if kind == "bool" else 0
        data = array.fill_null(zero).to_numpy(zero_copy_only=False)
    else:
        data = array.to_numpy(zero_copy_only=False)
    data, mask = (values.reshape(rows, *shape) for values in (data, mask))
    return MaskedColumn(data, mask=mask) if mask.any() else Column(data)
