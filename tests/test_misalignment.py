"""Misalignments: differences on the circle, their probabilities, the common footprint."""

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinmis import Galaxy, VelocityField, fit_pa, misalign, mock
from kinmis.common import common_footprint
from kinmis.misalignment import measure_misalignments

angles = st.floats(0, 360, exclude_max=True)
errors = st.floats(0, 40)


def sampled_probability(first, second, limit, period=360.):
    """The probability by drawing a million pairs."""
    rng = np.random.default_rng(0)
    difference = rng.normal(*second, 1_000_000) - rng.normal(*first, 1_000_000)
    difference = np.abs((difference + period / 2) % period - period / 2)
    return np.mean(difference > limit)


@pytest.mark.parametrize("first, second", [
    ((10, 2), (35, 3)), ((350, 1), (21, 1)), ((0, 10), (30, 10)), ((5, 30), (100, 2)),
    ((5, 30), (15, 30)), ((90, 0), (120, 0.5)), ((0, 4), (180, 4)), ((0, 0), (29, 0))])
@pytest.mark.parametrize("axial", [False, True])
def test_probability_is_that_of_the_distributions(first, second, axial):
    result = misalign(tuple(x * u.deg for x in first), tuple(x * u.deg for x in second),
                      axial=axial)
    expected = sampled_probability(first, second, 30, 180. if axial else 360.)
    assert result.probability == pytest.approx(expected, abs=0.004)


@settings(deadline=None, max_examples=60)
@given(angles, angles, errors, errors, st.floats(1, 179), angles)
def test_invariants(first, second, error, other_error, threshold, turn):
    def measured(a, b):
        return misalign((a * u.deg, error * u.deg), (b * u.deg, other_error * u.deg),
                        threshold=threshold)

    result = measured(first, second)
    assert -180 < result.values["difference"] <= 180
    assert 0 <= result.absolute.value <= 180
    assert 0 <= result.probability <= 1
    assert result.error.value == pytest.approx(np.hypot(error, other_error))
    turned = measured(first + turn, second + turn)
    assert np.cos(np.radians(turned.values["difference"])) == pytest.approx(
        np.cos(np.radians(result.values["difference"])), abs=1e-9)
    if max(error, other_error) > 1:   # sharp angles jump at the threshold
        assert turned.probability == pytest.approx(result.probability, abs=1e-3)


def test_counter_rotation_is_180_not_0():
    galaxy = mock.galaxy(pa_stellar=40, pa_gas=220, seed=0)
    result = galaxy.misalignment()
    assert result.absolute.value == pytest.approx(180, abs=1)
    assert result.probability == pytest.approx(1)


def test_sign_is_gas_minus_stars():
    assert mock.galaxy(pa_stellar=10, pa_gas=350, seed=0).misalignment().difference < 0
    assert misalign(350 * u.deg, 10 * u.deg).difference == 20 * u.deg


def test_posteriors_of_weak_rotation_are_propagated():
    galaxy = mock.galaxy(pa_stellar=0, pa_gas=25, stellar=dict(noise=150), seed=3)
    result = galaxy.misalignment(common=False)
    assert result.stellar.values["pa_err"] > 3
    assert 0.01 < result.probability < 0.9


def test_photometric_misalignment_is_that_of_an_axis():
    galaxy = mock.galaxy(pa_stellar=40, pa_gas=130, seed=0)
    galaxy = Galaxy(galaxy.stellar, galaxy.gas, meta={**galaxy.meta,
                                                      "photometric_pa": 220 * u.deg})
    photometric = galaxy.misalignment().photometric
    assert photometric["stellar"].absolute.value < 1
    assert photometric["gas"].absolute.value == pytest.approx(90, abs=1)
    assert galaxy.misalignment().flags == 0


def test_a_field_without_rotation_gives_no_misalignment_but_flags():
    galaxy = mock.galaxy(gas=dict(v_max=0), seed=0)
    result = galaxy.misalignment()
    assert not result.ok
    assert np.isnan(result.absolute) and np.isnan(result.probability)
    assert "NO_ROTATION" in result.flag_names
    assert "none" in repr(result)


def test_many_galaxies_in_one_batch():
    galaxies = [mock.galaxy(pa_stellar=10 * i, pa_gas=30 * i, seed=i) for i in range(4)]
    together = measure_misalignments([*galaxies, Galaxy(stellar=galaxies[0].stellar)])
    for i, galaxy in enumerate(galaxies):
        assert together[i].values["difference"] == pytest.approx(
            galaxy.misalignment().values["difference"], abs=1e-5)
    assert not together[-1].ok
    assert "NO_DATA" in together[-1].flag_names
    fitted = [(result.first, result.second) for result in together[:4]]
    again = measure_misalignments([g.clean() for g in galaxies], angles=fitted)
    for old, new in zip(together, again):
        assert new.values == old.values
        assert new.common.values == pytest.approx(old.common.values)


def test_missing_field_is_told():
    galaxy = mock.galaxy(seed=0)
    with pytest.raises(ValueError, match="has no gas field"):
        Galaxy(stellar=galaxy.stellar).misalignment()


@pytest.mark.parametrize("arguments, error, message", [
    ((None, 3 * u.deg), TypeError, "first must be a PositionAngle"),
    ((3 * u.deg, 3 * u.km), u.UnitsError, "second has the unit 'km'"),
    ((np.nan, 3.), ValueError, "first must be finite"),
    (((3., -1.), 3.), ValueError, "error of first must not be negative")])
def test_wrong_angles_are_told(arguments, error, message):
    with pytest.raises(error, match=message):
        misalign(*arguments)


@pytest.mark.parametrize("threshold", [0, 180, -3, 200])
def test_wrong_thresholds_are_told(threshold):
    with pytest.raises(ValueError, match="threshold must be between 0 and 180"):
        misalign(0 * u.deg, 3 * u.deg, threshold=threshold)


# -- the common footprint -----------------------------------------------------------------


def test_common_footprint_has_one_mask_and_one_binning():
    galaxy = mock.galaxy(binning="hybrid", bins=60, gas=dict(wedge=60), seed=0)
    stars, gas = common_footprint(galaxy.stellar, galaxy.gas)
    np.testing.assert_array_equal(stars.mask, gas.mask)
    np.testing.assert_array_equal(stars.bin_id, gas.bin_id)
    assert stars.n_valid < galaxy.stellar.n_valid
    one = stars.bin_id == stars.bin_id[~stars.mask][0]
    assert np.count_nonzero(one) > 1
    assert np.ptp(gas.data[one]) == 0
    assert gas.data[one][0] == pytest.approx(galaxy.gas.data[one].mean(), rel=1e-5)


def test_a_field_that_is_its_own_common_footprint_is_fitted_once(monkeypatch):
    from kinmis import misalignment
    galaxies = [mock.galaxy(pa_stellar=40, pa_gas=60, bins=60, binning=binning, seed=0)
                for binning in ("hybrid", "voronoi")]
    counts = []

    def counted(fields, **options):
        counts.append(len(fields))
        return fit_pa(fields, **options)
    monkeypatch.setattr(misalignment, "fit_pa", counted)
    hybrid, voronoi = measure_misalignments(galaxies, clean=False)
    # stars and gas of both, and the gas of the first binned like its stars
    assert counts == [5]
    assert voronoi.common.values == voronoi.values
    assert hybrid.common.first is hybrid.first
    assert hybrid.common.second is not hybrid.second
    # as what is fitted alone
    stars, gas = (fit_pa(field) for field in common_footprint(galaxies[0].stellar,
                                                              galaxies[0].gas))
    assert hybrid.common.values["difference"] == pytest.approx(
        misalign(stars, gas).values["difference"], abs=1e-9)


def test_averaging_spaxels_lowers_their_error_but_repeats_do_not():
    galaxy = mock.galaxy(binning="hybrid", stellar=dict(bins=60), seed=0)
    stars, gas = common_footprint(galaxy.stellar, galaxy.gas)
    good = ~stars.mask
    area = np.bincount(stars.bin_id[good])[stars.bin_id[good]]
    np.testing.assert_allclose(stars.ivar[good].value, galaxy.stellar.ivar[good].value, rtol=1e-5)
    ratio = gas.ivar[good].value / galaxy.gas.ivar[good].value
    np.testing.assert_allclose(ratio, area, rtol=0.3)


def test_bins_of_stars_are_coarser_than_few_spaxels_of_gas():
    galaxy = mock.galaxy(binning="hybrid", bins=60, seed=0)
    outer = np.hypot(galaxy.gas.east.value, galaxy.gas.north.value) > 2
    few = galaxy.gas._replace(mask=galaxy.gas.mask | outer)
    assert few.n_valid < galaxy.stellar.n_bins
    stars, gas = common_footprint(galaxy.stellar, few)
    bins = np.unique(galaxy.stellar.bin_id[~(few.mask | galaxy.stellar.mask)])
    assert stars.n_bins == gas.n_bins == len(bins) < few.n_valid


def test_a_warp_seen_to_other_radii_is_no_misalignment_on_the_common_footprint():
    warp = mock.Warp(60, 3, 10)
    galaxy = mock.galaxy(pa_stellar=30, stellar=dict(warp=warp, noise=2),
                         gas=dict(warp=warp, noise=2), size=25, seed=0)
    inner = np.hypot(galaxy.gas.east.value, galaxy.gas.north.value) > 5
    gas = VelocityField.from_arrays(
        galaxy.gas.data, east=galaxy.gas.east, north=galaxy.gas.north,
        ivar=galaxy.gas.ivar, mask=galaxy.gas.mask | inner, component="gas")
    result = Galaxy(galaxy.stellar, gas).misalignment(clean=False)
    assert result.absolute.value > 4
    assert result.common.absolute.value < result.absolute.value / 2


def test_fields_on_different_grids_have_no_common_footprint():
    first = mock.velocity_field(size=12, seed=0)
    second = mock.velocity_field(size=15, seed=0)
    assert common_footprint(first, second) is None
    result = Galaxy(first._replace(component="stellar"),
                    second._replace(component="gas")).misalignment()
    assert result.common is None
    assert "NO_COMMON_FOOTPRINT" in result.flag_names
    assert result.ok
