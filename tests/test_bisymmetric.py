"""The bisymmetric engine: angles, errors, flags and invariants."""

import pickle

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal, assert_equal

from kinmis import VelocityField, fit_pa, mock
from kinmis.position_angle.bisymmetric import fit_bisymmetric
from kinmis.position_angle.circular import angle_difference
from kinmis.position_angle.mirror import Triangulation, mirrored_values

SMALL = {"size": 10., "psf_fwhm": 0.}


def off(result, pa):
    return abs(angle_difference(result.pa.value, pa))


def scattered(pa=70., number=250, noise=8., seed=0, v_sys=0.):
    """Return positions and velocities of a disc at irregular places."""
    rng = np.random.default_rng(seed)
    radius, azimuth = 8 * np.sqrt(rng.uniform(size=number)), rng.uniform(0, 2 * np.pi, number)
    east, north = radius * np.sin(azimuth), radius * np.cos(azimuth)
    velocity = 120 * np.tanh(radius / 3) * np.cos(azimuth - np.radians(pa))
    return east, north, velocity + v_sys + rng.normal(0, noise, number)


def angle_of(east, north, velocity, **options):
    return fit_bisymmetric(VelocityField.from_arrays(velocity, east=east, north=north), **options)


@pytest.mark.parametrize("weights", ["bins", "area"])
@pytest.mark.parametrize("handedness", ["manga", "east"])
@pytest.mark.parametrize("pa", [0., 20., 90., 110., 180., 215., 270., 305.])
def test_every_quadrant(pa, handedness, weights):
    field = mock.velocity_field(pa, handedness=handedness, noise=2., seed=3, **SMALL)
    result = fit_bisymmetric(field, weights=weights)
    assert off(result, pa) < 0.5
    assert result.method == "bisymmetric"
    assert result.weights == weights
    assert result.flags == 0


@pytest.mark.parametrize("options", [
    {"shape": "circle"}, {"shape": "square"}, {"shape": "rectangle", "size": (8., 14.)},
    {"holes": 0.3}, {"wedge": 80.}, {"bins": 120}, {"rotation": 33.}, {"curve": "declining"}])
def test_footprints(options):
    field = mock.velocity_field(128., noise=3., seed=5, **{**SMALL, **options})
    result = fit_bisymmetric(field)
    assert off(result, 128.) < min(4 * result.pa_err.value, 2.5)


def test_v_sys_is_fitted_even_where_the_footprint_is_lopsided():
    field = mock.velocity_field(40., noise=3., v_sys=80., seed=2, **SMALL)
    side = field.mask | (field.east.value < -1.5)
    result = fit_bisymmetric(field._replace(mask=side))
    assert abs(result.v_sys.value - 80.) < 4 * result.v_sys_err.value < 5.
    assert off(result, 40.) < 3.


def test_center():
    field = mock.velocity_field(250., center=(1., -0.7), noise=3., seed=2, **SMALL)
    assert off(fit_bisymmetric(field, center=(1., -0.7)), 250.) < 1.
    assert off(fit_bisymmetric(field), 250.) > 1.


def test_radial_range():
    field = mock.velocity_field(30., core=180., noise=2., seed=4, **{**SMALL, "size": 16.})
    inner = fit_bisymmetric(field, rmax=2.)
    outer = fit_bisymmetric(field, rmin=3.5)
    assert off(inner, 210.) < 2.
    assert off(outer, 30.) < 1.
    assert inner.n_data + outer.n_data < field.n_valid
    assert outer.area_fraction == outer.n_data / field.n_valid


class TestInvariants:
    """What is done to the field is done to the angle."""

    @settings(max_examples=8, deadline=None)
    @given(st.integers(0, 719).map(lambda half: half / 2), st.integers(0, 20))
    def test_rotate(self, turn, seed):
        east, north, velocity = scattered(seed=seed)
        angle = np.radians(turn)
        turned = (east * np.cos(angle) + north * np.sin(angle),
                  north * np.cos(angle) - east * np.sin(angle))
        first, second = angle_of(east, north, velocity), angle_of(*turned, velocity)
        assert abs(angle_difference(second.pa.value, first.pa.value + turn)) < 1e-3
        assert_allclose(second.pa_err, first.pa_err, rtol=1e-3)

    @settings(max_examples=5, deadline=None)
    @given(st.integers(0, 20))
    def test_mirror(self, seed):
        east, north, velocity = scattered(seed=seed)
        first, second = angle_of(east, north, velocity), angle_of(-east, north, velocity)
        assert abs(angle_difference(second.pa.value, -first.pa.value)) < 1e-3

    @settings(max_examples=5, deadline=None)
    @given(st.integers(0, 20), st.floats(-1e4, 1e4))
    def test_offset(self, seed, offset):
        east, north, velocity = scattered(seed=seed)
        first = angle_of(east, north, velocity)
        second = angle_of(east, north, velocity + offset)
        assert_allclose(second.pa, first.pa, atol=1e-6 * u.deg)
        assert_allclose(second.v_sys.value - first.v_sys.value, offset, atol=1e-6)

    @settings(max_examples=5, deadline=None)
    @given(st.integers(0, 20), st.sampled_from([-1., -0.2, 3.]))
    def test_scale_and_reverse(self, seed, factor):
        east, north, velocity = scattered(seed=seed)
        first = angle_of(east, north, velocity)
        second = angle_of(east, north, velocity * factor)
        expected = first.pa.value + (180. if factor < 0 else 0.)
        assert abs(angle_difference(second.pa.value, expected)) < 1e-6
        assert_allclose(second.pa_err, first.pa_err, rtol=1e-6)
        assert_allclose(second.significance, first.significance, rtol=1e-6)

    @settings(max_examples=5, deadline=None)
    @given(st.integers(0, 20))
    def test_permute(self, seed):
        east, north, velocity = scattered(seed=seed)
        order = np.random.default_rng(seed).permutation(len(east))
        first = angle_of(east, north, velocity)
        second = angle_of(east[order], north[order], velocity[order])
        assert_allclose(second.pa, first.pa, atol=1e-6 * u.deg)
        assert_allclose(second.pa_err, first.pa_err, rtol=1e-6)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30, 0.])
    def test_garbage_under_the_mask(self, bad):
        field = mock.velocity_field(70., holes=0.2, seed=1, **SMALL)
        spoilt = field._replace(data=np.where(field.mask, bad, field.data))
        assert_equal(fit_bisymmetric(spoilt).values, fit_bisymmetric(field).values)

    def test_an_image_and_its_list(self):
        field = mock.velocity_field(70., seed=1, **SMALL)
        good = ~field.mask
        result = fit_bisymmetric(VelocityField.from_arrays(
            field.data[good], east=field.east[good], north=field.north[good],
            ivar=field.ivar[good]))
        assert_allclose(result.pa, fit_bisymmetric(field).pa, atol=1e-9 * u.deg)


class TestWeights:
    """What counts, and how much."""

    def test_bins_count_once(self):
        field = mock.velocity_field(70., bins=100, noise=20., seed=1, **SMALL)
        result = fit_bisymmetric(field)
        assert result.n_data == field.n_bins == 100
        # one line per bin is the same
        first = [np.flatnonzero(field.bin_id.ravel() == i) for i in np.unique(field.bin_id)
                 if i >= 0]
        east, north, velocity, ivar = (
            np.array([array.ravel()[i].mean() for i in first])
            for array in (field.east.value, field.north.value, field.data, field.ivar.value))
        table = VelocityField.from_arrays(velocity, east=east, north=north, ivar=ivar)
        assert_allclose(fit_bisymmetric(table).pa, result.pa, atol=1e-6 * u.deg)

    def test_area_knows_the_bins(self):
        # the error is that of 80 data, not of 600
        field = mock.velocity_field(70., bins=80, noise=30., seed=1, **{**SMALL, "size": 14.})
        result = fit_bisymmetric(field, weights="area")
        assert result.n_data == 80
        assert result.pa_err > 0.7 * fit_bisymmetric(field).pa_err

    def test_errors_weigh(self):
        east, north, velocity = scattered(noise=5., number=400)
        spoilt = np.arange(400) % 4 == 0
        velocity[spoilt] += np.random.default_rng(1).normal(0, 150, spoilt.sum())
        error = np.where(spoilt, 150., 5.)
        field = VelocityField.from_arrays(velocity, east=east, north=north, error=error)
        weighted, plain = fit_bisymmetric(field), fit_bisymmetric(field, weights="area")
        assert weighted.pa_err < 0.6 * plain.pa_err
        assert off(weighted, 70.) < 4 * weighted.pa_err.value
        assert 0.5 < weighted.chi2_reduced < 1.5

    def test_a_few_bright_data_do_not_decide(self):
        field = mock.velocity_field(70., core=60., noise=5., seed=1, **{**SMALL, "size": 16.})
        radius = np.hypot(field.east.value, field.north.value)
        sharp = VelocityField.from_arrays(
            field.data, mask=field.mask, east=field.east, north=field.north,
            error=np.where(radius < 2, 0.2, 5.))
        assert off(fit_bisymmetric(sharp), 70.) < 10.


class TestErrors:
    """The error covers the truth as often as it says."""

    @pytest.mark.parametrize("options", [
        {"noise": 10.}, {"noise": 40.}, {"noise": 15., "wedge": 80.},
        {"noise": 15., "noise_fwhm": 3., "size": 16.}, {"noise": 30., "bins": 100},
        {"noise": 30., "bins": 100, "weights": "area"}])
    def test_coverage(self, options):
        options = dict(options)
        weights = options.pop("weights", "bins")
        pulls = []
        for seed in range(40):
            pa = np.random.default_rng(seed).uniform(0, 360)
            result = fit_bisymmetric(mock.velocity_field(pa, seed=seed, ivar=False,
                                                         **{**SMALL, **options}),
                                     weights=weights)
            pulls.append(angle_difference(result.pa.value, pa) / result.pa_err.value)
        assert 0.7 < np.std(pulls) < 1.4
        assert abs(np.mean(pulls)) < 0.6

    def test_intervals_and_posterior(self):
        result = fit_bisymmetric(mock.velocity_field(3., noise=30., seed=1, **SMALL))
        pa, error = result.pa.value, result.pa_err.value
        assert_allclose(result.interval_68.value, [pa - error, pa + error])
        assert_allclose(result.interval_95.value, [pa - 2 * error, pa + 2 * error])
        angles = np.arange(0., 360., 0.1)
        density = result.posterior(angles)
        assert density.sum() * 0.1 == pytest.approx(1.)
        apart = angle_difference(angles, pa)
        assert np.sqrt(np.sum(density * apart**2) * 0.1) == pytest.approx(error, rel=0.05)
        assert density[np.abs(apart) < error].sum() * 0.1 == pytest.approx(0.683, abs=0.03)

    def test_the_other_end_has_what_the_sense_leaves(self):
        result = fit_bisymmetric(mock.velocity_field(30., noise=3., seed=1, **SMALL))
        assert result.posterior([30., 120., 210., 300.] * u.deg)[2] < 1e-6


class TestModel:
    """The symmetrised field."""

    @pytest.mark.parametrize("weights", ["bins", "area"])
    @pytest.mark.parametrize("bins", [None, 100])
    def test_it_follows_the_data(self, bins, weights):
        field = mock.velocity_field(70., bins=bins, v_sys=30., noise=8., seed=1, **SMALL)
        result = fit_bisymmetric(field, weights=weights)
        residual = result.residual().velocity.value[~field.mask]
        noise = 8. if bins is None else np.sqrt(np.mean(1 / field.ivar[~field.mask].value))
        assert np.isfinite(residual).all()
        assert 0.5 * noise < residual.std() < 1.5 * noise
        model = result.model()
        assert_array_equal(model.mask, field.mask)
        assert model.uncertainty is None

    def test_it_is_antisymmetric(self):
        field = mock.velocity_field(0., noise=10., seed=1, **{**SMALL, "shape": "circle"})
        result = fit_bisymmetric(field)
        good = ~field.mask
        mesh = Triangulation(field.east.value[good], field.north.value[good])
        for values, least, most in ((result.model().data[good], 0., 0.08),
                                    (field.data[good], 0.08, 0.3)):
            values = values - result.v_sys.value
            (_, images, turned), = mirrored_values(mesh, values, np.array([result.pa.value]))
            spread = (np.nanstd(values - images[:, 0]) + np.nanstd(values + turned[:, 0])) / 2
            assert least < spread / np.std(values) < most

    def test_it_covers_more_than_was_fitted(self):
        field = mock.velocity_field(70., seed=1, **SMALL)
        model = fit_bisymmetric(field, rmax=3.).model()
        assert np.isfinite(model.data[~field.mask]).all()


class TestNoAngle:
    """NaN and a flag where there is none, not an arbitrary angle."""

    def check(self, field, flag, **options):
        for weights in ("bins", "area"):
            result = fit_bisymmetric(field, weights=weights, **options)
            assert np.isnan(result.pa)
            assert flag in result.flag_names
            assert_allclose(result.posterior(), 1 / 360)
            with pytest.raises(ValueError, match="no model"):
                result.model()
        return result

    def test_masked(self):
        field = mock.velocity_field(seed=1, **SMALL)
        self.check(field._replace(mask=np.ones(field.shape, bool)), "NO_DATA")

    def test_too_few(self):
        self.check(mock.velocity_field(seed=1, **SMALL), "TOO_FEW_DATA", rmax=0.6)

    def test_a_single_bin(self):
        field = mock.velocity_field(seed=1, **SMALL)
        self.check(field._replace(bin_id=np.zeros(field.shape, int)), "TOO_FEW_DATA")

    def test_on_one_line(self):
        x = np.linspace(-5, 5, 50)
        self.check(VelocityField.from_arrays(10 * x, east=x, north=0.3 * x), "TOO_FEW_DATA")

    def test_at_one_place(self):
        ones = np.ones(50)
        self.check(VelocityField.from_arrays(np.arange(50.), east=ones, north=ones),
                   "TOO_FEW_DATA")

    @pytest.mark.parametrize("value", [0., 150., 1e5])
    def test_constant(self, value):
        field = mock.velocity_field(seed=1, **SMALL)
        self.check(field._replace(data=np.full(field.shape, value)), "NO_ROTATION")

    @pytest.mark.parametrize("options", [
        {}, {"noise_fwhm": 2., "size": 16.}, {"bins": 80}, {"wedge": 100.}])
    def test_noise(self, options):
        found = 0
        for seed in range(10):
            field = mock.velocity_field(v_max=0., v_sys=20., noise=15., seed=seed,
                                        **{**SMALL, **options})
            result = fit_bisymmetric(field)
            found += result.ok
            if not result.ok:
                assert "NO_ROTATION" in result.flag_names
                assert abs(result.v_sys.value - 20.) < 15.
        assert found <= 1


class TestFlags:
    """Doubts are told."""

    def test_gap_in_azimuth(self):
        field = mock.velocity_field(70., wedge=130., noise=3., seed=1, **SMALL)
        assert "INCOMPLETE_AZIMUTH" in fit_bisymmetric(field).flag_names

    def test_ambiguous_sense(self):
        field = mock.velocity_field(70., curve="tanh", noise=2., seed=1,
                                    **{**SMALL, "shape": "circle"})
        radius = np.hypot(field.east.value, field.north.value)
        inner = radius < np.sqrt(0.5) * radius[~field.mask].max()
        result = fit_bisymmetric(field._replace(data=np.where(inner, -1., 1.) * field.data))
        assert "AMBIGUOUS_SENSE" in result.flag_names
        assert min(off(result, 70.), off(result, 250.)) < 3.

    def test_the_sense_of_most_of_the_area(self):
        field = mock.velocity_field(70., curve="tanh", noise=2., seed=1, **SMALL)
        radius = np.hypot(field.east.value, field.north.value)
        inner = radius < 0.4 * radius[~field.mask].max()
        result = fit_bisymmetric(field._replace(data=np.where(inner, -1., 1.) * field.data))
        assert off(result, 70.) < 2.

    def test_poor_fit(self):
        field = mock.velocity_field(70., v_max=60., noise=60., seed=1, **SMALL)
        result = fit_bisymmetric(field._replace(uncertainty=None))
        assert "POOR_FIT" in result.flag_names
        assert result.intrinsic_scatter.value == pytest.approx(60., rel=0.15)

    def test_correlated_noise(self):
        field = mock.velocity_field(70., noise=15., noise_fwhm=3., seed=1,
                                    **{**SMALL, "size": 16.})
        assert "CORRELATED_NOISE" in fit_bisymmetric(field).flag_names


def test_a_perfect_field():
    north, east = np.mgrid[-8:9, -8:9] * 0.5
    field = VelocityField.from_arrays(12 * east - 9 * north, east=east, north=north)
    result = fit_bisymmetric(field)
    assert off(result, np.degrees(np.arctan2(12, -9))) < 0.05
    assert result.pa_err < 0.1 * u.deg
    assert result.significance > 10


def test_through_fit_pa():
    fields = [mock.velocity_field(70., seed=1, **SMALL), None]
    results = fit_pa(fields, method="bisymmetric", rmax=4 * u.arcsec, center=(0.1, 0))
    assert off(results[0], 70.) < 2.
    assert results[1].flag_names == ["NO_DATA"]


def test_results_travel_between_processes():
    result = fit_bisymmetric(mock.velocity_field(70., seed=1, **SMALL))
    again = pickle.loads(pickle.dumps(result))
    assert_equal(again.values, result.values)
    assert_allclose(again.posterior(), result.posterior())
    assert_array_equal(again.model().data, result.model().data)


def test_steps():
    field = mock.velocity_field(70., seed=1, noise=2., **SMALL)
    assert off(fit_bisymmetric(field, steps=91), 70.) < 1.
    for steps in (360, 11, 37.5):
        with pytest.raises(ValueError, match="steps must be an odd number, 37 or more"):
            fit_bisymmetric(field, steps=steps)


def test_the_input_stays_as_it_was():
    field = mock.velocity_field(70., seed=1, **SMALL)
    before = field.data.copy(), field.mask.copy(), field.ivar.copy()
    fit_bisymmetric(field).residual()
    for array, old in zip((field.data, field.mask, field.ivar), before):
        assert_array_equal(array, old)


def test_large_maps_go_in_parts(monkeypatch):
    field = mock.velocity_field(70., seed=1, **SMALL)
    whole = fit_bisymmetric(field)
    monkeypatch.setattr("kinmis.position_angle.mirror.CHUNK", 10_000)
    monkeypatch.setattr("kinmis.position_angle.bisymmetric.CHUNK", 1_000)
    parts = fit_bisymmetric(field)
    assert_allclose(parts.pa, whole.pa, atol=1e-9 * u.deg)
    assert_allclose(parts.pa_err, whole.pa_err, rtol=1e-9)
