"""One mock velocity field: a disc seen through a PSF, with noise, bins and defects."""

import re

import astropy.units as u
import numpy as np

from kinmis.mock.binning import bin_error, bin_field, bin_mean
from kinmis.mock.footprint import make_grid
from kinmis.mock.model import Disc
from kinmis.mock.noise import noise_profile, unit_noise
from kinmis.mock.options import REFF_OF_SCALE, plain_options
from kinmis.velocity_field import VelocityField

__all__ = ["noiseless", "velocity_field"]

C_KMS = 299792.458


def velocity_field(pa=30.0, *, inclination=60.0, v_max=150.0, r_turn=2.0, v_sys=0.0,
                   center=(0.0, 0.0), curve="arctan", scale_length=None, warp=None, bar=None,
                   core=None, component="stellar", shape="hexagon", size=22.0, spaxel=0.5,
                   handedness="manga", rotation=0.0, psf_fwhm=2.5, noise=5.0, noise_slope=0.0,
                   noise_fwhm=0.0, error_scale=1.0, ivar=True, bins=None, bin_snr=None, snr=30.0,
                   holes=0.0, wedge=0.0, outliers=0.0, outlier_amplitude=400.0, z=0.03, ra=180.0,
                   dec=30.0, seed=None, id=None, meta=None):
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
    z : float
        Redshift; velocities are relative to it.
    ra, dec : float
        Sky position of the middle of the field (deg).
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
    meta, rng = given.pop("meta"), np.random.default_rng(given.pop("seed"))
    return make_field(given, rng, meta)


def make_field(given, rng, meta=None, bin_id=None):
    """Make a field from the arguments of `velocity_field`, maybe in bins that are given."""
    options = plain_options(given)
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
    values, errors, light = velocity[valid], error[valid], light[valid]
    if bin_id is None and (options["bins"] or options["bin_snr"]):
        bin_id = np.full(valid.shape, -1, np.int32)
        bin_id[valid] = bin_field(grid.east[valid], grid.north[valid], light,
                                  options["bins"] or _bins_of_snr(light, options))
    if bin_id is None:
        values = _add_outliers(values, options, rng)
    else:
        _, bins = np.unique(bin_id[valid], return_inverse=True)
        row, column = np.nonzero(valid)
        errors = bin_error(errors, light, bins, row, column, options["noise_fwhm"])[bins]
        values = _add_outliers(bin_mean(values, light, bins), options, rng)[bins]
    data = np.zeros(valid.shape)
    data[valid] = values
    weights = None
    if options["ivar"] and options["noise"]:
        weights = np.zeros(valid.shape)
        weights[valid] = (options["error_scale"] * errors) ** -2
    return VelocityField.from_arrays(
        data, east=grid.east, north=grid.north, mask=~valid, ivar=weights, bin_id=bin_id,
        component=options["component"], line="Ha-6564" if options["component"] == "gas" else None,
        wcs=grid.wcs, v_ref=options["z"] * C_KMS, meta={**_meta(options, disc), **(meta or {})})


def noiseless(field):
    """
    Return the field that a mock would have been without noise and outliers.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        From `velocity_field` or `galaxy`, not sliced.

    Returns
    -------
    field : `~kinmis.VelocityField`
        The model as seen through the PSF and averaged over the bins; mask and uncertainty
        as before.

    Raises
    ------
    ValueError
        If the field is no mock, or a part of one.

    Examples
    --------
    >>> from kinmis import mock
    >>> field = mock.velocity_field(noise=10, seed=1)
    >>> residual = (field.data - mock.noiseless(field).data)[~field.mask]
    >>> print(round(residual.std()))
    10
    """
    truth = field.meta.get("truth")
    if truth is None:
        raise ValueError("the field is no mock: its metadata have no truth")
    disc, grid = disc_and_grid(truth)
    if grid.inside.shape != field.shape:
        raise ValueError("the field is a part of a mock; take the noise off before slicing it")
    light, velocity = grid.smear(disc, truth["psf_fwhm"])
    valid = ~field.mask
    data = np.zeros(field.shape)
    data[valid] = velocity[valid]
    if field.bin_id is not None:
        binned = valid & (field.bin_id >= 0)
        _, bins = np.unique(field.bin_id[binned], return_inverse=True)
        data[binned] = bin_mean(velocity[binned], light[binned], bins)[bins]
    return VelocityField(
        data, east=field.east, north=field.north, mask=field.mask,
        uncertainty=field.uncertainty, wcs=field.wcs, meta=dict(field.meta),
        bin_id=field.bin_id, component=field.component, line=field.line, v_ref=field.v_ref)


def disc_and_grid(options):
    """
    Return the disc and the grid of a mock.

    Parameters
    ----------
    options : dict
        The truth of a mock, ``field.meta["truth"]``.

    Returns
    -------
    disc : `~kinmis.mock.Disc`
    grid : `~kinmis.mock.Grid`

    Examples
    --------
    A fit of the true model needs only this:

    >>> from dataclasses import replace
    >>> from kinmis import mock
    >>> field = mock.velocity_field(pa=40, seed=1)
    >>> disc, grid = mock.disc_and_grid(field.meta["truth"])
    >>> light, velocity = grid.smear(replace(disc, pa=41), psf_fwhm=2.5)
    """
    size = options["size"]
    grid = make_grid(options["shape"], tuple(size) if isinstance(size, list) else size,
                     options["spaxel"], options["handedness"], options["rotation"],
                     options["ra"], options["dec"])
    return Disc.from_dict(options), grid


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


def _bins_of_snr(light, options):
    """Return how many bins have the signal-to-noise asked for; no bin is below a spaxel."""
    worth = light / light.max() * (options["snr"] / options["bin_snr"]) ** 2
    return max(round(np.minimum(worth, 1).sum()), 1)


def _add_outliers(values, options, rng):
    """Return the values with some of them off, up or down."""
    off = rng.permutation(len(values))[:round(options["outliers"] * len(values))]
    values[off] += options["outlier_amplitude"] * rng.choice([-1, 1], len(off))
    return values


def _meta(options, disc):
    truth = {**options, **disc.to_dict()}
    for name, value in truth.items():
        if isinstance(value, tuple):
            truth[name] = list(value)
    meta = {
        "id": options["id"], "survey": "mock", "source": "kinmis.mock",
        "ra": options["ra"], "dec": options["dec"], "z": options["z"],
        "reff": REFF_OF_SCALE * disc.scale_length * u.arcsec,
        "photometric_pa": (disc.pa % 180) * u.deg,
        "ellipticity": 1 - float(np.cos(np.deg2rad(disc.inclination))),
        "spaxel": options["spaxel"] * u.arcsec, "truth": truth,
    }
    if re.fullmatch(r"\d+-\d+", str(options["id"])):
        meta["plateifu"] = options["id"]
    if options["psf_fwhm"]:
        meta["psf_fwhm"] = options["psf_fwhm"] * u.arcsec
    return meta
