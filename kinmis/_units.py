"""The one boundary where units are checked and stripped.

Public input may be a `~astropy.units.Quantity` or a plain array in the documented unit;
inside, arrays are plain and in km/s, arcsec and degrees.
"""

import astropy.units as u
import numpy as np

KMS = u.km / u.s
IVAR = KMS**-2


def values_in(value, unit, name):
    """
    Return ``value`` as a plain floating-point array in ``unit``.

    Parameters
    ----------
    value : `~astropy.units.Quantity` or array-like
        Plain numbers are taken to be in ``unit`` already.
    unit : `~astropy.units.Unit`
        The unit wanted.
    name : str
        Name of the argument, for the error message.

    Returns
    -------
    array : `~numpy.ndarray` or numpy scalar

    Raises
    ------
    astropy.units.UnitsError
        If the unit can't be converted.
    TypeError
        If the values are not real numbers.
    """
    if isinstance(value, u.Quantity):
        try:
            value = value.to_value(unit)
        except u.UnitConversionError:
            raise u.UnitsError(
                f"{name} has the unit '{value.unit}'; it must be convertible to '{unit}'"
            ) from None
    elif isinstance(value, np.ma.MaskedArray):
        value = (value if value.dtype.kind == "f" else value.astype(float)).filled(np.nan)
    array = np.asarray(value)
    if array.dtype.kind in "iu":
        array = array.astype(float)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} must hold real numbers, not {array.dtype}")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def scalar_in(value, unit, name):
    """Return one finite number in ``unit`` as a `float`; ``None`` stays ``None``."""
    if value is None:
        return None
    array = values_in(value, unit, name)
    if array.ndim != 0:
        raise ValueError(f"{name} must be a single number, not an array of shape {array.shape}")
    if not np.isfinite(array):
        raise ValueError(f"{name} must be finite, not {array}")
    return float(array)
