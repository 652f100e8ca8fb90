"""Flags: every bit is declared here, once; tables, documentation and decoding follow."""

from dataclasses import dataclass

import numpy as np

__all__ = ["FLAGS", "Flag", "decode_flags", "flag_bits"]


@dataclass(frozen=True)
class Flag:
    """
    One bit of a flag column.

    Parameters
    ----------
    bit : int
        Its number, from 0.
    name : str
        What it is called.
    description : str
        What it says.

    Examples
    --------
    >>> from kinmis.flags import FLAGS
    >>> FLAGS[2].name, FLAGS[2].value
    ('NO_ROTATION', 4)
    """

    bit: int
    name: str
    description: str

    @property
    def value(self):
        """The number that has only this bit set."""
        return 1 << self.bit


FLAGS = tuple(Flag(bit, name, description) for bit, name, description in (
    (0, "NO_DATA", "There is no field, or every spaxel of it is masked"),
    (1, "TOO_FEW_DATA", "Fewer independent data than the fit has parameters; no angle"),
    (2, "NO_ROTATION", "No rotation detected; no angle"),
    (3, "AMBIGUOUS_SENSE", "The receding side is uncertain: the angle may be off by 180 deg"),
    (4, "CORRELATED_NOISE", "Residuals are correlated between neighbours; the error is inflated"),
    (5, "OUTLIERS_CLIPPED", "More than 2% of the data were clipped as outliers of the fit"),
    (6, "INNER_OUTER_DIFFER", "Inner and outer angle differ by more than 30 deg and 3 sigma"),
    (7, "MULTIMODAL", "A second angle fits nearly as well (delta chi-square below 9)"),
    (8, "INCOMPLETE_AZIMUTH", "More than 90 deg of azimuth hold no data"),
    (9, "POOR_FIT", "The intrinsic scatter exceeds half the rotation amplitude"),
    (10, "NO_COMMON_FOOTPRINT", "The two fields share too few spaxels to compare them there"),
    (11, "SOURCE_WARNING", "The source carries a quality warning of its pipeline"),
    (12, "FAILED", "The galaxy could not be read or measured; see the message"),
    (13, "OUT_OF_DISTRIBUTION", "Unlike the training data: the classification may be wrong"),
))
"""Every flag, in the order of its bit."""

_BY_NAME = {flag.name: flag for flag in FLAGS}


def flag_bits(*names):
    """
    Return the number with the bits of the named flags set.

    Parameters
    ----------
    *names : str
        Names of flags, as in `FLAGS`.

    Returns
    -------
    bits : int

    Examples
    --------
    >>> from kinmis.flags import flag_bits
    >>> flag_bits("NO_ROTATION", "NO_DATA")
    5
    """
    bits = 0
    for name in names:
        if name not in _BY_NAME:
            raise KeyError(f"there is no flag {name!r}; there are {', '.join(_BY_NAME)}")
        bits |= _BY_NAME[name].value
    return bits


def decode_flags(bits):
    """
    Return the names of the flags that are set.

    Parameters
    ----------
    bits : int or array-like of int
        One number or a column of them; masked values decode to no flag.

    Returns
    -------
    names : list of str, or list of lists

    Raises
    ------
    ValueError
        If a bit is set that no flag has.

    Examples
    --------
    >>> from kinmis import decode_flags
    >>> decode_flags(6)
    ['TOO_FEW_DATA', 'NO_ROTATION']
    >>> decode_flags([0, 1])
    [[], ['NO_DATA']]
    """
    if isinstance(bits, np.ma.MaskedArray):
        bits = bits.filled(0)
    elif hasattr(bits, "unmasked"):
        bits = bits.filled(0)
    bits = np.asarray(bits)
    if bits.dtype.kind not in "iu" and bits.size:
        raise TypeError(f"flags must be whole numbers, not {bits.dtype}")
    unknown = np.bitwise_and(bits.astype(np.int64), ~((1 << len(FLAGS)) - 1))
    if np.any(unknown):
        raise ValueError(f"{np.ravel(bits)[np.flatnonzero(unknown)[0]]} has a bit that no flag "
                         f"has; the flags are bits 0 to {len(FLAGS) - 1}")
    if bits.ndim == 0:
        return [flag.name for flag in FLAGS if bits & flag.value]
    return [decode_flags(value) for value in bits]
