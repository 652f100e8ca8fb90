"""Copies of metadata that share nothing that could be changed in place."""

import copy

import numpy as np

_IMMUTABLE = (str, bytes, int, float, complex, bool, type(None), np.generic)


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
    if isinstance(meta, _IMMUTABLE):
        return meta
    if kind is dict:
        return {key: copy_meta(value) for key, value in meta.items()}
    if kind is list:
        return [copy_meta(value) for value in meta]
    if isinstance(meta, np.ndarray) and not meta.dtype.hasobject:
        return meta.copy()
    return copy.deepcopy(meta)
