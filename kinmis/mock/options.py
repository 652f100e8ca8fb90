"""Checks the options of a mock and turns them into plain numbers."""

import astropy.units as u
import numpy as np

from kinmis._input import COMPONENTS
from kinmis._units import KMS, scalar_in
from kinmis.mock.model import Bar, Core, Warp

__all__ = ["REFF_OF_SCALE", "one_or_two", "plain_options"]

# effective radius over scale length of an exponential disc
REFF_OF_SCALE = 1.678
# a MaNGA bundle reaches 1.5 effective radii
_REFF_OF_SIZE = 1 / 3

_UNITS = {name: unit for unit, names in (
    (u.deg, "pa inclination rotation ra dec"),
    (u.arcsec, "r_turn spaxel psf_fwhm scale_length"),
    (KMS, "v_max v_sys noise outlier_amplitude"),
    (u.one, "noise_slope noise_fwhm error_scale holes outliers snr bin_snr z"),
) for name in names.split()}
_PAIRS = {"center": u.arcsec, "size": u.arcsec, "wedge": u.deg}
_OPTIONAL = {"scale_length", "bin_snr"}
# None turns these off, as 0 does
_OFF = {"psf_fwhm", "noise", "noise_fwhm", "holes", "wedge", "outliers"}
_POSITIVE = {"spaxel", "error_scale", "snr", "size", "bin_snr"}


def plain_options(given):
    """
    Return the options of a mock as plain numbers in the documented units.

    Parameters
    ----------
    given : dict
        The arguments of `kinmis.mock.velocity_field`.

    Returns
    -------
    options : dict
        Lengths in arcsec, angles in degrees, velocities in km/s; pairs are tuples; warp, bar
        and core are None or objects.

    Raises
    ------
    ValueError
        If a value is out of its range.
    astropy.units.UnitsError
        If a unit is of the wrong kind.
    """
    options = dict(given)
    for name in _OFF:
        if options[name] is None:
            options[name] = 0.0
    for name, unit in _UNITS.items():
        options[name] = scalar_in(options[name], unit, name)
        if options[name] is None and name not in _OPTIONAL:
            raise ValueError(f"{name} must be a number, not None")
    for name, unit in _PAIRS.items():
        options[name] = one_or_two(options[name], unit, name)
    options["pa"] %= 360
    _check(options)
    radius = float(np.min(options["size"])) / 2
    if options["scale_length"] is None:
        options["scale_length"] = 2 * radius * _REFF_OF_SIZE / REFF_OF_SCALE
    for name, kind, more in (("warp", Warp, (radius / 2, radius)),
                             ("bar", Bar, (45.0, radius / 2)), ("core", Core, (radius / 3,))):
        if options[name] is not None and not isinstance(options[name], kind):
            value = scalar_in(options[name], u.one if name == "bar" else u.deg, name)
            options[name] = kind(value, *more)
    return options


def one_or_two(value, unit, name):
    """Return a number, or a pair of them as a tuple, in a unit."""
    values = value if isinstance(value, (tuple, list)) else np.atleast_1d(value)
    numbers = tuple(scalar_in(number, unit, name) for number in values)
    if len(numbers) == 2:
        return numbers
    if len(numbers) == 1 and name != "center":
        return numbers[0]
    wanted = "a pair of numbers" if name == "center" else "a number or a pair"
    raise ValueError(f"{name} must be {wanted}, not {value!r}")


def _check(options):
    if options["component"] not in COMPONENTS:
        raise ValueError(f"component must be one of {COMPONENTS}, not {options['component']!r}")
    for name in _POSITIVE:
        if options[name] is not None and not np.all(np.greater(options[name], 0)):
            raise ValueError(f"{name} must be positive, not {options[name]}")
    for name in ("noise", "noise_fwhm", "psf_fwhm"):
        if options[name] < 0:
            raise ValueError(f"{name} must not be negative, but is {options[name]}")
    for name in ("holes", "outliers"):
        if not 0 <= options[name] < 1:
            raise ValueError(f"{name} must be a fraction from 0 to below 1, not {options[name]}")
    wedge = options["wedge"]
    width = wedge if np.ndim(wedge) == 0 else wedge[1] - wedge[0]
    if not 0 <= width < 360:
        raise ValueError(f"wedge must be from 0 to below 360 deg wide, not {width} deg")
    bins = options["bins"]
    if bins is not None:
        if options["bin_snr"] is not None:
            raise ValueError("give bins or bin_snr, not both")
        if bins != int(bins) or bins < 1:
            raise ValueError(f"bins must be a whole number from 1 on, not {bins}")
        options["bins"] = int(bins)
