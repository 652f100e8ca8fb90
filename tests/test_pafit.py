"""The package pafit, called with care; and the bisymmetric engine beside it."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_equal

from kinmis import VelocityField, fit_pa, mock
from kinmis.position_angle.bisymmetric import fit_bisymmetric
from kinmis.position_angle.circular import angle_difference
from kinmis.position_angle.pafit import fit_with_pafit

SMALL = {"size": 8., "psf_fwhm": 0.}


def off(result, pa):
    return abs(angle_difference(result.pa.value, pa))


class TestMissing:
    """Without the package there is help, not a riddle."""

    @pytest.fixture(autouse=True)
    def without_pafit(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pafit", None)
        monkeypatch.setitem(sys.modules, "pafit.fit_kinematic_pa", None)

    @pytest.mark.parametrize("words", [r"pip install kinmis\[pafit\]", "no commercial use",
                                       "method='bisymmetric'"])
    def test_what_to_do(self, words):
        with pytest.raises(ImportError, match=words):
            fit_with_pafit(mock.velocity_field(seed=1, **SMALL))

    def test_through_fit_pa(self):
        with pytest.raises(ImportError, match="pafit"):
            fit_pa([mock.velocity_field(seed=1, **SMALL)], method="pafit")


class TestPafit:
    """With the package."""

    @pytest.fixture(autouse=True)
    def with_pafit(self):
        pytest.importorskip("pafit", reason="the package pafit is not installed")

    @pytest.mark.parametrize("handedness", ["manga", "east"])
    @pytest.mark.parametrize("pa", [0., 20., 110., 200., 290.])
    def test_every_quadrant(self, pa, handedness):
        field = mock.velocity_field(pa, handedness=handedness, noise=2., v_sys=60., seed=1,
                                    **SMALL)
        result = fit_with_pafit(field)
        assert off(result, pa) <= 1.
        assert abs(result.v_sys.value - 60.) < 3.
        assert result.method == "pafit"
        assert result.flags == 0

    @pytest.mark.parametrize("options", [
        {"noise": 2.}, {"noise": 2., "ivar": False}, {"noise": 2., "bins": 150, "size": 11.},
        {"noise": 1., "holes": 0.2}, {"noise": 2., "shape": "circle"}])
    @pytest.mark.parametrize("weights", ["bins", "area"])
    def test_the_bisymmetric_engine_agrees(self, options, weights):
        apart = []
        for seed, pa in enumerate((13., 77., 148., 231., 322.)):
            field = mock.velocity_field(pa, seed=seed, **{**SMALL, **options})
            own, other = (fit(field, weights=weights)
                          for fit in (fit_bisymmetric, fit_with_pafit))
            apart.append(off(own, other.pa.value))
            assert own.pa_err < other.pa_err
        assert np.median(apart) <= 0.5
        assert max(apart) <= 1.

    def test_the_error_is_one_sigma(self):
        pulls = []
        for seed in range(8):
            result = fit_with_pafit(mock.velocity_field(40., noise=15., seed=seed, **SMALL))
            pulls.append(angle_difference(result.pa.value, 40.) / result.pa_err.value)
        # known to be too wide by about two
        assert 0.2 < np.sqrt(np.mean(np.square(pulls))) < 1.2

    def test_the_error_grows_with_the_noise(self):
        fields = [mock.velocity_field(40., noise=noise, ivar=ivar, seed=1, **SMALL)
                  for noise in (5., 30.) for ivar in (True, False)]
        low, low_guessed, high, high_guessed = (fit_with_pafit(f).pa_err.value for f in fields)
        assert 4 < high / low < 9
        assert_allclose([low_guessed, high_guessed], [low, high], rtol=0.2)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
    def test_garbage_under_the_mask(self, bad):
        field = mock.velocity_field(70., holes=0.2, seed=1, **SMALL)
        spoilt = field._replace(data=np.where(field.mask, bad, field.data))
        assert_equal(fit_with_pafit(spoilt).values, fit_with_pafit(field).values)

    def test_reverse_and_offset(self):
        field = mock.velocity_field(70., noise=3., seed=1, **SMALL)
        first = fit_with_pafit(field)
        reverse = fit_with_pafit(field._replace(data=-field.data))
        offset = fit_with_pafit(field._replace(data=field.data + 9000.))
        assert off(reverse, first.pa.value + 180.) < 1e-9
        assert off(offset, first.pa.value) < 1e-9
        assert_allclose(offset.v_sys.value, first.v_sys.value + 9000.)

    def test_center_and_range(self):
        field = mock.velocity_field(70., center=(1., 0.5), noise=2., seed=1, **SMALL)
        result = fit_with_pafit(field, center=(1., 0.5), rmin=0.4, rmax=3.)
        assert off(result, 70.) <= 1.5
        assert result.n_data < field.n_valid

    @pytest.mark.parametrize("changes, flag", [
        ({"mask": np.True_}, "NO_DATA"), ({"bin_id": 0}, "TOO_FEW_DATA"),
        ({"data": 5.}, "NO_ROTATION")])
    def test_no_angle(self, changes, flag):
        field = mock.velocity_field(seed=1, **SMALL)
        result = fit_with_pafit(field._replace(
            **{name: np.full(field.shape, value) for name, value in changes.items()}))
        assert np.isnan(result.pa)
        assert result.flag_names == [flag]

    def test_no_rotation(self):
        result = fit_with_pafit(mock.velocity_field(v_max=0., noise=10., seed=1, **SMALL))
        assert np.isnan(result.pa)
        assert result.flag_names == ["NO_ROTATION"]

    def test_a_list_of_positions(self):
        x, y = np.random.default_rng(0).uniform(-4, 4, (2, 150))
        field = VelocityField.from_arrays(30 * x, east=x, north=y)
        # the median of these positions is not the centre, which pafit does not find out
        assert off(fit_with_pafit(field), 90.) <= 3.
        assert off(fit_bisymmetric(field), 90.) < 0.05

    def test_posterior_but_no_model(self):
        result = fit_pa(mock.velocity_field(70., seed=1, **SMALL), method="pafit")
        density = result.posterior()
        assert density[65:76].sum() > 0.95
        with pytest.raises(ValueError, match="pafit fit has no model"):
            result.model()

    def test_quiet_and_without_figures(self, capfd):
        plt = pytest.importorskip("matplotlib.pyplot")
        before = plt.get_fignums(), dict(plt.rcParams)
        fit_with_pafit(mock.velocity_field(70., seed=1, **SMALL))
        assert capfd.readouterr() == ("", "")
        assert (plt.get_fignums(), dict(plt.rcParams)) == before

    def test_steps(self):
        field = mock.velocity_field(70., noise=2., seed=1, **SMALL)
        assert off(fit_with_pafit(field, steps=91), 70.) <= 2.
        with pytest.raises(ValueError, match="steps must be a whole number, 37 or more, not 5"):
            fit_with_pafit(field, steps=5)


def test_the_module_does_not_load_pafit():
    code = ("import sys, kinmis.position_angle.pafit as own; "
            "assert 'pafit' not in sys.modules and 'matplotlib' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)
