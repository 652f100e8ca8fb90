"""Mock cubes of spectra: the emission lines of a model disc, with a continuum and noise."""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from scipy.special import ndtr

from kinmis._units import KMS, scalar_in
from kinmis.cube.line_fit import C_KMS
from kinmis.cube.lines import find_complex
from kinmis.cube.spectral_axis import instrument_dispersion
from kinmis.mock.field import disc_and_grid, noiseless, velocity_field

__all__ = ["MockCube", "cube"]


@dataclass(frozen=True, eq=False)
class MockCube:
    """
    A cube and its truth.

    Parameters
    ----------
    flux, variance : `~numpy.ndarray`
        Of shape (channels, rows, columns); NaN outside the field of view.
    wavelength : `~astropy.units.Quantity`
        Of the channels.
    medium : str
        ``"air"`` or ``"vacuum"``.
    z : float
        Redshift.
    wcs : `~astropy.wcs.WCS`
        Celestial.
    velocity, snr : `~numpy.ndarray`
        The truth: velocity (km/s) and signal-to-noise of the line, NaN outside.
    truth : dict
        What the cube was made with.

    Examples
    --------
    >>> from kinmis import mock
    >>> cube = mock.cube(line="Hb", size=8, seed=1)
    >>> cube.flux.shape == cube.variance.shape, cube.medium, cube.truth["line"]
    (True, 'air', 'Hb')
    """

    flux: np.ndarray
    variance: np.ndarray
    wavelength: u.Quantity
    medium: str
    z: float
    wcs: WCS
    velocity: np.ndarray
    snr: np.ndarray
    truth: dict

    def header(self):
        """Return a FITS header with sky and wavelengths."""
        header = self.wcs.to_header()
        step = (self.wavelength[1] - self.wavelength[0]).to_value(u.AA)
        header.update({
            "WCSAXES": 3, "CTYPE3": "AWAV" if self.medium == "air" else "WAVE",
            "CUNIT3": "Angstrom", "CRPIX3": 1.0, "CRVAL3": self.wavelength[0].to_value(u.AA),
            "CDELT3": step, "REDSHIFT": self.z, "OBJECT": self.truth["id"] or "mock"})
        return header

    def write(self, path, *, overwrite=False):
        """
        Write a FITS file with the extensions FLUX and VARIANCE.

        Parameters
        ----------
        path : str
            Name of the file.
        overwrite : bool, optional
            Replace a file of that name.

        Returns
        -------
        path : str
        """
        fits.HDUList([fits.PrimaryHDU(),
                      fits.ImageHDU(self.flux.astype(np.float32), self.header(), name="FLUX"),
                      fits.ImageHDU(self.variance.astype(np.float32), name="VARIANCE"),
                      ]).writeto(path, overwrite=overwrite)
        return path


def cube(pa=30.0, *, line="Ha", snr=20.0, snr_slope=1.0, dispersion=40.0, lsf=2000.0, step=1.0,
         medium="air", ratio=0.4, continuum=1.0, reach=3000.0, seed=None, **options):
    """
    Make a cube with the emission lines of a rotating disc.

    Parameters
    ----------
    pa : float
        PA of the receding side, North through East (deg).
    line : str
        Lines, as for `kinmis.cube.measure_field`.
    snr : float
        Signal-to-noise of the flux of the first line in the brightest spaxel, for known velocity
        and width.
    snr_slope : float
        The signal-to-noise falls as the light to this power; 0 for the same everywhere.
    dispersion : float
        Of the gas (km/s).
    lsf : float or `~astropy.units.Quantity`
        Resolving power, or full width at half maximum of an unresolved line.
    step : float
        Width of a channel (Angstrom).
    medium : {"air", "vacuum"}
        What wavelengths are measured in.
    ratio : float
        Flux of the second group of lines over that of the first.
    continuum : float
        Continuum over the peak of the first line.
    reach : float
        Range beyond the lines (km/s).
    seed : int or `~numpy.random.Generator`, optional
        For reproducible mocks.
    **options
        Of the disc and the field, as for `kinmis.mock.velocity_field`, without noise and bins.

    Returns
    -------
    cube : `MockCube`
        Lines are integrated over the channels, the noise is white and Gaussian.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> from kinmis import mock
    >>> cube = mock.cube(pa=75, line="OIII", snr=30, size=10, seed=1)
    >>> cube.flux.shape
    (153, 24, 24)
    """
    rng = np.random.default_rng(seed)
    model = velocity_field(pa, component="gas", noise=0.0, seed=rng, **options)
    truth = model.meta["truth"]
    z, valid = truth["z"], ~model.mask
    snr = scalar_in(snr, u.one, "snr")
    step = scalar_in(step, u.AA, "step")
    dispersion = scalar_in(dispersion, KMS, "dispersion")
    if not (snr > 0 and step > 0 and dispersion >= 0):
        raise ValueError("snr and step must be positive, and dispersion not negative")
    lines = find_complex(line, medium)
    places = lines.wavelengths * (1 + z)
    wavelength = np.arange(places.min() * (1 - reach / C_KMS), places.max() * (1 + reach / C_KMS),
                           step)
    velocity = noiseless(model).data[valid]
    light = _light(model)[valid]
    signal = snr * (light / light.max()) ** snr_slope
    # the line as it is seen: what is given includes the width of the channels
    channel = (C_KMS * step / places) ** 2 / 12
    sigma = np.sqrt(np.maximum(dispersion**2 + instrument_dispersion(lsf, wavelength, places) ** 2
                               - channel, 1.0))
    edges = np.append(wavelength - step / 2, wavelength[-1] + step / 2)
    parts = [part * (ratio if group else 1.0)
             for group, members in enumerate(lines.groups) for _, part in members]
    width = places[0] * np.hypot(sigma[0], np.sqrt(channel[0])) / C_KMS
    height = light / (width * np.sqrt(2 * np.pi))    # peak of the first line, whose flux is light
    spectra = continuum * height[:, None] * np.linspace(1.05, 0.95, len(wavelength))
    for place, part, spread in zip(places, parts, sigma):
        center = place * (1 + velocity / C_KMS)
        scaled = (edges - center[:, None]) / (place * spread / C_KMS)
        spectra += part * light[:, None] * np.diff(ndtr(scaled), axis=1) / step
    # error of the flux of a Gaussian of known place and width
    noise = light / signal / np.sqrt(2 * np.sqrt(np.pi) * width * step)
    spectra += noise[:, None] * rng.standard_normal(spectra.shape)
    flux = np.full((len(wavelength), *valid.shape), np.nan)
    variance = flux.copy()
    flux[:, valid] = spectra.T
    variance[:, valid] = noise**2
    truth = {**truth, "line": lines.name, "snr": snr, "snr_slope": snr_slope,
             "dispersion": dispersion, "step": step, "medium": medium, "ratio": ratio}
    maps = np.full((2, *valid.shape), np.nan)
    maps[0, valid], maps[1, valid] = velocity, signal
    return MockCube(flux, variance, wavelength * u.AA, medium, z, model.wcs, maps[0], maps[1],
                    truth)


def _light(model):
    """Return the light of the disc at the spaxels, as seen through the PSF."""
    truth = model.meta["truth"]
    disc, grid = disc_and_grid(truth)
    return grid.smear(disc, truth["psf_fwhm"])[0]
