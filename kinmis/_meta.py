"""Copies of metadata that share nothing that could be changed in place."""

import copy

import numpy as np

_IMMUTABLE = (str, bytes, int, float, complex, bool, type(None), np.generic)
_COMMON = frozenset(_IMMUTABLE)


def copy_meta(meta):
    """
    Return a deep copy of metadata, several times faster than `copy.deepcopy`.

    Parameters
    ----------
    meta : dict
        Metadata: nested dicts, lists, arrays and Quantities.

    Returns
    -------
    copy : dict
    """
    kind = type(meta)
    if kind in _COMMON or isinstance(meta, _IMMUTABLE):
        return meta
    if kind is dict:
        return {key: copy_meta(value) for key, value in meta.items()}
    if kind is list:
        return [copy_meta(value) for value in meta]
    if isinstance(meta, np.ndarray) and not meta.dtype.hasobject:
        return meta.copy()
    return copy.deepcopy(meta)


def slice_maps(meta, item, shape):
    """
    Cut the arrays in ``meta["maps"]`` that have the shape of the field, as the field is cut.

    Parameters
    ----------
    meta : dict
        Metadata, changed in place.
    item : object
        What the field is indexed with.
    shape : tuple of int
        Shape of the field before.

    Returns
    -------
    meta : dict
    """
    maps = meta.get("maps")
    if isinstance(maps, dict):
        for name, array in maps.items():
            if isinstance(array, np.ndarray) and array.shape == shape:
                maps[name] = array[item].copy()
    return meta
