"""What numbers of a survey mean: their unit, their blanks, their zero point, their bins."""

import re

import astropy.constants as const
import astropy.units as u
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kinmis._units import KMS

__all__ = ["BLANKS", "bins_of_equal", "blank_mask", "re_zero", "speed_unit"]

BLANKS = (0.0, -999.0, -999.9, -9999.0, -1e6)
"""Numbers that surveys write for "no measurement", besides NaN."""

_C = float(const.c.to_value(KMS))
# what pipelines write, in lower case and without blanks; the rest is left to astropy
_SPELLINGS = {"kms": KMS, "kms-1": KMS, "kms^-1": KMS, "kms**-1": KMS, "km/sec": KMS,
              "kmsec-1": KMS, "km*s-1": KMS, "km.s-1": KMS, "km/s": KMS, "[km/s]": KMS,
              "ms": u.m / u.s, "ms-1": u.m / u.s, "m/sec": u.m / u.s, "m/s": u.m / u.s,
              "[m/s]": u.m / u.s}


def speed_unit(text, where):
    """
    Return the unit of speed that a text names, however a pipeline spells it.

    Parameters
    ----------
    text : str or `~astropy.units.Unit` or None
        Such as ``"km/s"``, ``"KM S-1"`` or ``"m/s"``.
    where : str
        What has the unit, for the message.

    Returns
    -------
    unit : `~astropy.units.Unit`

    Raises
    ------
    ValueError
        If it is missing, or no unit of speed.

    Examples
    --------
    >>> from kinmis.readers.values import speed_unit
    >>> speed_unit("Km S-1", "the map")
    Unit("km / s")
    """
    if isinstance(text, str):
        unit = _SPELLINGS.get(re.sub(r"\s", "", text).lower())
        if unit is None and text.strip():
            unit = u.Unit(text.strip(), parse_strict="silent")
    else:
        unit = text
    if unit is None:
        raise ValueError(f"{where} has no unit of velocity; give unit=\"km/s\" (or \"m/s\")")
    if not isinstance(unit, u.UnitBase) or not unit.is_equivalent(KMS):
        raise ValueError(f"{where} has the unit {str(text)!r}, which is none of velocity; if it "
                         "holds velocities all the same, give unit=\"km/s\" (or \"m/s\")")
    return unit


def blank_mask(values, blank):
    """
    Return where there is no measurement.

    Parameters
    ----------
    values : `~numpy.ndarray` of float
        As in the file.
    blank : float or sequence of float or None
        Numbers that mean it; None for `BLANKS`. Whatever is not finite does in any case.

    Returns
    -------
    mask : `~numpy.ndarray` of bool

    Examples
    --------
    >>> import numpy as np
    >>> from kinmis.readers.values import blank_mask
    >>> blank_mask(np.array([12, -999.9, np.nan]), None)
    array([False,  True,  True])
    """
    mask = ~np.isfinite(values)
    for number in BLANKS if blank is None else np.atleast_1d(blank):
        # single precision writes -999.9 as -999.900024
        mask |= np.abs(values - number) <= 1e-6 * abs(number)
    return mask


def re_zero(velocity, *, v_ref=None, absolute=None):
    """
    Return velocities relative to the galaxy, from those relative to the Sun if they are that.

    A velocity cz and the reference cz_0 = c z_0 give (cz - cz_0) / (1 + z_0), the velocity in
    the frame of the galaxy; errors shrink by the same factor.

    Parameters
    ----------
    velocity : `~numpy.ndarray`
        In km/s, NaN where there is none.
    v_ref : float, optional
        The velocity cz that shall count as zero, km/s; by default the median. With relative
        velocities it is only passed on.
    absolute : bool, optional
        Whether the velocities are cz; by default they are taken to be if their median is
        above 300 km/s in size and nearly all have one sign.

    Returns
    -------
    velocity : `~numpy.ndarray`
        In km/s.
    factor : float
        What errors are to be multiplied with.
    v_ref : float or None
        The velocity cz that counts as zero.
    absolute : bool
        Whether they were absolute.

    Examples
    --------
    >>> import numpy as np
    >>> from kinmis.readers.values import re_zero
    >>> velocity, factor, v_ref, absolute = re_zero(np.array([2900., 3000., 3100.]))
    >>> velocity.round(1), v_ref
    (array([-99.,   0.,  99.]), 3000.0)
    """
    good = velocity[np.isfinite(velocity)]
    if absolute is None:
        absolute = False
        if good.size:
            low, middle, high = np.percentile(good, (2, 50, 98))
            absolute = abs(middle) > 300 and low * high > 0
    if not absolute:
        return velocity, 1.0, v_ref, False
    if v_ref is None:
        v_ref = float(np.median(good)) if good.size else 0.0
    factor = 1 / (1 + v_ref / _C)
    return (velocity - v_ref) * factor, factor, v_ref, True


def bins_of_equal(velocity, error, mask):
    """
    Return the bins of a map that repeats one measurement in every spaxel of a bin.

    Spaxels with the same velocity and the same error are one bin. Without errors the
    velocity alone could agree by chance, so they must also touch along a side.

    Parameters
    ----------
    velocity : `~numpy.ndarray`
        Two-dimensional, as in the file.
    error : `~numpy.ndarray` or None
        Errors (or inverse variances), as in the file.
    mask : `~numpy.ndarray` of bool
        True where there is no measurement.

    Returns
    -------
    bin_id : `~numpy.ndarray` of int or None
        From 0, -1 under the mask; None where every spaxel has a value of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from kinmis.readers.values import bins_of_equal
    >>> velocity = np.array([[5., 5., 7.], [5., 8., 7.]])
    >>> bins_of_equal(velocity, None, np.zeros((2, 3), bool))
    array([[0, 0, 1],
           [0, 2, 1]])
    """
    good = ~mask
    bin_id = np.full(velocity.shape, -1)
    if error is None:
        bin_id[good] = _touching(velocity, good)
    else:
        pairs = np.stack([velocity[good], error[good]])
        bin_id[good] = np.unique(pairs, axis=1, return_inverse=True)[1].ravel()
    if not good.any() or np.bincount(bin_id[good]).max() == 1:
        return None
    # numbered in the order in which they appear, which people expect of bins
    _, first, back = np.unique(bin_id[good], return_index=True, return_inverse=True)
    bin_id[good] = np.argsort(np.argsort(first))[back.ravel()]
    return bin_id


def _touching(velocity, good):
    """Return the number of the region of equal values of each good spaxel."""
    number = np.full(velocity.shape, -1)
    number[good] = np.arange(np.count_nonzero(good))
    pairs = []
    for first, second in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        same = (velocity[first] == velocity[second]) & good[first] & good[second]
        pairs.append([number[first][same], number[second][same]])
    rows, columns = np.hstack(pairs)
    size = np.count_nonzero(good)
    links = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(size, size))
    return connected_components(links, directed=False)[1]
