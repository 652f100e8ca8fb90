"""Mock velocity fields and galaxies: truth, footprint, noise, bins and defects."""

import json

import astropy.units as u
import numpy as np
import pytest

from kinmis import mock
from kinmis.mock.binning import bin_field


def plane_fit_pa(field):
    """PA of the gradient, a crude measure that owes nothing to kinmis."""
    good = ~field.mask
    design = np.column_stack([field.east.value[good], field.north.value[good],
                              np.ones(field.n_valid)])
    east, north, _ = np.linalg.lstsq(design, field.data[good], rcond=None)[0]
    return np.rad2deg(np.arctan2(east, north)) % 360


def test_field_has_what_it_says():
    field = mock.velocity_field(75 * u.deg, seed=1, component="gas", id="90001-6101", z=0.02,
                                meta={"telescope": "none"})
    assert field.component == "gas" and field.line == "Ha-6564" and field.id == "90001-6101"
    assert field.v_ref.to_value("km/s") == pytest.approx(0.02 * 299792.458)
    assert field.meta["plateifu"] == "90001-6101" and field.meta["telescope"] == "none"
    assert field.meta["psf_fwhm"] == 2.5 * u.arcsec and field.meta["spaxel"] == 0.5 * u.arcsec
    assert field.meta["photometric_pa"] == 75 * u.deg
    assert field.meta["ellipticity"] == pytest.approx(0.5)
    assert field.meta["reff"].to_value("arcsec") == pytest.approx(22 / 3)
    assert np.all(field.data[field.mask] == 0)
    np.testing.assert_allclose(field.error[~field.mask].value, 5)
    truth = json.loads(json.dumps(field.meta["truth"]))
    assert truth["pa"] == 75 and truth["v_max"] == 150 and truth["center"] == [0, 0]


@pytest.mark.parametrize("pa", [0, 33, 90, 171, 260])
@pytest.mark.parametrize("handedness", ["manga", "east"])
@pytest.mark.parametrize("rotation", [0, 35])
def test_receding_side_on_the_sky(pa, handedness, rotation):
    field = mock.velocity_field(pa, noise=0, handedness=handedness, rotation=rotation,
                                shape="circle")
    assert abs((plane_fit_pa(field) - pa + 180) % 360 - 180) < 2


@pytest.mark.parametrize("rotation", [0, 35])
def test_mirrored_array_is_the_same_sky(rotation):
    west, east = (mock.velocity_field(75, noise=0, handedness=handedness, rotation=rotation,
                                      shape="square", size=15)
                  for handedness in ("manga", "east"))
    disc, _ = mock.disc_and_grid(west.meta["truth"])
    for field in (west, east):
        model = disc.observed(field.east.value, field.north.value, 2.5)
        np.testing.assert_allclose(model[~field.mask], field.data[~field.mask], atol=0.02)
    if rotation == 0:
        np.testing.assert_allclose(east.data[:, 1:], west.data[:, :0:-1], atol=1e-9)
        assert not np.allclose(east.data, west.data)


@pytest.mark.parametrize("handedness, rotation", [("manga", 0), ("east", 0), ("manga", 40)])
def test_wcs_agrees_with_the_offsets(handedness, rotation):
    field = mock.velocity_field(handedness=handedness, rotation=rotation, ra=30, dec=60,
                                shape="rectangle", size=(12, 8))
    row, column = np.indices(field.shape)
    center = field.wcs.pixel_to_world(*(field.wcs.wcs.crpix - 1))
    sky = field.wcs.pixel_to_world(column, row)
    east, north = center.spherical_offsets_to(sky)
    np.testing.assert_allclose(east.to_value("arcsec"), field.east.value, atol=1e-5)
    np.testing.assert_allclose(north.to_value("arcsec"), field.north.value, atol=1e-5)
    assert center.ra.deg == pytest.approx(30) and center.dec.deg == pytest.approx(60)
    assert (field.east.value[0, 0] > field.east.value[0, -1]) == (handedness == "manga")


@pytest.mark.parametrize("shape, size, area", [
    ("hexagon", 22, 3 * 3**0.5 / 8 * 22**2), ("circle", 15, np.pi * 7.5**2),
    ("square", 12, 144), ("rectangle", (33, 20), 660)])
@pytest.mark.parametrize("spaxel", [0.2, 0.5, 1.0])
def test_footprint(shape, size, area, spaxel):
    field = mock.velocity_field(shape=shape, size=size, spaxel=spaxel, psf_fwhm=0)
    perimeter = 4 * np.max(size)
    assert abs(field.n_valid * spaxel**2 - area) < perimeter * spaxel
    # there is a margin: the field of view is not cut by the array
    border = np.ones(field.shape, bool)
    border[1:-1, 1:-1] = False
    assert field.mask[border].all()


def test_bundles_grow():
    counts = [mock.velocity_field(size=size, psf_fwhm=0).n_valid for size in mock.BUNDLES.values()]
    assert counts == sorted(counts) and counts[0] > 300 and counts[-1] > 2500


def test_psf_lowers_the_gradient_and_leaves_the_outside():
    sharp, blurred = (mock.velocity_field(90, noise=0, psf_fwhm=fwhm, shape="square", size=30)
                      for fwhm in (None, 2.5))
    row = sharp.shape[0] // 2
    east = sharp.east.value[row]
    center, edge = np.abs(east) <= 1, np.abs(np.abs(east) - 13) < 0.3
    slope = [np.polyfit(east[center], field.data[row][center], 1)[0] for field in (sharp, blurred)]
    assert 0 < slope[1] < 0.8 * slope[0]
    np.testing.assert_allclose(blurred.data[row][edge], sharp.data[row][edge], rtol=0.02)


def test_white_noise_is_as_asked():
    residual = np.concatenate([
        (field.data - mock.noiseless(field).data)[~field.mask]
        for field in (mock.velocity_field(noise=8, seed=seed) for seed in range(20))])
    assert residual.std() == pytest.approx(8, rel=0.02)
    assert abs(residual.mean()) < 0.2


def test_correlated_noise_has_its_variance_and_its_correlation():
    fwhm, lag = 3.0, 2
    maps = np.stack([mock.velocity_field(v_max=0, noise=8, noise_fwhm=fwhm, seed=seed, psf_fwhm=0,
                                         shape="square", size=20).data for seed in range(60)])
    maps = maps[:, 2:-2, 2:-2]
    assert maps.std() == pytest.approx(8, rel=0.03)
    sigma = fwhm / 2.3548
    for lagged in ((maps[:, lag:], maps[:, :-lag]), (maps[..., lag:], maps[..., :-lag])):
        measured = np.mean(lagged[0] * lagged[1]) / 64
        assert measured == pytest.approx(np.exp(-lag**2 / (4 * sigma**2)), abs=0.03)


def test_errors_grow_outward_with_the_light():
    field = mock.velocity_field(noise=5, noise_slope=0.5, seed=1)
    error = field.error.value[~field.mask]
    radius = np.hypot(field.east, field.north).value[~field.mask]
    assert error.min() == pytest.approx(5)
    assert np.mean(error[radius > 8]) > 1.5 * np.mean(error[radius < 3])
    pull = (field.data - mock.noiseless(field).data)[~field.mask] / error
    assert pull.std() == pytest.approx(1, rel=0.06)
    steep = mock.velocity_field(noise=1, noise_slope=5, scale_length=1)
    assert np.nanmax(steep.error.value) == pytest.approx(30)


def test_reported_errors_may_be_wrong_or_absent():
    right, wrong = (mock.velocity_field(seed=1, error_scale=scale) for scale in (1, 2))
    np.testing.assert_array_equal(right.data, wrong.data)
    np.testing.assert_allclose(wrong.ivar.value * 4, right.ivar.value)
    assert mock.velocity_field(ivar=False).ivar is None
    assert mock.velocity_field(noise=0).ivar is None


@pytest.mark.parametrize("number", [1, 2, 60, 400, 1279])
def test_bins_share_a_value(number):
    field = mock.velocity_field(bins=number, seed=1)
    good = ~field.mask
    ids = field.bin_id[good]
    assert field.n_bins == number and set(ids) == set(range(number))
    assert np.all(field.bin_id[field.mask] == -1)
    first = np.unique(ids, return_index=True)[1]
    for values in (field.data[good], field.ivar.value[good]):
        np.testing.assert_array_equal(values, values[first][ids])


def test_bins_are_small_inside_and_large_outside():
    field = mock.velocity_field(bins=250, seed=1)
    good = ~field.mask
    ids = field.bin_id[good]
    area = np.bincount(ids)
    radius = np.bincount(ids, np.hypot(field.east, field.north).value[good]) / area
    assert np.count_nonzero(area == 1) > 20
    assert np.mean(area[radius > 8]) > 4 * np.mean(area[radius < 3])
    # compact: spaxels lie near the centre of their bin
    for axis in (field.east, field.north):
        spread = axis.value[good] - (np.bincount(ids, axis.value[good]) / area)[ids]
        assert np.abs(spread).max() < 0.5 * 2.5 * np.sqrt(area.max())


def test_bins_of_equal_signal():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-10, 10, (2, 2000))
    light = np.exp(-np.hypot(x, y) / 4)
    ids = bin_field(x, y, light, 100)
    signal = np.bincount(ids, light)[np.bincount(ids) > 1]
    assert signal.std() / signal.mean() < 0.4
    assert len(np.unique(ids)) == 100


def test_bins_by_signal_to_noise():
    counts = [mock.velocity_field(bin_snr=target, snr=40).n_bins for target in (5, 20, 40, 80)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == mock.velocity_field().n_valid


@pytest.mark.parametrize("noise_fwhm", [0, 2.5])
def test_binned_errors_are_true_ones(noise_fwhm):
    pulls = []
    for seed in range(30):
        field = mock.velocity_field(bins=150, noise=20, noise_fwhm=noise_fwhm, seed=seed)
        first = np.unique(field.bin_id[~field.mask], return_index=True)[1]
        pull = (field.data - mock.noiseless(field).data)[~field.mask]
        pulls.append((pull / field.error.value[~field.mask])[first])
    assert np.std(pulls) == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("bins", [None, 200])
def test_holes(bins):
    whole, holed = (mock.velocity_field(seed=1, holes=holes, bins=bins) for holes in (0, 0.3))
    assert holed.n_valid == pytest.approx(0.7 * whole.n_valid, abs=1)
    assert np.all(whole.mask <= holed.mask)
    if bins is None:
        np.testing.assert_array_equal(whole.data[~holed.mask], holed.data[~holed.mask])


def test_wedge():
    given = mock.velocity_field(wedge=(80, 140), seed=1, shape="circle")
    angle = np.rad2deg(np.arctan2(given.east.value, given.north.value)) % 360
    inside = (angle > 80) & (angle < 140) & (np.hypot(given.east, given.north).value > 0)
    assert given.mask[inside].all()
    drawn = mock.velocity_field(wedge=60 * u.deg, seed=2, shape="circle")
    full = mock.velocity_field(shape="circle")
    for field in (given, drawn):
        assert field.n_valid == pytest.approx(full.n_valid * 5 / 6, rel=0.02)
    start, stop = drawn.meta["truth"]["wedge"]
    assert stop - start == pytest.approx(60)
    other = mock.velocity_field(wedge=60, seed=3, shape="circle")
    assert other.meta["truth"]["wedge"][0] != start


@pytest.mark.parametrize("bins", [None, 300])
def test_outliers(bins):
    field = mock.velocity_field(seed=1, noise=1, outliers=0.05, outlier_amplitude=500, bins=bins)
    residual = (field.data - mock.noiseless(field).data)[~field.mask]
    if bins:
        residual = residual[np.unique(field.bin_id[~field.mask], return_index=True)[1]]
    off = np.abs(residual) > 100
    assert np.count_nonzero(off) == round(0.05 * len(residual))
    np.testing.assert_allclose(np.abs(residual[off]), 500, atol=6)
    assert (residual[off] > 0).any() and (residual[off] < 0).any()


def test_shorthands_fit_the_size_of_the_field():
    field = mock.velocity_field(warp=20, bar=0.2, core=180 * u.deg, size=20, noise=0)
    truth = field.meta["truth"]
    assert truth["warp"] == {"angle": 20, "r_start": 5, "r_end": 10}
    assert truth["bar"] == {"amplitude": 0.2, "angle": 45, "radius": 5, "radial": 0.5}
    assert truth["core"] == {"angle": 180, "radius": pytest.approx(10 / 3), "v_max": None,
                             "r_turn": None}
    disc, grid = mock.disc_and_grid(json.loads(json.dumps(truth)))
    np.testing.assert_array_equal(
        np.where(field.mask, 0, grid.smear(disc, truth["psf_fwhm"])[1]), field.data)


def test_the_same_seed_gives_the_same_field():
    options = {"bins": 200, "holes": 0.1, "wedge": 30, "outliers": 0.02, "noise_fwhm": 2}
    first, second, other = (mock.velocity_field(seed=seed, **options) for seed in (5, 5, 6))
    for name in ("data", "mask", "bin_id"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.meta["truth"] == second.meta["truth"]
    assert not np.array_equal(first.data, other.data)
    rng = np.random.default_rng(5)
    np.testing.assert_array_equal(mock.velocity_field(seed=rng, **options).data, first.data)
    assert not np.array_equal(mock.velocity_field(seed=rng, **options).data, first.data)


def test_noiseless_needs_a_whole_mock():
    field = mock.velocity_field(seed=1)
    with pytest.raises(ValueError, match="part of a mock"):
        mock.noiseless(field[3:20, 3:20])
    with pytest.raises(ValueError, match="no mock"):
        mock.noiseless(field._replace(meta={}))


@pytest.mark.parametrize("options, error, message", [
    ({"inclination": 95}, ValueError, "inclination must be"),
    ({"spaxel": 0}, ValueError, "spaxel must be positive"),
    ({"size": -3}, ValueError, "size must be positive"),
    ({"size": (1, 2, 3)}, ValueError, "size must be a number or a pair"),
    ({"center": 3}, ValueError, "center must be a pair"),
    ({"shape": "star"}, ValueError, "shape must be one of hexagon"),
    ({"handedness": "left"}, ValueError, "handedness must be 'manga' or 'east'"),
    ({"noise": -1}, ValueError, "noise must not be negative"),
    ({"error_scale": 0}, ValueError, "error_scale must be positive"),
    ({"holes": 1}, ValueError, "holes must be a fraction"),
    ({"outliers": -0.1}, ValueError, "outliers must be a fraction"),
    ({"wedge": 360}, ValueError, "wedge must be"),
    ({"bins": 5000}, ValueError, "bins must be from 1 to the number of spaxels"),
    ({"bins": 10.5}, ValueError, "bins must be a whole number"),
    ({"bins": 100, "bin_snr": 10}, ValueError, "bins or bin_snr, not both"),
    ({"component": "dust"}, ValueError, "component must be one of"),
    ({"v_max": None}, ValueError, "v_max must be a number"),
    ({"v_max": 3 * u.arcsec}, u.UnitsError, "v_max has the unit"),
    ({"size": 0.3, "center": (50, 50), "wedge": (200, 559)}, ValueError, "no spaxel is left"),
    ({"velocity": 3}, TypeError, "velocity"),
])
def test_bad_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        mock.velocity_field(**options)
