"""A redshift that can be trusted, or a clear error."""

import warnings

import astropy.units as u
import numpy as np

from kinmis._units import KMS, scalar_in
from kinmis.cube.line_fit import C_KMS
from kinmis.exceptions import QualityWarning

__all__ = ["check_redshift", "find_redshift", "trust"]

# keywords that surveys write the redshift of the galaxy into
_KEYWORDS = ("Z_SPEC", "REDSHIFT", "ZSPEC", "Z_IN", "NSA_Z", "OBJ_Z", "OBJZ", "Z_HELIO", "Z")
_AIR_VACUUM = 83.0


def check_redshift(z):
    """Return a redshift as a number, or raise `ValueError`."""
    if isinstance(z, u.Quantity) and z.unit.is_equivalent(KMS):
        raise ValueError(f"z={z} is a velocity; give the redshift z, a plain number")
    z = scalar_in(z, u.one, "z")
    if not -0.01 < z < 20:
        raise ValueError(f"z={z} is no redshift of a galaxy" + (
            "; if it is cz in km/s, divide it by the speed of light" if z >= 20 else ""))
    return z


def find_redshift(z, headers, where):
    """
    Return the redshift of the galaxy, and where it comes from.

    Parameters
    ----------
    z : float or None
        What the user gave.
    headers : iterable of `~astropy.io.fits.Header`
        Where to look for it else.
    where : str
        The cube, for messages.

    Returns
    -------
    z : float
    told : str

    Raises
    ------
    ValueError
        If there is none, or it can't be one.

    Examples
    --------
    >>> from astropy.io import fits
    >>> from kinmis.cube.redshift import find_redshift
    >>> find_redshift(None, [fits.Header({"Z_SPEC": 0.028})], "the cube")
    (0.028, 'Z_SPEC of the header')
    """
    if z is not None:
        return check_redshift(z), "you"
    for header in headers:
        for keyword in _KEYWORDS:
            value = header.get(keyword)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 20:
                return float(value), f"{keyword} of the header"
    raise ValueError(f"{where}: nothing tells the redshift, and a line can't be found without; "
                     "give z=")


def trust(stack, reach, found, model, lines, z, axis, where, snr_min):
    """
    Raise `ValueError` unless the lines are where the redshift says.

    Parameters
    ----------
    stack : `~kinmis.cube.line_fit.LineFit`
        Fit of the sum of all spectra.
    reach : float
        Velocities that were searched for that (km/s), more than those of the model.
    found : `~numpy.ndarray` of bool
        Which spectra have the line.
    model : `~kinmis.cube.line_fit.LineModel`
        What was fitted to each.
    lines : `~kinmis.cube.lines.LineComplex`
        The lines.
    z : float
        The redshift.
    axis : `~kinmis.cube.spectral_axis.SpectralAxis`
        The wavelengths.
    where : str
        The cube, for messages.
    snr_min : float
        What counts as detected.

    Warns
    -----
    QualityWarning
        If the lines lie where they would if air and vacuum were confused, and only the axis type
        WAVE, which many pipelines write for either, says that it is vacuum.
    """
    snr = float(stack.flux[0] / stack.flux_error[0]) if stack.converged[0] else 0.0
    velocity = float(stack.velocity[0])
    place = lines.groups[0][0][0] * (1 + z)
    if snr > max(snr_min, 5) and abs(velocity) > model.v_max:
        other = (1 + z) * (1 + velocity / C_KMS) - 1
        # at the end of the search it is the flank of something further away
        told = (f"{velocity:+.0f} km/s away. If z={other:.5f} is right give that"
                if abs(velocity) < 0.98 * reach else f"{reach:.0f} km/s away or more. Check z")
        raise ValueError(
            f"{where}: at z={z:.5g} the lines {lines.name} are not where they should be: all "
            f"spectra together have them {told}, or check whether wavelengths are in "
            f"{axis.medium}; v_max= widens the search")
    if not found.any():
        told = (f"they are seen in the sum of all spectra (S/N {snr:.0f}): bin the cube, or lower "
                "snr_min" if snr > 5 else "nor in the sum of all spectra: check z, or the galaxy "
                "has no such gas")
        raise ValueError(f"{where}: the lines {lines.name} (at {place:.1f} Angstrom for z={z:.5g}) "
                         f"are detected in no spaxel with S/N {snr_min:g}; {told}")
    if axis.told.startswith("CTYPE3 = WAVE") and snr > 10 and abs(velocity + _AIR_VACUUM) < 12:
        warnings.warn(
            f"{where}: the lines lie {velocity:+.0f} km/s from z={z:.5g}, as they would if its "
            "wavelengths were those in air, although the header says WAVE (vacuum); give medium= "
            "to be sure", QualityWarning, stacklevel=5)


def stack_spectra(total, variance, count):
    """Return the mean spectrum of many and its inverse variance, from sums over them."""
    with np.errstate(all="ignore"):
        mean = total / count
        ivar = count**2 / variance
    good = (count > 0) & np.isfinite(ivar)
    return np.where(good, mean, 0.0)[None], np.where(good, ivar, 0.0)[None]
