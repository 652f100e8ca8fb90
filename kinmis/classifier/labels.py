"""Expert labels: what they may be, and what becomes of those that may not."""

import warnings

import numpy as np

from kinmis.exceptions import InvalidValueWarning

__all__ = ["QUALITY", "Labels", "check_quality"]

#: What an expert says of a field.
QUALITY = {0: "do not use", 1: "messy", 2: "clean"}


class Labels:
    """
    Labels of galaxies, as numbers; -1 where there is none.

    Parameters
    ----------
    quality : `~numpy.ndarray` of int, shape (n, 2)
        0, 1 or 2 of stars and gas.
    features : `~numpy.ndarray` of int, shape (n, 2), optional
        0 none, 1 decoupled core, 2 warp, 3 merger or neighbour.
    notes : `~numpy.ndarray` of int, shape (n,), optional
        Of gas that is not usable beside stars that are: 0 none, 1 depletion, 2 no clear
        rotation, 3 rotation but biased.
    """

    def __init__(self, quality, features=None, notes=None):
        self.quality = np.asarray(quality, int)
        n = len(self.quality)
        self.features = np.full((n, 2), -1) if features is None else np.asarray(features, int)
        self.notes = np.full(n, -1) if notes is None else np.asarray(notes, int)

    def __len__(self):
        return len(self.quality)

    def __getitem__(self, index):
        return Labels(self.quality[index], self.features[index], self.notes[index])


def check_quality(values, what="labels", allowed=(0, 1, 2)):
    """
    Return labels as integers, -1 where missing or not allowed.

    Parameters
    ----------
    values : array-like
        Numbers; NaN, masked, None and -1 mean that there is no label.
    what : str
        Name for messages.
    allowed : tuple of int

    Returns
    -------
    labels : `~numpy.ndarray` of int

    Raises
    ------
    ValueError
        If values are no numbers.

    Warns
    -----
    InvalidValueWarning
        If there are values outside ``allowed``; they are dropped.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = values.astype(float).filled(np.nan)
    try:
        values = np.asarray(values, float)
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be numbers, one of {allowed}, not "
                         f"{_no_number(values)!r}") from None
    missing = ~np.isfinite(values) | (values == -1)
    wrong = ~missing & ~np.isin(values, allowed)
    if wrong.any():
        shown = sorted({float(value) for value in values[wrong]})[:5]
        warnings.warn(f"{np.count_nonzero(wrong)} of the {what} are none of {allowed} "
                      f"({', '.join(f'{value:g}' for value in shown)}): dropped",
                      InvalidValueWarning, stacklevel=2)
    return np.where(missing | wrong, -1, np.nan_to_num(values)).astype(int)


def _no_number(values):
    """Return the first of the values that is none."""
    for value in values if np.iterable(values) and not isinstance(values, str) else [values]:
        try:
            float(np.nan if value is None else value)
        except (TypeError, ValueError):
            return value
    return values
