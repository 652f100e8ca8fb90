"""The wavelengths of a cube: from its header or told, in air or in vacuum, never guessed."""

import re
from dataclasses import dataclass

import astropy.units as u
import numpy as np

from kinmis._units import KMS
from kinmis.cube.line_fit import C_KMS

__all__ = ["SpectralAxis", "axis_from_header", "instrument_dispersion", "make_axis"]

MEDIA = ("air", "vacuum")
_TELL = "give medium=\"air\" or medium=\"vacuum\" (near H-alpha they differ by 83 km/s)"
_SPEEDS = {"VOPT": "optical", "VRAD": "radio", "VELO": "relativistic", "FELO": "optical"}
_UNITS = {"angstroms": u.AA, "a": u.AA, "ang": u.AA, "nanometer": u.nm, "nanometers": u.nm,
          "micron": u.um, "microns": u.um}


@dataclass(frozen=True)
class SpectralAxis:
    """
    Wavelengths of the channels.

    Parameters
    ----------
    wavelength : `~numpy.ndarray`
        Increasing (Angstrom).
    medium : {"air", "vacuum"}
        What they are measured in.
    reversed : bool
        Whether the channels of the cube run the other way.
    told : str
        Where ``medium`` comes from.
    """

    wavelength: np.ndarray
    medium: str
    reversed: bool
    told: str


def make_axis(values, unit, medium, told, where, *, rest=None, convention=None):
    """
    Return the axis for a list of wavelengths, frequencies or velocities.

    Parameters
    ----------
    values : array-like or `~astropy.units.Quantity`
        One for each channel.
    unit : str or `~astropy.units.Unit` or None
        Of plain numbers.
    medium : {"air", "vacuum"} or None
        What wavelengths are measured in.
    told : str
        Where ``medium`` comes from.
    where : str
        The cube, for messages.
    rest : `~astropy.units.Quantity`, optional
        Wavelength or frequency to which velocities refer.
    convention : {"optical", "radio", "relativistic"}, optional
        Of velocities.

    Returns
    -------
    axis : `SpectralAxis`

    Raises
    ------
    ValueError
        If unit or medium are unknown, or the values are no wavelengths in order.

    Examples
    --------
    >>> from kinmis.cube.spectral_axis import make_axis
    >>> axis = make_axis([656.4, 656.3, 656.2, 656.1, 656.0], "nm", "air", "you", "the cube")
    >>> axis.wavelength, axis.reversed
    (array([6560., 6561., 6562., 6563., 6564.]), True)
    """
    quantity = _quantity(values, unit, where)
    if medium is not None and medium not in MEDIA:
        raise ValueError(f"medium must be 'air' or 'vacuum', not {medium!r}")
    kind = quantity.unit.physical_type
    if kind == "speed":
        if rest is None or convention is None:
            raise ValueError(f"{where} has a spectral axis in {quantity.unit}, and nothing tells "
                             "the rest wavelength that it refers to; give wavelength=, an array "
                             "of wavelengths with unit")
        quantity = quantity.to(u.AA, getattr(u, f"doppler_{convention}")(rest))
        medium, told = medium or "vacuum", told or "the rest frequency"
    elif kind in ("frequency", "energy"):
        quantity = quantity.to(u.AA, u.spectral())
        medium, told = medium or "vacuum", told or "the frequencies"
    elif kind != "length":
        raise ValueError(f"{where} has a spectral axis in {quantity.unit}, which is no unit of "
                         "wavelength; give wavelength_unit=, such as \"Angstrom\" or \"nm\"")
    wavelength = quantity.to_value(u.AA).astype(float)
    if wavelength.ndim != 1 or len(wavelength) < 5:
        raise ValueError(f"{where}: the wavelengths have the shape {wavelength.shape}; there must "
                         "be one for each channel, and more than four")
    steps = np.diff(wavelength)
    if not np.all(np.isfinite(wavelength)) or not (np.all(steps > 0) or np.all(steps < 0)):
        raise ValueError(f"{where}: the wavelengths neither grow nor fall from channel to channel")
    backwards = bool(steps[0] < 0)
    if backwards:
        wavelength = wavelength[::-1]
    if not 500 < wavelength[0] < wavelength[-1] < 1e8:
        raise ValueError(f"{where}: its wavelengths run from {wavelength[0]:.6g} to "
                         f"{wavelength[-1]:.6g} Angstrom, which can't be right; give "
                         "wavelength_unit=, or wavelength= (an array with unit)")
    if medium is None:
        raise ValueError(f"{where}: nothing tells whether its wavelengths are those in air or in "
                         f"vacuum; {_TELL}")
    return SpectralAxis(wavelength, medium, backwards, told or "you")


def axis_from_header(header, count, where, *, medium=None, unit=None):
    """
    Return the axis that a FITS header describes.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Of the cube.
    count : int
        Number of channels.
    where : str
        The cube, for messages.
    medium : {"air", "vacuum"}, optional
        By default the axis type tells: AWAV is air, WAVE and frequencies are vacuum.
    unit : str or `~astropy.units.Unit`, optional
        By default CUNIT3.

    Returns
    -------
    axis : `SpectralAxis`

    Raises
    ------
    ValueError
        If the header does not tell enough.

    Notes
    -----
    Linear and logarithmic axes of Greisen et al. 2006 (A&A 446, 747), and those that hold the
    decimal logarithm (``DC-FLAG = 1``, or ``LOG10`` in the axis type).

    Examples
    --------
    >>> from astropy.io import fits
    >>> from kinmis.cube.spectral_axis import axis_from_header
    >>> header = fits.Header({"CTYPE3": "AWAV", "CUNIT3": "nm", "CRVAL3": 480.0, "CRPIX3": 1,
    ...                       "CDELT3": 0.125})
    >>> axis = axis_from_header(header, 2000, "the cube")
    >>> axis.medium, axis.wavelength[:2]
    ('air', array([4800.  , 4801.25]))
    """
    kind = str(header.get("CTYPE3", "")).strip().upper()
    step = header.get("CD3_3", header.get("CDELT3"))
    start = header.get("CRVAL3")
    if "CD3_3" not in header and step is not None:
        step = step * header.get("PC3_3", 1.0)
    if start is None or step is None or step == 0:
        raise ValueError(f"{where}: its header has no spectral axis (CRVAL3, and CDELT3 or "
                         "CD3_3); give wavelength=, an array or the name of an extension")
    offset = (np.arange(count) + 1 - header.get("CRPIX3", 1.0)) * step
    if header.get("DC-FLAG") == 1 or "LOG10" in kind:
        values = 10 ** (start + offset)
    elif kind.endswith("-LOG"):
        values = start * np.exp(offset / start)
    else:
        values = start + offset
    base = re.split("[-_ ]", kind)[0]
    told = "you" if medium else None
    if medium is None and base in ("AWAV", "WAVE"):
        medium, told = {"AWAV": "air", "WAVE": "vacuum"}[base], f"CTYPE3 = {kind}"
    rest = None
    if base in _SPEEDS:
        if header.get("RESTFRQ", header.get("RESTFREQ")):
            rest = header.get("RESTFRQ", header.get("RESTFREQ")) * u.Hz
        elif header.get("RESTWAV"):
            rest = header["RESTWAV"] * u.m
    return make_axis(values, unit or header.get("CUNIT3") or None, medium, told, where,
                     rest=rest, convention=_SPEEDS.get(base))


def _quantity(values, unit, where):
    if isinstance(values, u.Quantity):
        if values.unit.is_equivalent(u.one):
            raise ValueError(f"{where}: the wavelengths have no unit")
        return values
    if unit is None:
        values = np.asarray(values)
        looks = (", they look like decimal logarithms of Angstrom: give 10**values"
                 if values.size and 3 < np.min(values) < np.max(values) < 5 else "")
        raise ValueError(f"{where}: the wavelengths ({np.min(values):.6g} to {np.max(values):.6g}) "
                         f"have no unit{looks}; give wavelength_unit=, such as \"Angstrom\" or "
                         "\"nm\"")
    if isinstance(unit, str):
        text = unit.strip()
        unit = _UNITS.get(text.lower()) or u.Unit(text, parse_strict="silent")
        if isinstance(unit, u.UnrecognizedUnit):
            unit = u.Unit(text.lower(), parse_strict="silent")
        if isinstance(unit, u.UnrecognizedUnit):
            raise ValueError(f"{where}: the unit {text!r} of its spectral axis is unknown; give "
                             "wavelength_unit=, such as \"Angstrom\" or \"nm\"")
    return np.asarray(values, float) * unit


def instrument_dispersion(lsf, wavelength, at):
    """
    Return the dispersion of the instrument in km/s.

    Parameters
    ----------
    lsf : None, float or `~astropy.units.Quantity`
        Resolving power (plain number), or full width at half maximum in wavelength or velocity,
        as lines have it in the cube; one value or one for each channel. None for none.
    wavelength : `~numpy.ndarray`
        Of the channels (Angstrom).
    at : `~numpy.ndarray`
        Where it is wanted (Angstrom).

    Returns
    -------
    sigma : `~numpy.ndarray`

    Raises
    ------
    ValueError
        If it has the wrong unit or length, or can't be right.

    Examples
    --------
    >>> import astropy.units as u, numpy as np
    >>> from kinmis.cube.spectral_axis import instrument_dispersion
    >>> channels = np.arange(6000., 7000.)
    >>> print(instrument_dispersion(2.5 * u.AA, channels, np.array([6563.])).round(1))
    [48.5]
    """
    at = np.asarray(at, float)
    if lsf is None:
        return np.zeros(at.shape)
    quantity = u.Quantity(lsf)
    value = quantity.value.astype(float)
    if value.ndim:
        if value.shape != wavelength.shape:
            raise ValueError(f"lsf has the shape {value.shape}; it must be one number, or one for "
                             f"each of the {len(wavelength)} channels")
        good = np.isfinite(value) & (value > 0)
        value = np.interp(at, wavelength[good], value[good]) if good.any() else np.zeros(at.shape)
    if quantity.unit.is_equivalent(u.AA):
        sigma = C_KMS * value * quantity.unit.to(u.AA) / at
    elif quantity.unit.is_equivalent(KMS):
        sigma = value * quantity.unit.to(KMS) * np.ones(at.shape)
    elif quantity.unit.is_equivalent(u.one):
        resolving = value * quantity.unit.to(u.one) * np.ones(at.shape)
        if not np.all(resolving > 50):
            raise ValueError(f"lsf={lsf!r} as a plain number is the resolving power, which can't "
                             "be that small; give a width as a Quantity, such as 2.5 * u.AA")
        sigma = C_KMS / resolving
    else:
        raise ValueError(f"lsf has the unit {quantity.unit}; it must be a resolving power (no "
                         "unit), or a width in wavelength or velocity")
    sigma = sigma / (2 * np.sqrt(2 * np.log(2)))
    if not np.all((sigma > 0.1) & (sigma < 3000)):
        raise ValueError(f"lsf={lsf!r} gives an instrumental dispersion of {np.min(sigma):.3g} "
                         "km/s, which can't be right")
    return sigma
