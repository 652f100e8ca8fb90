"""Cleaning: what goes, what stays, and what the report says."""

import copy
import json

import astropy.units as u
import numpy as np
import pytest
from astropy.constants import c
from astropy.stats import sigma_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from kinmis import VelocityField, clean, mock

NORTH, EAST = np.mgrid[-8:9, -8:9] * 0.5


def field_of(velocity, **options):
    north, east = (np.indices(velocity.shape) - 8.) * 0.5
    return VelocityField.from_arrays(velocity, east=east, north=north, **options)


@pytest.fixture
def smooth():
    return np.random.default_rng(0).normal(12 * EAST, 3.)


def test_outliers_go(smooth):
    smooth[3, 4], smooth[10, 12] = 900., -2000.
    cleaned = clean(field_of(smooth))
    assert cleaned.mask[3, 4] and cleaned.mask[10, 12]
    report = cleaned.meta["cleaning"]
    assert report["n_outliers"] == 2
    assert report["n_detached"] == 0
    assert report["n_valid_before"] - report["n_valid_after"] == 2
    assert cleaned.n_valid == report["n_valid_after"] == 287


@pytest.mark.parametrize("min_region, removed", [
    (0.1, 4), (0.06, 4), (1., 4), (0.01, 0), (0., 0), (None, 0)])
def test_detached_regions_go(smooth, min_region, removed):
    smooth[:, :5] = smooth[:4] = np.nan
    smooth[:2, :2] = 0.
    cleaned = clean(field_of(smooth), sigma=None, min_region=min_region)
    report = cleaned.meta["cleaning"]
    assert report["n_regions"] == (None if min_region is None else 2)
    assert report["n_detached"] == removed == np.count_nonzero(cleaned.mask[:2, :2])
    assert not cleaned.mask[5:, 5:].any()


def test_corners_do_not_connect(smooth):
    smooth[:] = np.nan
    smooth[4:, 4:] = 1.
    smooth[2:4, 2:4] = 2.
    cleaned = clean(field_of(smooth), sigma=None)
    assert cleaned.meta["cleaning"]["n_regions"] == 2
    assert cleaned.n_valid == 13 * 13


def test_the_largest_region_stays():
    velocity = np.full((17, 17), np.nan)
    velocity[::2, ::2] = 5.
    velocity[1, 0] = 5.
    cleaned = clean(field_of(velocity))
    assert cleaned.n_valid == 3
    assert not cleaned.mask[:3, 0].any()


def test_order_is_regions_first(smooth):
    # the detached region would widen the clipping
    smooth[:, 13] = np.nan
    smooth[:, 14:] = np.nan
    smooth[:3, 14:] = 500.
    smooth[8, 4] = 200.
    report = clean(field_of(smooth)).meta["cleaning"]
    assert (report["n_detached"], report["n_outliers"]) == (9, 1)


@settings(max_examples=200)
@given(arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)),
              elements=st.floats(-1e4, 1e4) | st.sampled_from([np.nan, 0., 1e8])),
       st.sampled_from([1., 2., 3., 5.]), st.sampled_from([None, 1, 5]))
def test_clipping_is_that_of_astropy(velocity, sigma, maxiters):
    field = field_of(velocity)
    cleaned = clean(field, sigma=sigma, maxiters=maxiters, min_region=None)
    good = np.isfinite(velocity)
    expected = ~good
    if good.any():
        expected[good] = np.ma.getmaskarray(
            sigma_clip(velocity[good], sigma=sigma, maxiters=maxiters))
    assert_array_equal(cleaned.mask, expected)


def test_steps_can_be_switched_off(smooth):
    smooth[3, 4] = 900.
    field = field_of(smooth)
    report = clean(field, sigma=None, min_region=None).meta["cleaning"]
    assert report["n_valid_after"] == report["n_valid_before"] == 289
    assert report["n_regions"] is None
    assert clean(field, sigma=40.).n_valid == 289


def test_one_round_keeps_what_more_rounds_drop(smooth):
    smooth[3, 3:6] = [1e6, 1e4, 500.]
    field = field_of(smooth)
    counts = [clean(field, maxiters=n).meta["cleaning"]["n_outliers"] for n in (1, 2, 5, None)]
    assert counts == [1, 2, 3, 3]


class TestBins:
    """Spaxels of one bin repeat one velocity."""

    @pytest.fixture
    def binned(self, smooth):
        bin_id = np.arange(289).reshape(17, 17)
        bin_id[2:4, 2:5] = 500
        smooth[2:4, 2:5] = 300.
        bin_id[0, :3] = -1
        return field_of(smooth, bin_id=bin_id)

    @pytest.mark.parametrize("count", ["spaxels", "bins"])
    def test_a_bin_goes_as_a_whole(self, binned, count):
        cleaned = clean(binned, count=count)
        assert cleaned.mask[2:4, 2:5].all()
        assert cleaned.meta["cleaning"]["n_outliers"] == 6

    def test_a_large_bin_is_an_outlier_only_as_one(self):
        bin_id = np.arange(289).reshape(17, 17)
        bin_id[:, :6] = 0
        velocity = np.random.default_rng(1).uniform(-3, 3, (17, 17))
        velocity[:, :6] = 130.
        field = field_of(velocity, bin_id=bin_id)
        assert clean(field, count="spaxels").n_valid == 289
        assert clean(field, count="bins").n_valid == 289 - 6 * 17

    def test_the_zero_point_counts_bins_once(self, binned):
        cleaned = clean(binned, sigma=None, zero_point="mean")
        first = np.ones((17, 17), bool)
        first[2:4, 2:5] = False
        first[2, 2] = True
        assert cleaned.meta["cleaning"]["offset"] == pytest.approx(binned.data[first].mean())


class TestZeroPoint:
    """A velocity is subtracted, and the reference follows."""

    @pytest.mark.parametrize("name", ["mean", "median", "biweight"])
    def test_it_finds_the_middle(self, smooth, name):
        smooth[3, 4] = 4000.
        field = field_of(smooth + 150., ivar=np.full(smooth.shape, 0.1))
        cleaned = clean(field, zero_point=name)
        offset = cleaned.meta["cleaning"]["offset"]
        assert offset == pytest.approx(150., abs=2.)
        good = ~cleaned.mask
        np.testing.assert_allclose(cleaned.data[good], field.data[good] - offset)
        assert_array_equal(cleaned.ivar, field.ivar)
        assert cleaned.v_ref is None

    def test_the_reference_moves_by_the_velocity_seen_here(self, smooth):
        field = field_of(smooth + 150., v_ref=9000 * u.km / u.s)
        cleaned = clean(field, zero_point="mean")
        offset = cleaned.meta["cleaning"]["offset"] * u.km / u.s
        z = (field.v_ref / c).to_value("")
        z_new = (1 + z) * (1 + (offset / c).to_value("")) - 1
        assert cleaned.v_ref.to_value("km/s") == pytest.approx((z_new * c).to_value("km/s"))

    def test_without_it_the_velocity_stays(self, smooth):
        field = field_of(smooth, v_ref=9000.)
        cleaned = clean(field)
        assert_array_equal(cleaned.data, field.data)
        assert cleaned.v_ref == field.v_ref
        assert cleaned.meta["cleaning"]["offset"] == 0.


def test_the_input_stays_as_it_was(smooth):
    smooth[3, 4] = 900.
    field = field_of(smooth, meta={"id": "1-1", "cleaning": {"by": "hand"}}, v_ref=10.)
    data, mask, meta = field.data.copy(), field.mask.copy(), copy.deepcopy(field.meta)
    clean(field, zero_point="median")
    assert_array_equal(field.data, data)
    assert_array_equal(field.mask, mask)
    assert field.meta == meta
    assert field.v_ref == 10 * u.km / u.s


def test_the_report_is_plain_and_remembers(smooth):
    smooth[3, 4] = 900.
    field = field_of(smooth)
    once = clean(field, sigma=np.float64(4), maxiters=np.int64(3))
    twice = clean(once, zero_point="mean")
    thrice = clean(twice)
    report = thrice.meta["cleaning"]
    assert json.loads(json.dumps(report)) == report
    assert [entry["n_outliers"] for entry in report["earlier"]] == [1, 0]
    assert report["earlier"][0]["sigma"] == 4.
    assert "earlier" not in report["earlier"][0]
    assert once.meta["cleaning"]["earlier"] == []


def test_a_masked_field_comes_back(smooth):
    field = field_of(smooth, mask=np.ones(smooth.shape, bool))
    cleaned = clean(field, zero_point="mean")
    report = cleaned.meta["cleaning"]
    assert cleaned.mask.all()
    assert report["n_valid_before"] == report["n_valid_after"] == report["n_outliers"] == 0
    assert report["offset"] == 0.


def test_values_that_are_no_numbers_go_silently(smooth):
    field = field_of(smooth)
    data = smooth.copy()
    data[2, 2], data[3, 3] = np.nan, np.inf
    cleaned = clean(field._replace(data=data))
    assert cleaned.mask[2, 2] and cleaned.mask[3, 3]
    assert cleaned.n_valid == cleaned.meta["cleaning"]["n_valid_before"] == 287


def test_garbage_under_the_mask_changes_nothing(smooth):
    mask = np.hypot(EAST, NORTH) > 3.5
    results = [clean(field_of(smooth, mask=mask)._replace(data=np.where(mask, bad, smooth)))
               for bad in (0., np.nan, np.inf, 1e30)]
    for result in results[1:]:
        assert_array_equal(result.mask, results[0].mask)


def test_a_list_of_bins_has_no_neighbours(smooth):
    values = smooth.ravel()
    values[7] = -1500.
    field = VelocityField.from_arrays(values, east=EAST.ravel(), north=NORTH.ravel())
    cleaned = clean(field)
    assert cleaned.meta["cleaning"]["n_regions"] is None
    assert cleaned.meta["cleaning"]["n_detached"] == 0
    assert_array_equal(np.flatnonzero(cleaned.mask), [7])


def test_many_at_once(smooth):
    fields = [field_of(smooth), None, field_of(smooth + 5)]
    cleaned = clean(fields)
    assert cleaned[1] is None
    assert [type(one) for one in cleaned] == [VelocityField, type(None), VelocityField]
    assert isinstance(clean(tuple(fields)), list)
    assert clean([]) == []


def test_it_is_a_method_too(smooth):
    smooth[3, 4] = 900.
    assert field_of(smooth).clean(sigma=None).n_valid == 289
    galaxy = mock.galaxy(seed=1, size=12., outliers=0.02).clean()
    for field in galaxy.fields.values():
        assert field.meta["cleaning"]["n_outliers"] > 0


@pytest.mark.parametrize("options, match", [
    ({"sigma": 0}, "sigma must be a positive number or None, not 0"),
    ({"sigma": np.nan}, "sigma"), ({"maxiters": 0}, "maxiters"), ({"maxiters": 1.5}, "maxiters"),
    ({"min_region": 10}, "min_region must be a fraction"), ({"min_region": -0.1}, "min_region"),
    ({"count": "area"}, "count must be 'spaxels' or 'bins'"),
    ({"zero_point": "mode"}, "zero_point must be one of"), ({"zero_point": True}, "zero_point")])
def test_wrong_options(smooth, options, match):
    with pytest.raises(ValueError, match=match):
        clean(field_of(smooth), **options)


@pytest.mark.parametrize("fields, match", [
    (3, "sequence of them, not int"), ([np.zeros((3, 3))], r"fields\[0\] must be a VelocityField")])
def test_what_is_no_field(fields, match):
    with pytest.raises(TypeError, match=match):
        clean(fields)


def test_real_maps_that_are_clean_hardly_change(shared_data):
    maps = dict(np.load(shared_data / "manga_mpl8" / "velocity_maps.npz"))
    changed, removed, valid = [], 0, 0
    for i, (ny, nx) in enumerate(zip(maps["ny"], maps["nx"])):
        part = slice(maps["offset"][i], maps["offset"][i + 1])
        report = clean(field_of(maps["values"][part].reshape(ny, nx))).meta["cleaning"]
        lost = report["n_valid_before"] - report["n_valid_after"]
        changed.append(lost / max(report["n_valid_before"], 1))
        removed, valid = removed + lost, valid + report["n_valid_before"]
    changed = np.array(changed)
    stars = maps["component"] == "stellar"
    print(f"{len(changed)} maps: {100 * np.mean(changed > 0):.2f}% change "
          f"(stars {100 * np.mean(changed[stars] > 0):.2f}%, "
          f"gas {100 * np.mean(changed[~stars] > 0):.2f}%), {100 * removed / valid:.3f}% of "
          f"the spaxels go, the 99th percentile of a map is {100 * np.percentile(changed, 99):.2f}%"
          f", the largest {100 * changed.max():.0f}%")
    # the numbers of the docstring
    assert np.mean(changed > 0) == pytest.approx(0.043, abs=5e-4)
    assert np.mean(changed[stars] > 0) == pytest.approx(0.014, abs=5e-4)
    assert np.mean(changed[~stars] > 0) == pytest.approx(0.072, abs=5e-4)
    assert removed / valid == pytest.approx(2e-4, abs=5e-5)
    assert np.percentile(changed, 99) == pytest.approx(0.007, abs=5e-4)
