"""Make a velocity field from a cube of spectra."""

import astropy.units as u
import numpy as np
from astropy.io import fits

from kinmis._input import COMPONENTS, check_bin_id
from kinmis._units import KMS, scalar_in
from kinmis.cube.line_fit import C_KMS
from kinmis.cube.sources import open_cube
from kinmis.readers.sky_grid import (grid_offsets, pixel_of_center, repaired_wcs,
                                     side_of_spaxel)
from kinmis.velocity_field import VelocityField

__all__ = ["measure_field"]

_MAP_UNITS = {"dispersion": KMS, "dispersion_error": KMS}


def measure_field(cube, *, line="Ha", z=None, component="gas", wavelength=None,
                  wavelength_unit=None, medium=None, extension=None, variance=None, error=None,
                  ivar=None, mask=None, continuum=None, degree=None, lsf=None, snr_min=5.0,
                  v_max=500.0, sigma_max=500.0, window=1000.0, rescale=None, check=True,
                  bin_id=None, wcs=None, east=None, north=None, center="reference", spaxel=None,
                  templates=None, backend="auto", memory=256e6, meta=None):
    """
    Measure the velocity field in a cube of spectra.

    An emission line, with those that belong to it, is fitted in every spaxel or bin together
    with a continuum. Without a redshift that the lines confirm this is an error.

    Parameters
    ----------
    cube : str, os.PathLike, array or object
        Path of a FITS file, an array of the shape (channels, rows, columns) or (channels,
        spectra), a ``specutils.Spectrum``, a ``spectral_cube.SpectralCube`` or a
        ``mpdaf.obj.Cube``.
    line : str, float or `~astropy.units.Quantity`, optional
        Emission line: ``"Ha"`` (with [NII] beside it), ``"NII"``, ``"Ha+NII"``, ``"Hb"``,
        ``"OIII"``, ``"OII"``, ``"SII"`` and more (`kinmis.cube.lines.COMPLEXES`), or the rest
        wavelength of a single line, in the medium of the cube (Angstrom).
    z : float, optional
        Redshift of the galaxy; by default that in the header. It is the zero of velocity.
    component : {"gas", "stellar"}, optional
        The stars are fitted with pPXF, which needs ``templates``.
    wavelength : array-like, `~astropy.units.Quantity` or str, optional
        Wavelengths of the channels, or the extension that has them; needed with an array.
    wavelength_unit : str or `~astropy.units.Unit`, optional
        Unit of the wavelengths, if they don't have one.
    medium : {"air", "vacuum"}, optional
        What wavelengths are measured in. By default the axis type tells, AWAV or WAVE; if it
        does not, that is an error.
    extension : str or int, optional
        Extension of the file with the spectra.
    variance, error, ivar : str, int, array-like or `~astropy.units.Quantity`, optional
        Noise (one of them): an array, an extension, or another file. By default the extension
        that has a usual name. Without noise, it is taken from the residuals.
    mask : str, int or array-like, optional
        True or not zero where bad: of channels, or of spaxels.
    continuum : str, int or array-like, optional
        A cube that is subtracted first, such as that of the stars.
    degree : int, optional
        Degree of the polynomial that is fitted as (the rest of the) continuum, by default 1.
        For stars it multiplies the templates, by default with 8.
    lsf : float or `~astropy.units.Quantity`, optional
        Resolving power, or full width at half maximum of an unresolved line in wavelength or
        velocity, as lines of the cube have it (channel included); one number, or one for each
        channel. It is subtracted from the dispersion.
    snr_min : float, optional
        Spaxels with a line of lower signal-to-noise (flux over its error) are masked. For stars
        it is the median signal-to-noise of a channel.
    v_max, sigma_max : float, optional
        Largest velocity relative to ``z`` and largest observed dispersion (km/s).
    window : float, optional
        How much continuum to fit beyond the outermost lines at ``v_max`` (km/s).
    rescale : bool, optional
        Take the noise from the residuals although it is given; by default only without.
    check : bool, optional
        Whether to raise if the lines are not where ``z`` says.
    bin_id : array-like of int, optional
        Bin of each spaxel, negative for none; by default that of the file, if it has one of a
        usual name. Spectra of a bin are averaged, unless they are all the same already.
    wcs : `~astropy.wcs.WCS`, optional
        Celestial WCS of the map, if the cube does not tell.
    east, north : `~astropy.units.Quantity` or array-like, optional
        Offsets of the spaxels (arcsec), instead of a WCS.
    center : `~astropy.coordinates.SkyCoord`, pair or str, optional
        Centre of the galaxy: a position, a pixel (column, row; from 0), ``"reference"``
        (position of the WCS, the default), ``"image"`` (middle of the map) or ``"peak"`` (the
        brightest place).
    spaxel : float, `~astropy.units.Quantity` or pair, optional
        Side of a spaxel in arcsec for a cube without a WCS (north up, east left), or the steps
        to the East along a row and to the North along a column.
    templates : `~kinmis.cube.stars.Templates`, optional
        Spectra of stars, for ``component="stellar"``.
    backend : {"auto", "jax", "numpy"}, optional
        Where the fit runs: ``"auto"`` is JAX where it is installed with an accelerator and there
        are 20,000 spectra or more, and NumPy else. The results are the same but for rounding.
    memory : float, optional
        Bytes that spectra and the arrays of the fit may take; larger cubes are read slab by
        slab.
    meta : dict, optional
        More metadata.

    Returns
    -------
    field : `~kinmis.VelocityField`
        With errors. ``field.meta["maps"]`` has ``dispersion`` and ``dispersion_error`` (km/s),
        ``snr``, ``flux`` and ``flux_error`` (unit of the cube times Angstrom),
        ``reduced_chi2`` and ``brightness`` (mean of the channels); ``field.meta["cube"]`` tells
        what was done.

    Raises
    ------
    OSError
        If the file is missing, truncated or damaged.
    ValueError
        If the cube does not tell enough, if there is no redshift or the lines are not where it
        says, if the line is outside the range, or if no spaxel has it.
    ImportError
        If something is asked for that is not installed.

    Warns
    -----
    QualityWarning
        If air and vacuum seem to be confused.

    Notes
    -----
    Lines are Gaussians that share velocity and dispersion. The error of the velocity is that of
    the covariance of all parameters, times a factor near 1 that makes up for what faint lines
    lose by their noise; mocks have 65% to 72% of the truths within 1 sigma down to a
    signal-to-noise of 5.

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.cube import measure_field
    >>> cube = mock.cube(pa=75, snr=40, size=16, seed=1)
    >>> field = measure_field(cube.flux, wavelength=cube.wavelength, medium="air",
    ...                       variance=cube.variance, wcs=cube.wcs, z=cube.z, lsf=2000)
    >>> sorted(field.meta["maps"])
    ['brightness', 'dispersion', 'dispersion_error', 'flux', 'flux_error', 'reduced_chi2', 'snr']
    """
    options = dict(locals())
    for name in ("cube", "meta"):
        del options[name]
    _check(options)
    with open_cube(cube, options) as source:
        bins = source.bin_id
        if bin_id is not None:
            bins = check_bin_id(bin_id, source.shape)
        if bins is not None and not np.any(bins >= 0):
            bins = None
        if component == "stellar":
            from kinmis.cube.stars import measure_stars as measure
        else:
            from kinmis.cube.measure import measure_gas as measure
        maps, facts, z = measure(source, options, bins)
        told = {**source.meta, "z": z, **_metadata(source.headers)}
        sky = _sky(source, options, told, maps["brightness"])
    maps = {name: array.reshape(source.shape) for name, array in maps.items()}
    velocity, errors, bad = (maps.pop(name) for name in ("velocity", "error", "mask"))
    told["cube"] = facts
    told["maps"] = {name: array << _MAP_UNITS[name] if name in _MAP_UNITS else array
                    for name, array in maps.items()}
    told = {key: value for key, value in told.items() if value is not None and value != ""}
    return VelocityField.from_arrays(
        velocity, error=np.where(bad, np.nan, errors), mask=bad, bin_id=bins,
        component=component, line=facts.get("line"), v_ref=z * C_KMS,
        meta=told | (meta or {}), **sky)


def _check(options):
    """Raise on options that can't be, and make plain numbers of the others."""
    stellar = options["component"] == "stellar"
    if options["component"] not in COMPONENTS:
        raise ValueError(f"component must be one of {COMPONENTS}, not {options['component']!r}")
    for name in ("v_max", "sigma_max", "window"):
        value = scalar_in(options[name], KMS, name)
        if value is None or not 10 <= value <= 20_000:
            raise ValueError(f"{name} must be between 10 and 20000 km/s, not {value}")
        options[name] = value
    options["snr_min"] = scalar_in(options["snr_min"], u.one, "snr_min")
    if options["snr_min"] is None or not options["snr_min"] >= 0:
        raise ValueError(f"snr_min must be a number from 0 on, not {options['snr_min']}")
    if options["degree"] is None:
        options["degree"] = 8 if stellar else 1
    if options["degree"] not in range(31 if stellar else 11):
        raise ValueError("degree must be a whole number from 0 to "
                         f"{30 if stellar else 10}, not {options['degree']!r}")
    if not options["memory"] >= 1e6:
        raise ValueError(f"memory must be at least 1e6 bytes, not {options['memory']!r}")
    if stellar and options["templates"] is None:
        raise ValueError("component=\"stellar\" needs templates=, spectra of stars (see "
                         "kinmis.cube.stars.Templates)")
    if not stellar and options["templates"] is not None:
        raise ValueError("templates= is for component=\"stellar\"")


def _metadata(headers):
    """Return what headers tell of the observation."""
    value = next((header["PSFFWHM"] for header in headers if "PSFFWHM" in header), None)
    if isinstance(value, (int, float)) and value > 0:
        return {"psf_fwhm": float(value) * u.arcsec}
    return {}


def _sky(source, options, meta, brightness):
    """Return what places the map on the sky, for `VelocityField.from_arrays`."""
    shape = source.shape
    east, north, center = options["east"], options["north"], options["center"]
    if east is not None or north is not None:
        return {"east": east, "north": north,
                "center": None if isinstance(center, str) else center}
    if len(shape) == 1:
        raise ValueError(f"{source.where} is a list of spectra, which no WCS places; give east= "
                         "and north=")
    wcs = source.wcs
    if options["spaxel"] is None and wcs is None:
        if not source.headers:
            raise ValueError(f"{source.where} has no WCS; give wcs=, or spaxel= (the side of a "
                             "spaxel in arcsec, north up and east left), or east= and north=")
        wcs = repaired_wcs(source.headers, shape, source.where)
    elif options["spaxel"] is not None:
        wcs = None
    if isinstance(center, str) and center == "peak":
        center = _peak(brightness.reshape(shape), source.where)
    header = source.headers[0] if source.headers else fits.Header()
    pixel = pixel_of_center(center, wcs, shape, header, source.where)
    if wcs is None:
        east, north = grid_offsets(options["spaxel"], shape, pixel)
        return {"east": east, "north": north}
    position = wcs.pixel_to_world(*pixel)
    meta["spaxel"] = round(side_of_spaxel(wcs), 3) * u.arcsec
    meta["ra"], meta["dec"] = (float(angle.deg) for angle in (position.icrs.ra, position.icrs.dec))
    return {"wcs": wcs, "center": position}


def _peak(brightness, where):
    """Return column and row of the brightest place of a map, smoothed against noise."""
    from scipy.ndimage import gaussian_filter

    there = np.isfinite(brightness)
    if not there.any():
        raise ValueError(f"{where} is blank, so that center=\"peak\" finds nothing")
    smooth = [gaussian_filter(np.where(there, item, 0.0), 1.5, mode="constant")
              for item in (brightness, np.ones(brightness.shape))]
    light = np.where(there, smooth[0] / np.maximum(smooth[1], 1e-9), -np.inf)
    row, column = np.unravel_index(np.argmax(light), light.shape)
    return float(column), float(row)
