"""
Metadata as JSON text that gives back what went in: types, units, NaN and all.

What JSON lacks is written as an object with the key ``"!"``, which names its kind. The text
is plain ASCII without bare NaN, so that every format can hold it and every parser read it.
"""

import json
import math
from collections.abc import Mapping

import astropy.units as u
import numpy as np

__all__ = ["from_json", "to_json"]

_TAG = "!"
_PLAIN = (str, bool, int, type(None))
_KINDS = "biufU"    # of arrays that can be written


def to_json(value, name="meta"):
    """
    Return metadata as JSON text.

    Parameters
    ----------
    value : object
        Nested dicts, lists and tuples of numbers, texts, None, units, Quantities, arrays
        and numpy scalars. Other mappings come back as a dict, and angles as a Quantity.
    name : str, optional
        What it is called in error messages.

    Returns
    -------
    text : str
        ASCII.

    Raises
    ------
    TypeError
        If there is something else in it; the message names its key.

    Examples
    --------
    >>> import astropy.units as u
    >>> from kinmis._serialise import from_json, to_json
    >>> text = to_json({"reff": 3.5 * u.arcsec, "z": float("nan")})
    >>> from_json(text)
    {'reff': <Quantity 3.5 arcsec>, 'z': nan}
    """
    return json.dumps(_encode(value, name), allow_nan=False)


def from_json(text):
    """
    Return the metadata that `to_json` wrote.

    Parameters
    ----------
    text : str or bytes
        JSON; what other programs wrote is read as well.

    Returns
    -------
    value : object

    Raises
    ------
    ValueError
        If it is not JSON, or of a newer version that knows more kinds.
    """
    return json.loads(text, object_hook=_decode)


def _encode(value, name):
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if math.isfinite(value) else {_TAG: "float", "value": str(value)}
    if kind is list:
        return [_encode(item, f"{name}[{place}]") for place, item in enumerate(value)]
    if kind is tuple:
        return {_TAG: "tuple", "value": _encode(list(value), name)}
    if isinstance(value, Mapping):
        return _encode_mapping(value, name)
    if isinstance(value, u.UnitBase):
        return {_TAG: "unit", "value": _unit_text(value, name)}
    if isinstance(value, u.Quantity):
        number = value.value
        return {_TAG: "quantity", "unit": _unit_text(value.unit, name),
                "value": (_encode(float(number), name) if type(number) is np.float64
                          else _encode_array(number, name))}
    if isinstance(value, np.generic | np.ndarray):
        return _encode_array(value, name)
    raise TypeError(f"{name} is of the type {kind.__name__}, which can't be written; metadata "
                    "may hold numbers, texts, None, units, Quantities, arrays, lists and dicts")


def _encode_mapping(value, name):
    if all(type(key) is str for key in value) and _TAG not in value:
        return {key: _encode(item, f"{name}[{key!r}]") for key, item in value.items()}
    return {_TAG: "dict", "value": [[_encode(key, f"a key of {name}"),
                                     _encode(item, f"{name}[{key!r}]")]
                                    for key, item in value.items()]}


def _encode_array(value, name):
    """Encode an array or a numpy scalar, or a Python number out of a Quantity."""
    if not isinstance(value, np.generic | np.ndarray):
        return _encode(value, name)
    if (type(value) is not np.ndarray and isinstance(value, np.ndarray)) or (
            value.dtype.kind not in _KINDS or value.dtype.itemsize > 8 and value.dtype.kind == "f"):
        raise TypeError(f"{name} is a {type(value).__name__} of {value.dtype}, which can't be "
                        "written; numbers and texts of plain types can")
    return {_TAG: "array" if isinstance(value, np.ndarray) else "scalar",
            "dtype": value.dtype.str, "shape": list(value.shape),
            "value": _encode(value.ravel().tolist(), name)}


def _unit_text(unit, name):
    text = unit.to_string()
    try:
        if isinstance(unit, u.UnitBase) and u.Unit(text) == unit:
            return text
    except ValueError:
        pass    # told below, with the name of what it belongs to
    raise TypeError(f"{name} has the unit {text!r}, which can't be written as text")


def _decode(found):
    kind = found.get(_TAG)
    if kind is None:
        return found
    value = found.get("value")
    if kind == "float":
        return float(value)
    if kind == "tuple":
        return tuple(value)
    if kind == "dict":
        return dict(map(tuple, value))
    if kind == "unit":
        return u.Unit(value)
    if kind == "quantity":
        return u.Quantity(value, found["unit"], dtype=getattr(value, "dtype", None))
    if kind in ("array", "scalar"):
        array = np.array(value, dtype=found["dtype"]).reshape(found["shape"])
        return array if kind == "array" else array[()]
    raise ValueError(f"metadata hold something of the kind {kind!r}, which this version of kinmis "
                     "does not know; update it")
