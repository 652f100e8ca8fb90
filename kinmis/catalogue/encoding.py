"""
What a file format can't hold, put in a form that it can, and back.

A table becomes one of plain columns, and a document of what got lost on the way: the
metadata, which columns are masked, units and types that the format lacks. Formats store the
document as one JSON string, in ASCII.
"""

import json
import re
from urllib.parse import quote, unquote

import astropy.units as u
import numpy as np
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.table.serialize import represent_mixins_as_columns
from astropy.utils.masked import Masked

__all__ = ["decode_table", "encode_table", "from_json", "to_json"]

KEY = "kinmis"

# what is kept as it is when text is percent-encoded: printable ASCII but the sign itself
_SAFE = "".join(chr(code) for code in range(0x20, 0x7f) if chr(code) != "%")
_PROMOTED = {"int8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "int64",
             "float16": "float32", "longdouble": "float64", "float128": "float64"}

# what stands under the mask, by kind of type; 0 for others
_BLANK = {"U": "", "f": np.nan}

# text that a format can't give back, unless it is encoded
_LOST_TEXT = {
    "ascii": re.compile(r"[^\x20-\x7e]|^ +| +$"),
    # control characters, lone surrogates, and white space that parsers normalise or strip
    "unicode": re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]|^\s+|\s+$"),
}


def encode_table(table, *, text="unicode", promote=True, mixins=False, masked_bool=True):
    """
    Return the table as plain columns, and the document of what they lack.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Any table.
    text : {"ascii", "unicode"}
        What text the format can hold; columns with any other are percent-encoded.
    promote : bool
        Whether to widen number types that FITS or VOTable lacks.
    mixins : bool
        Whether the format keeps columns such as times and sky coordinates by itself;
        otherwise they become the plain columns that they are made of.
    masked_bool : bool
        Whether the format has truth values that may be missing; otherwise these become
        integers.

    Returns
    -------
    plain : `~astropy.table.Table`
        Its columns are `~astropy.table.Column` or `~astropy.table.MaskedColumn`.
    document : dict
        It can be written as JSON.

    Raises
    ------
    TypeError
        If a column holds Python objects that are no text.
    """
    document = {"version": 1, "meta": _plain(table.meta), "columns": {}}
    plain, used = Table(), set()
    if not mixins:
        table = _without_mixins(table)
    for name, column in table.columns.items():
        if not isinstance(column, (Column, u.Quantity)):
            plain[name] = column
            continue
        data, mask, notes = _split(name, column)
        data, notes = _storable(name, data, mask, notes, text, promote, masked_bool)
        stored = quote(name, safe=_SAFE) if text == "ascii" and not name.isascii() else name
        if stored != name:
            notes["name"] = name
        if stored.lower() in used:
            raise ValueError(f"two columns are named {stored!r} but for upper and lower case, "
                             "which not every format can tell apart; rename one")
        used.add(stored.lower())
        new = Column(data) if mask is None else MaskedColumn(data, mask=mask)
        plain[stored] = new
        info = plain[stored].info
        info.unit, notes["unit"] = _storable_unit(column.info.unit)
        info.description = column.info.description
        info.meta = dict(column.info.meta or {})
        notes["format"] = column.info.format
        notes = {key: value for key, value in notes.items() if value is not None}
        if notes:
            document["columns"][stored] = notes
    return plain, document


def decode_table(plain, document):
    """
    Return the table that `encode_table` made plain.

    Parameters
    ----------
    plain : `~astropy.table.Table`
        As read from the file.
    document : dict or None
        As read from the file; None for a file that kinmis did not write.

    Returns
    -------
    table : `~astropy.table.QTable`
    """
    table = QTable(meta=plain.meta if document is None else document["meta"])
    for name, column in plain.columns.items():
        if not isinstance(column, (Column, u.Quantity)):
            table[name] = column
            continue
        notes = {} if document is None else document["columns"].get(name, {})
        data, mask, _ = _split(name, column)
        if document is not None and not notes.get("masked") and mask is not None:
            # what the reader took for missing is an empty text or NaN
            data[mask] = _BLANK.get(data.dtype.kind, data[mask])
            mask = None
        elif notes.get("masked"):
            mask = np.zeros(data.shape, bool) if mask is None else mask
            mask = mask | np.isnan(data) if data.dtype.kind == "f" else mask
            mask = mask | (data == "") if data.dtype.kind == "U" else mask
            data[mask] = _BLANK.get(data.dtype.kind, 0)
        if notes.get("percent"):
            data = _each(lambda text: unquote(text, errors="surrogateescape"), data, str)
        if "dtype" in notes:
            data = (_each(lambda text: text.encode("utf-8", "surrogateescape"), data, bytes)
                    if notes["dtype"] == "bytes" else data.astype(notes["dtype"]))
        unit = column.info.unit
        if "unit" in notes:
            unit = u.Unit(notes["unit"], parse_strict="silent")
        new = notes.get("name", name)
        table[new] = _column(data, mask, unit)
        info = table[new].info
        info.description = column.info.description
        info.meta = dict(column.info.meta or {})
        info.format = notes.get("format") if document is not None else column.info.format
        if info.unit is None and unit is not None:
            info.unit = unit
    return table


def _without_mixins(table):
    odd = [name for name, column in table.columns.items()
           if not isinstance(column, (Column, u.Quantity))]
    if not odd:
        return table
    flat = represent_mixins_as_columns(Table(table[odd], copy=False))
    out = Table(meta=table.meta)
    for name, column in table.columns.items():
        if name in odd:
            for part in flat.colnames:
                if part == name or part.startswith(f"{name}."):
                    out[part] = flat[part]
        else:
            out.add_column(column, name=name, copy=False)
    return out


def _split(name, column):
    """Return the values, the mask (None where there is none), and notes on the type."""
    mask = getattr(column, "mask", None)
    data = getattr(column, "unmasked", column)
    data = np.asarray(data.value if isinstance(data, u.Quantity) else np.ma.getdata(data))
    mask = None if mask is None else np.broadcast_to(mask, data.shape).copy()
    notes = {"masked": None if mask is None else True}
    if data.dtype.kind == "O":
        data, mask = _text_of_objects(name, data, mask)
        notes["masked"] = None if mask is None else True
    elif data.dtype.kind == "S":
        data = _each(lambda text: text.decode("utf-8", "surrogateescape"), data, str)
        notes["dtype"] = "bytes"
    elif data.dtype.kind not in "biufU":
        raise TypeError(f"column {name!r} holds {data.dtype}, which can't be written")
    if not data.dtype.isnative:
        data = data.astype(data.dtype.newbyteorder("="))
    return data, mask, notes


def _text_of_objects(name, data, mask):
    missing = np.array([value is None or value is np.ma.masked for value in data.ravel()],
                       bool).reshape(data.shape)
    mask = missing if mask is None else mask | missing
    if not all(isinstance(value, str) for value in data[~mask]):
        raise TypeError(f"column {name!r} holds Python objects, which no table file can hold; "
                        "remove it, or turn it into text or numbers")
    return np.where(mask, "", data).astype(str), mask if mask.any() else None


def _storable(name, data, mask, notes, text, promote, masked_bool):
    """Return the values in a type that the format has; what is masked becomes blank."""
    kind = data.dtype.kind
    if mask is not None:
        data = data.copy()
        data[mask] = _BLANK.get(kind, 0)
    if kind == "U":
        lost = _LOST_TEXT[text]
        if any(lost.search(value) for value in data.ravel()):
            data = _each(_percent, data, str)
            notes["percent"] = True
        if data.dtype.itemsize == 0:
            data = data.astype("U1")
    elif kind == "b" and mask is not None and not masked_bool:
        data, notes["dtype"] = data.astype(np.int16), "bool"
    elif promote and data.dtype.name in _PROMOTED:
        new = data.astype(_PROMOTED[data.dtype.name])
        if kind in "iu" and not np.array_equal(new, data):
            raise ValueError(f"column {name!r} holds whole numbers above 2^63, which FITS and "
                             "VOTable lack; write ECSV or Parquet, or convert it")
        data, notes["dtype"] = new, data.dtype.name
    return data, notes


def _percent(text):
    text = quote(text, safe=_SAFE, errors="surrogateescape")
    return re.sub("^ +| +$", lambda blank: "%20" * len(blank[0]), text)


def _each(function, data, kind):
    """Return the array with a function applied to each text."""
    return np.array([function(text) for text in data.ravel().tolist()], kind).reshape(data.shape)


def _storable_unit(unit):
    """Return the unit, and None; or None, and its text where a standard does not have it."""
    if unit is None:
        return None, None
    try:
        for standard in ("fits", "vounit"):
            if u.Unit(unit.to_string(standard), format=standard, parse_strict="raise") != unit:
                return None, unit.to_string()
    except (ValueError, AttributeError):
        return None, unit.to_string()
    # a dimensionless unit is text of length zero, which files drop
    return (unit, None) if unit.to_string() else (None, "")


def _column(data, mask, unit):
    # a Quantity made of integers would turn into one of floats
    if isinstance(unit, u.UnitBase) and not isinstance(unit, u.UnrecognizedUnit):
        data = u.Quantity(data, unit, dtype=data.dtype)
        return data if mask is None else Masked(data, mask=mask)
    return Column(data) if mask is None else MaskedColumn(data, mask=mask)


def fill_numbers(plain):
    """
    Give each masked integer column a value that means missing and occurs nowhere in it.

    Returns
    -------
    nulls : dict
        That value, by name of column.
    """
    nulls = {}
    for name, column in plain.columns.items():
        if isinstance(column, MaskedColumn) and column.dtype.kind in "iu":
            limits = np.iinfo(column.dtype)
            present = set(np.unique(column.data.compressed()).tolist())
            low = limits.min or limits.max
            step = 1 if limits.min else -1
            nulls[name] = next(value for value in range(low, low + step * (len(present) + 1), step)
                               if value not in present)
            column.data.data[column.mask] = nulls[name]
            column.fill_value = nulls[name]
    return nulls


def to_json(document):
    """Return the document as one line of JSON, in ASCII that FITS cards can hold."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    # FITS doubles the quote and continues long text with the ampersand
    return text.replace("'", "\\u0027").replace("&", "\\u0026")


def from_json(text):
    """Return the document, or None where the text is none of kinmis."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    ours = isinstance(document, dict) and {"version", "meta", "columns"} <= document.keys()
    return document if ours else None


def _plain(value):
    """Return a value of metadata as what JSON knows; anything else becomes text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray) and not isinstance(value, u.Quantity):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
