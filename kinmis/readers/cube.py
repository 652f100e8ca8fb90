"""
Measure velocity fields in cubes of spectra, format ``cube``.

What is measured, and how, is in `kinmis.cube`.
"""

import functools
import inspect
import os

from astropy.io import fits

from kinmis.cube.field import measure_field
from kinmis.cube.fits_cube import is_spectral
from kinmis.galaxy import Galaxy
from kinmis.readers.fits_stream import first_header
from kinmis.readers.formats import register_reader

__all__ = ["read_cube"]

_PACKAGES = ("specutils", "spectral_cube", "mpdaf")


def read_cube(source, **options):
    """
    Measure the velocity field of the gas (or the stars) in a cube of spectra.

    Parameters
    ----------
    source : str or object
        Path of a FITS file, or a cube of specutils, spectral-cube or mpdaf.
    **options
        As for `kinmis.cube.measure_field`, such as ``line``, ``z``, ``lsf``, ``snr_min``,
        ``medium`` and ``center``.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`
        With the one component that was measured.

    Raises
    ------
    OSError
        If the file is missing, truncated or damaged.
    ValueError
        If the cube does not tell enough, or the line is not where the redshift says.

    Examples
    --------
    >>> import os, tempfile
    >>> from kinmis import VelocityField, mock
    >>> path = os.path.join(tempfile.mkdtemp(), "cube.fits")
    >>> path = mock.cube(pa=75, snr=40, size=16, seed=1).write(path)
    >>> print(VelocityField.read(path, line="Ha").fit_pa().pa.round())
    75.0 deg
    """
    field = measure_field(source, **options)
    return Galaxy(**{field.component: field})


@functools.wraps(read_cube)
def read_field(source, component=None, **options):
    if component is not None:
        options["component"] = component
    return measure_field(source, **options)


# the options are checked, and listed in messages, by name
read_cube.__signature__ = inspect.signature(measure_field)


def _identify(source):
    """Return whether a source is a cube of spectra."""
    if not isinstance(source, (str, os.PathLike)):
        return type(source).__module__.partition(".")[0] in _PACKAGES
    if not os.path.isfile(source):
        return False
    try:
        if first_header(source).get("NAXIS", 0):
            return is_spectral(first_header(source))
        return is_spectral(_second_header(source, os.stat(source).st_mtime_ns))
    except (OSError, ValueError):
        return False


@functools.lru_cache(maxsize=16)
def _second_header(path, _):
    """Return the header of the first extension, where the primary one has no data."""
    with fits.open(path, lazy_load_hdus=True) as units:
        try:
            return units[1].header.copy()
        except IndexError:
            return fits.Header()


register_reader("cube", read_cube, _identify, read_field=read_field,
                description="cube of spectra, in which the velocity of the gas is measured from "
                            "an emission line")
