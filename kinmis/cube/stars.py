"""
Velocities of the stars in a cube, through pPXF and the user's templates.

pPXF (Cappellari 2023, MNRAS 526, 3273) is an extra: its licence is not free.
"""

from dataclasses import dataclass

import numpy as np

from kinmis._units import values_in
from kinmis.cube.bins import BinnedSpectra
from kinmis.cube.line_fit import C_KMS
from kinmis.cube.lines import WAVELENGTHS, air_to_vacuum, vacuum_to_air
from kinmis.cube.redshift import find_redshift
from kinmis.cube.spectral_axis import instrument_dispersion, make_axis

__all__ = ["Templates", "measure_stars"]

# km/s on each side of an emission line that a fit of stars leaves out
_LINE_WIDTH = 800.0
# pixels of the templates for one of the galaxy
_RATIO = 2


@dataclass(frozen=True)
class Templates:
    """
    Spectra of stars or stellar populations, at rest.

    Parameters
    ----------
    wavelength : array-like or `~astropy.units.Quantity`
        Of the pixels; plain numbers are Angstrom.
    flux : array-like
        A row for each template, of shape (templates, pixels), or one spectrum.
    medium : {"air", "vacuum"}
        What the wavelengths are measured in.
    lsf : float or `~astropy.units.Quantity`, optional
        Resolving power or full width at half maximum, as for `kinmis.cube.measure_field`. Where
        the cube has one too, templates are smoothed to it, if they are sharper.

    Raises
    ------
    ValueError
        If shapes do not fit, or the wavelengths make no sense.

    Examples
    --------
    >>> import numpy as np
    >>> from kinmis.cube import Templates
    >>> wavelength = np.arange(4800.0, 5400.0)
    >>> dips = np.exp(-0.5 * ((wavelength - 5175) / 4) ** 2)
    >>> Templates(wavelength, 1 - 0.5 * dips, "air", lsf=3000).flux.shape
    (1, 600)
    """

    wavelength: np.ndarray
    flux: np.ndarray
    medium: str
    lsf: object = None

    def __post_init__(self):
        unit = getattr(self.wavelength, "unit", None)
        axis = make_axis(self.wavelength, None if unit is not None else "Angstrom", self.medium,
                         "you", "the templates")
        flux = np.atleast_2d(values_in(self.flux, "", "flux")).astype(float)
        if flux.ndim != 2 or flux.shape[1] != len(axis.wavelength):
            raise ValueError(f"the templates have the shape {flux.shape}; it must be (templates, "
                             f"pixels), with {len(axis.wavelength)} pixels")
        if not np.all(np.isfinite(flux)):
            raise ValueError("the templates hold NaN or infinite values; cut them off")
        object.__setattr__(self, "wavelength", axis.wavelength)
        object.__setattr__(self, "flux", flux[:, ::-1] if axis.reversed else flux)

    def wavelength_in(self, medium):
        """Return the wavelengths (Angstrom) in air or in vacuum."""
        if medium == self.medium:
            return self.wavelength
        return (vacuum_to_air if medium == "air" else air_to_vacuum)(self.wavelength)


def measure_stars(cube, options, bin_id):
    """
    Fit templates to every spaxel or bin.

    Parameters
    ----------
    cube : `~kinmis.cube.sources.Cube`
        The cube.
    options : dict
        Those of `kinmis.cube.measure_field`.
    bin_id : `~numpy.ndarray` or None
        Bin of each spaxel, negative for none.

    Returns
    -------
    maps : dict of `~numpy.ndarray`
        Velocity, its error and more, flat, one for each spaxel, and the mask.
    facts : dict
        What was done.
    z : float
        The redshift.

    Raises
    ------
    ImportError
        If pPXF is not installed.
    ValueError
        If the redshift is not known, templates and cube do not overlap, or no spectrum is good
        enough.
    """
    try:
        import ppxf
    except ImportError:
        raise ImportError("component=\"stellar\" needs pPXF: pip install \"kinmis[ppxf]\" (mind "
                          "its licence)") from None
    from kinmis.cube.measure import slabs
    z, z_told = find_redshift(options["z"], cube.headers, cube.where)
    fit = _Fit(cube, options, z)
    count = int(np.prod(cube.shape))
    channels = len(fit.wavelength)
    bins = BinnedSpectra(np.arange(count) if bin_id is None else bin_id, channels)
    result = {name: np.full(count, np.nan) for name in (
        "velocity", "error", "dispersion", "dispersion_error", "snr", "reduced_chi2",
        "brightness")}
    columns = int(np.prod(cube.shape[1:], dtype=int))
    for rows in slabs(cube.shape, channels, options["memory"]):
        flux, ivar = cube.read(fit.channels, rows)
        there = np.flatnonzero((ivar > 0).any(axis=1))
        place = rows.start * columns + there
        flux, ivar = flux[there], ivar[there]
        result["brightness"][place] = flux.sum(axis=1) / np.maximum((ivar > 0).sum(axis=1), 1)
        if bin_id is not None:
            bins.add(place, flux, ivar)
            continue
        for name, values in fit.spectra(flux, ivar).items():
            result[name][place] = values
    if bin_id is not None:
        found = fit.spectra(*bins.spectra())
        inside = bins.number >= 0
        for name, values in found.items():
            result[name][inside] = values[bins.number[inside]]
    with np.errstate(invalid="ignore"):
        good = ((result["snr"] >= options["snr_min"]) & (result["error"] > 0)
                & (np.abs(result["velocity"]) < 0.99 * options["v_max"]))
    if not good.any():
        raise ValueError(f"{cube.where}: no spectrum of stars has a signal-to-noise of "
                         f"{options['snr_min']:g} per channel and a velocity within v_max; bin the "
                         "cube, check z, or lower snr_min")
    facts = {"z": z, "z_from": z_told, "medium": cube.axis.medium,
             "medium_from": cube.axis.told, "engine": f"ppxf {ppxf.__version__}",
             "templates": len(fit.templates.T), "templates_smoothed": fit.smoothed,
             "channels": channels, "noise": cube.noise_kind or "from the residuals",
             "degree": options["degree"], "snr_min": options["snr_min"]}
    return {**result, "mask": ~good}, facts, z


class _Fit:
    """Fits of templates to spectra of one cube."""

    def __init__(self, cube, options, z):
        templates, wavelength = options["templates"], cube.axis.wavelength
        if not isinstance(templates, Templates):
            raise TypeError("templates must be a kinmis.cube.Templates, not "
                            f"{type(templates).__name__}")
        rest = templates.wavelength_in(cube.axis.medium)
        margin = 1 + (options["v_max"] + 200) / C_KMS
        inside = (wavelength / (1 + z) > rest[0] * margin) & (
            wavelength / (1 + z) < rest[-1] / margin)
        if np.count_nonzero(inside) < 50:
            raise ValueError(f"{cube.where}: templates ({rest[0]:.0f} to {rest[-1]:.0f} Angstrom) "
                             f"and cube ({wavelength[0] / (1 + z):.0f} to "
                             f"{wavelength[-1] / (1 + z):.0f}, at rest) hardly overlap")
        first, last = np.flatnonzero(inside)[[0, -1]]
        self.channels = slice(int(first), int(last) + 1)
        self.wavelength = wavelength[self.channels] / (1 + z)
        self.options = options
        self.known_noise = cube.noise is not None
        # as many logarithmic pixels as there are channels
        log = np.linspace(np.log(self.wavelength[0]), np.log(self.wavelength[-1]),
                          len(self.wavelength))
        self.grid = np.exp(log)
        self.velscale = C_KMS * (log[1] - log[0])
        step = (log[1] - log[0]) / _RATIO
        fine = np.exp(np.arange(np.log(rest[0]) + 2 * step, np.log(rest[-1]) - 2 * step, step))
        flux, self.smoothed = self._smoothed(templates, rest, wavelength, z)
        self.templates = np.array([np.interp(fine, rest, item) for item in flux]).T
        self.templates /= np.median(np.abs(self.templates))
        self.fine = fine
        lines = np.array(list(WAVELENGTHS.values()))
        lines = vacuum_to_air(lines) if cube.axis.medium == "air" else lines
        self.clear = np.all(np.abs(C_KMS * (self.grid[:, None] / lines - 1)) > _LINE_WIDTH, axis=1)

    def _smoothed(self, templates, rest, wavelength, z):
        """Return templates as sharp as the cube, where both tell how sharp they are."""
        lsf = self.options["lsf"]
        if lsf is None or templates.lsf is None:
            return templates.flux, False
        wanted = instrument_dispersion(lsf, wavelength, rest * (1 + z))
        there = instrument_dispersion(templates.lsf, templates.wavelength, rest)
        missing = np.sqrt(np.maximum(wanted**2 - there**2, 0)) * rest / C_KMS
        return np.array([_blur(item, rest, missing) for item in templates.flux]), True

    def spectra(self, flux, ivar):
        """Return results for spectra as rows."""
        names = ("velocity", "error", "dispersion", "dispersion_error", "snr", "reduced_chi2")
        found = np.full((len(flux), len(names)), np.nan)
        for row, (spectrum, weight) in enumerate(zip(flux, ivar)):
            good = weight > 0
            if np.count_nonzero(good) > 0.5 * len(good):
                found[row] = self._one(spectrum, weight, good)
        return dict(zip(names, found.T))

    def _one(self, spectrum, weight, good):
        from ppxf.ppxf import ppxf
        galaxy = np.interp(self.grid, self.wavelength[good], spectrum[good])
        noise = np.interp(self.grid, self.wavelength[good], weight[good] ** -0.5)
        # a channel between bad ones is no measurement
        clear = self.clear & (np.interp(self.grid, self.wavelength, good.astype(float)) > 0.999)
        level = np.median(galaxy[clear]) if clear.any() else 0.0
        if not self.known_noise:
            # the scatter from channel to channel
            steps = np.diff(galaxy[clear])
            noise = np.full(noise.shape, 1.4826 * np.median(np.abs(steps)) / np.sqrt(2))
        snr = float(np.median(galaxy[clear] / noise[clear])) if clear.any() else 0.0
        if not snr >= self.options["snr_min"] or np.count_nonzero(clear) < 40:
            return [np.nan, np.nan, np.nan, np.nan, snr, np.nan]
        v_max, sigma_max = self.options["v_max"], self.options["sigma_max"]
        fit = ppxf(self.templates, galaxy / level, noise / level, self.velscale, [0.0, 100.0],
                   moments=2, degree=-1, mdegree=self.options["degree"], quiet=True,
                   lam=self.grid, lam_temp=self.fine, velscale_ratio=_RATIO, mask=clear,
                   bounds=[[-v_max, v_max], [self.velscale / 10, sigma_max]])
        velocity, dispersion = fit.sol[:2]
        scale = 1.0 if self.known_noise and not self.options["rescale"] else np.sqrt(fit.chi2)
        # pPXF has velocities in the logarithm of wavelength
        stretch = np.exp(velocity / C_KMS)
        return [C_KMS * (stretch - 1), fit.error[0] * scale * stretch, dispersion,
                fit.error[1] * scale, snr, fit.chi2]


def _blur(flux, wavelength, sigma):
    """Smooth a spectrum with a Gaussian whose dispersion (Angstrom) varies along it."""
    from ppxf.ppxf_util import varsmooth
    return varsmooth(wavelength, flux, np.maximum(sigma, 1e-3))
