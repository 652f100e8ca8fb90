"""One mock velocity field: a disc seen through a PSF, with noise, bins and defects."""

import astropy.units as u
import numpy as np

from kinmis._input import COMPONENTS
from kinmis._units import KMS, scalar_in, values_in
from kinmis.mock.binning import bin_error, bin_field, bin_mean
from kinmis.mock.footprint import make_grid
from kinmis.mock.model import Bar, Core, Disc, Warp
from kinmis.mock.noise import noise_profile, unit_noise
from kinmis.velocity_field import VelocityField

__all__ = ["velocity_field"]

# effective radius over scale length of an exponential disc
REFF_OF_SCALE = 1.678
# a MaNGA bundle reaches 1.5 effective radii
REFF_OF_SIZE = 1 / 3


def velocity_field(pa=30.0, *, inclination=60.0, v_max=150.0, r_turn=2.0, v_sys=0.0,
                   center=(0.0, 0.0), curve="arctan", scale_length=None, warp=None, bar=None,
                   core=None, component="stellar", shape="hexagon", size=22.0, spaxel=0.5,
                   handedness="manga", rotation=0.0, psf_fwhm=2.5, noise=5.0, noise_slope=0.0,
                   noise_fwhm=0.0, error_scale=1.0, ivar=True, bins=None, bin_snr=None, snr=30.0,
                   holes=0.0, wedge=0.0, outliers=0.0, outlier_amplitude=400.0, seed=None,
                   id=None, meta=None):
    """
    Make the velocity field of a model galaxy.

    Every number may be a `~astropy.units.Quantity`; plain ones are in the unit that is named.

    Parameters
    ----------
    pa : float
        PA of the receding side, North through East (deg).
    inclination : float
        0 is face-on; below 90 (deg).
    v_max : float
        Rotation speed in the plane (km/s); 0 for no rotation.
    r_turn : float
        Turnover radius of the rotation curve (arcsec).
    v_sys : float
        Velocity of the centre (km/s).
    center : pair of float
        Offset of the galaxy's centre to the East and North (arcsec).
    curve : {"arctan", "tanh", "hyperbolic", "exponential", "declining"}
        Shape of the rotation curve.
    scale_length : float, optional
        Exponential scale length of the light (arcsec); by default the field reaches 1.5
        effective radii.
    warp : float or `~kinmis.mock.Warp`, optional
        Turn of the PA (deg) between half the radius of the field and its edge.
    bar : float or `~kinmis.mock.Bar`, optional
        Amplitude of the streaming along a bar of half the radius of the field, 45 deg from
        the major axis.
    core : float or `~kinmis.mock.Core`, optional
        PA of a decoupled core of a third of the radius of the field, less ``pa`` (deg).
    component : {"stellar", "gas"}
        What moves.
    shape : {"hexagon", "circle", "square", "rectangle"}
        Shape of the field of view.
    size : float or pair of float
        Its size (arcsec): see `~kinmis.mock.make_grid`. `~kinmis.mock.BUNDLES` has those
        of MaNGA.
    spaxel : float
        Size of a spaxel (arcsec).
    handedness : {"manga", "east"}
        Whether the columns of the array run West, as in MaNGA, or East.
    rotation : float
        Angle from North through East to the direction of the rows (deg).
    psf_fwhm : float
        Full width at half maximum of the Gaussian PSF (arcsec); 0 or None for none.
    noise : float
        1-sigma error of the brightest spaxel (km/s); 0 for a field without noise.
    noise_slope : float
        The error grows as the light to the power ``-noise_slope`` (0.5: photon noise).
    noise_fwhm : float
        Width of the Gaussian that correlates the noise (spaxels); 0 for white noise.
    error_scale : float
        Reported error over true error.
    ivar : bool
        Whether the field has an uncertainty. Without noise it has none.
    bins : int, optional
        Number of Voronoi-like bins; by default every spaxel stands alone.
    bin_snr : float, optional
        Signal-to-noise of the bins, instead of their number.
    snr : float
        Signal-to-noise of the brightest spaxel, for ``bin_snr``.
    holes : float
        Fraction of the spaxels that are masked, at random.
    wedge : float or pair of float
        Width of a sector without data, at a random place; or the angles from North through
        East between which it lies (deg).
    outliers : float
        Fraction of the data (bins, or spaxels) that are off.
    outlier_amplitude : float
        By how much they are off, up or down (km/s).
    seed : int or `~numpy.random.Generator`, optional
        For reproducible mocks.
    id : str, optional
        Name of the galaxy.
    meta : dict, optional
        More metadata.

    Returns
    -------
    field : `~kinmis.VelocityField`
        ``field.meta["truth"]`` is a plain dict with all of the above and the PA of the truth.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> from kinmis import mock
    >>> field = mock.velocity_field(pa=75, noise=10, bins=300, seed=1)
    >>> field.n_bins, field.meta["truth"]["pa"]
    (300, 75.0)
    """
    given = dict(locals())
    meta, rng, bin_id = given.pop("meta"), np.random.default_rng(given.pop("seed")), None
    return make_field(given, rng, meta, bin_id)


def make_field(given, rng, meta=None, bin_id=None):
    """Make a field from the arguments of `velocity_field`, maybe in bins that are given."""
    options = _plain(given)
    disc, grid = disc_and_grid(options)
    light, truth_velocity = grid.smear(disc, options["psf_fwhm"])
    growth = noise_profile(light, options["noise_slope"])
    error = np.broadcast_to(options["noise"] * growth, light.shape)
    velocity = truth_velocity
    if options["noise"]:
        velocity = velocity + error * unit_noise(light.shape, options["noise_fwhm"], rng)
    valid = _coverage(grid, disc, options, rng)
    if bin_id is not None:
        valid &= bin_id >= 0
    if not valid.any():
        raise ValueError("no spaxel is left: the field is too small, or holes and wedge "
                         "take all of it")
    count = np.count_nonzero(valid)
    flat_light = light[valid]
    if bin_id is not None:
        _, inverse = np.unique(bin_id[valid], return_inverse=True)
    elif options["bins"] or options["bin_snr"]:
        n_bins = options["bins"] or max(round(np.minimum(
            flat_light / light.max() * (options["snr"] / options["bin_snr"]) ** 2, 1).sum()), 1)
        inverse = bin_field(grid.east[valid], grid.north[valid], flat_light, n_bins)
        bin_id = np.full(light.shape, -1, np.int32)
        bin_id[valid] = inverse
    else:
        inverse = None
    values, errors = velocity[valid], error[valid]
    if inverse is not None:
        n_bins = inverse.max() + 1
        row, column = np.nonzero(valid)
        values = bin_mean(values, flat_light, inverse, n_bins)
        errors = bin_error(errors, flat_light, inverse, n_bins, row, column,
                           options["noise_fwhm"])
        count = n_bins
    if options["outliers"]:
        off = rng.permutation(count)[:round(options["outliers"] * count)]
        values = values.copy()
        values[off] += options["outlier_amplitude"] * rng.choice([-1, 1], len(off))
    if inverse is not None:
        values, errors = values[inverse], errors[inverse]
    data = np.zeros(light.shape)
    data[valid] = values
    weights = None
    if options["ivar"] and options["noise"]:
        weights = np.zeros(light.shape)
        weights[valid] = (options["error_scale"] * errors) ** -2
    return VelocityField.from_arrays(
        data, east=grid.east, north=grid.north, mask=~valid, ivar=weights, bin_id=bin_id,
        component=options["component"], line="Ha-6564" if options["component"] == "gas" else None,
        wcs=grid.wcs, meta={**_meta(options, disc), **(meta or {})})


def disc_and_grid(options):
    """Return the `Disc` and the `Grid` of plain options, or of the truth of a mock."""
    size = options["size"]
    grid = make_grid(options["shape"], tuple(size) if isinstance(size, list) else size,
                     options["spaxel"], options["handedness"], options["rotation"])
    return Disc.from_dict(options), grid


def _plain(given):
    """Return the options as plain numbers in the documented units, checked."""
    options = dict(given)
    for unit, names in _UNITS.items():
        for name in names:
            options[name] = scalar_in(options[name], unit, name)
    options["psf_fwhm"] = options["psf_fwhm"] or 0.0
    options["pa"] %= 360
    for name in ("center", "size", "wedge"):
        unit = u.deg if name == "wedge" else u.arcsec
        value = values_in(options[name], unit, name) if not isinstance(options[name], tuple) \
            else np.array([scalar_in(v, unit, name) for v in options[name]])
        if value.shape not in ((), (2,)) or (name == "center" and value.shape == ()):
            raise ValueError(f"{name} must be {'a pair' if name == 'center' else 'one or two'}"
                             f" of numbers, not {options[name]!r}")
        options[name] = float(value) if value.ndim == 0 else tuple(value.tolist())
    if options["component"] not in COMPONENTS:
        raise ValueError(f"component must be one of {COMPONENTS}, not {options['component']!r}")
    for name in ("holes", "outliers"):
        if not 0 <= options[name] < 1:
            raise ValueError(f"{name} must be a fraction below 1, not {options[name]}")
    if options["noise"] < 0 or options["noise_fwhm"] < 0 or options["psf_fwhm"] < 0:
        raise ValueError("noise, noise_fwhm and psf_fwhm must not be negative")
    if not options["error_scale"] > 0:
        raise ValueError(f"error_scale must be positive, not {options['error_scale']}")
    radius = np.min(options["size"]) / 2
    if options["scale_length"] is None:
        options["scale_length"] = float(2 * radius * REFF_OF_SIZE / REFF_OF_SCALE)
    for name, kind, numbers in (("warp", Warp, (radius / 2, radius)),
                                ("bar", Bar, (45.0, radius / 2)), ("core", Core, (radius / 3,))):
        if options[name] is not None and not isinstance(options[name], (kind, dict)):
            options[name] = kind(scalar_in(options[name], u.one if name == "bar" else u.deg,
                                           name), *map(float, numbers))
    return options


_UNITS = {
    u.deg: ("pa", "inclination", "rotation"),
    u.arcsec: ("r_turn", "spaxel", "psf_fwhm", "scale_length"),
    KMS: ("v_max", "v_sys", "noise", "outlier_amplitude"),
    u.one: ("noise_slope", "noise_fwhm", "error_scale", "holes", "outliers", "snr", "bin_snr"),
}


def _coverage(grid, disc, options, rng):
    """Return where there are data: within the field of view, less holes and wedge."""
    valid = grid.inside.copy()
    wedge = options["wedge"]
    if isinstance(wedge, float) and wedge:
        start = float(rng.uniform(0, 360))
        wedge = options["wedge"] = (start, start + wedge)
    if wedge:
        angle = np.rad2deg(np.arctan2(grid.east - disc.center[0], grid.north - disc.center[1]))
        valid &= (angle - wedge[0]) % 360 >= (wedge[1] - wedge[0])
    if options["holes"]:
        places = np.flatnonzero(valid)
        lost = rng.permutation(len(places))[:round(options["holes"] * len(places))]
        valid.flat[places[lost]] = False
    return valid


def _meta(options, disc):
    truth = {**options, **disc.to_dict()}
    for name, value in truth.items():
        if isinstance(value, tuple):
            truth[name] = list(value)
    meta = {
        "id": options["id"], "survey": "mock", "source": "kinmis.mock",
        "reff": REFF_OF_SCALE * disc.scale_length * u.arcsec,
        "photometric_pa": (disc.pa % 180) * u.deg,
        "ellipticity": 1 - float(np.cos(np.deg2rad(disc.inclination))),
        "spaxel": options["spaxel"] * u.arcsec, "truth": truth,
    }
    if options["psf_fwhm"]:
        meta["psf_fwhm"] = options["psf_fwhm"] * u.arcsec
    return meta
