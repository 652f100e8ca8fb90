"""Fits of emission lines to many spectra at once."""

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import ndtr

from kinmis.cube import backend
from kinmis.cube.line_fit import C_KMS, LineModel, fit_lines
from kinmis.cube.lines import find_complex

Z = 0.03


def make_model(name, instrument=50.0, step=1.0, v_max=500.0):
    lines = find_complex(name, "air")
    groups = tuple(tuple((place * (1 + Z), part) for place, part in group)
                   for group in lines.groups)
    places = lines.wavelengths * (1 + Z)
    wavelength = np.arange(places.min() * (1 - 2000 / C_KMS), places.max() * (1 + 2000 / C_KMS),
                           step)
    return LineModel(wavelength, groups, lines.main, np.full(places.shape, instrument), 1, v_max,
                     (35.0, 500.0), 22.0 if lines.blended else 9.0)


def make_spectra(model, number, snr, dispersion=50.0, ratio=0.5, seed=0):
    """Return spectra, inverse variance and true velocities, for a signal-to-noise or a range."""
    rng = np.random.default_rng(seed)
    velocity = rng.uniform(-200, 200, number)
    step = model.wavelength[1] - model.wavelength[0]
    edges = np.append(model.wavelength - step / 2, model.wavelength[-1] + step / 2)
    width = np.hypot(dispersion, model.instrument[0]) / C_KMS
    flux = np.zeros((number, len(model.wavelength)))
    for row, group in enumerate(model.groups):
        for place, part in group:
            scaled = (edges - place * (1 + velocity[:, None] / C_KMS)) / (place * width)
            flux += part * (ratio if row else 1) * np.diff(ndtr(scaled), axis=1) / step
    low, high = np.broadcast_to(snr, 2)
    snr = np.exp(rng.uniform(np.log(low), np.log(high), number))
    noise = 1 / snr / np.sqrt(2 * np.sqrt(np.pi) * model.groups[0][0][0] * width * step)
    flux += 0.3 + 1e-4 * (model.wavelength - model.wavelength[0])
    flux += noise[:, None] * rng.standard_normal(flux.shape)
    return flux, np.repeat(noise[:, None] ** -2, flux.shape[1], axis=1), velocity


@pytest.mark.parametrize("name", ["Ha", "NII", "Ha+NII", "Hb", "OIII", "OII", "SII"])
def test_finds_what_is_there(name):
    model = make_model(name)
    flux, ivar, velocity = make_spectra(model, 200, 1e4)
    fit = fit_lines(flux, ivar, model, backend="numpy")
    assert fit.converged.all()
    np.testing.assert_allclose(fit.velocity, velocity, atol=0.1)
    # that of the line, of the instrument and of a channel together
    step = C_KMS / model.groups[0][0][0]
    np.testing.assert_allclose(fit.width, np.sqrt(50**2 + 50**2 + step**2 / 12), rtol=0.005)
    total = sum(part * (0.5 if row else 1) for row, group in enumerate(model.groups[:model.main])
                for _, part in group[:1])
    np.testing.assert_allclose(fit.flux, total, rtol=0.003)


@pytest.mark.parametrize("name, instrument, dispersion, step", [
    ("Ha", 30, 50, 0.6), ("Ha", 50, 30, 1.25), ("Ha", 60, 120, 1.25), ("Hb", 60, 40, 1.0),
    ("OIII", 60, 60, 1.0), ("SII", 50, 60, 1.0), ("OII", 60, 60, 1.0)])
def test_errors_mean_what_they_say_down_to_a_signal_to_noise_of_five(name, instrument,
                                                                     dispersion, step):
    model = make_model(name, instrument, step)
    flux, ivar, velocity = make_spectra(model, 9000, (3.5, 30), dispersion, seed=11,
                                        ratio=0.7 if name == "SII" else 0.5)
    fit = fit_lines(flux, ivar, model, backend="numpy")
    snr = fit.flux / fit.flux_error
    pull = (fit.velocity - velocity) / fit.velocity_error
    for low, high in ((5, 8), (8, 40)):
        chosen = pull[fit.converged & (snr >= low) & (snr < high)]
        assert len(chosen) > 1000
        # of so many, the coverage itself is known to 0.015 or better
        slack = 2 * np.sqrt(0.683 * 0.317 / len(chosen)) - 0.005
        assert 0.65 - slack < np.mean(np.abs(chosen) < 1) < 0.72 + slack
        assert 0.92 < np.mean(np.abs(chosen) < 2) < 0.975
        assert abs(chosen.mean()) < 0.1


def test_agrees_with_curve_fit():
    model = make_model("Hb")
    flux, ivar, velocity = make_spectra(model, 20, 40)
    fit = fit_lines(flux, ivar, model, backend="numpy")
    place = model.groups[0][0][0]

    def line(wavelength, total, v, width, level, slope):
        center, sigma = place * (1 + v / C_KMS), place * width / C_KMS
        return (total / np.sqrt(2 * np.pi) / sigma
                * np.exp(-0.5 * ((wavelength - center) / sigma) ** 2)
                + level + slope * (wavelength - place) / 100)

    for row in range(len(flux)):
        best, covariance = curve_fit(line, model.wavelength, flux[row],
                                     p0=(1, velocity[row], 80, 0.3, 0.01),
                                     sigma=ivar[row] ** -0.5, absolute_sigma=True)
        found = [fit.flux[row], fit.velocity[row], fit.width[row]]
        error = np.sqrt(np.diag(covariance))
        assert np.all(np.abs(found - best[:3]) < 0.01 * error[:3])
        inflation = np.sqrt(1 + 9 * (error[0] / best[0]) ** 2)
        np.testing.assert_allclose(fit.velocity_error[row], error[1] * inflation, rtol=0.01)
        np.testing.assert_allclose(fit.flux_error[row], error[0], rtol=0.01)


def test_jax_gives_the_same():
    pytest.importorskip("jax", reason="the extra \"cubes\" is not installed")
    model = make_model("Ha")
    flux, ivar, _ = make_spectra(model, 3000, (5, 50))
    ivar[:50, 40:60] = 0
    ivar[7] = 0
    one, other = (fit_lines(flux, ivar, model, backend=name) for name in ("numpy", "jax"))
    both = one.converged & other.converged
    assert np.mean(both) > 0.99 and np.array_equal(np.isnan(one.velocity), np.isnan(other.velocity))
    assert np.isnan(one.velocity[7])
    for name in ("velocity", "width", "flux"):
        difference = np.abs(getattr(one, name) - getattr(other, name))[both]
        assert np.all(difference < 0.02 * getattr(one, f"{name}_error")[both])
    assert np.mean(np.abs(one.velocity - other.velocity)[both] < 1e-9) > 0.99


def test_jax_leaves_the_precision_of_others_alone():
    jax = pytest.importorskip("jax", reason="the extra \"cubes\" is not installed")
    model = make_model("Hb")
    fit_lines(*make_spectra(model, 5, 20)[:2], model, backend="jax")
    assert jax.numpy.ones(1).dtype == np.float32


@pytest.mark.parametrize("scale", [1e-20, 1e-17, 1e8])
def test_units_of_the_flux_do_not_matter(scale):
    model = make_model("Ha")
    flux, ivar, _ = make_spectra(model, 30, 20)
    one, other = (fit_lines(flux * k, ivar / k**2, model, backend="numpy") for k in (1, scale))
    np.testing.assert_allclose(one.velocity, other.velocity, atol=1e-6)
    np.testing.assert_allclose(one.velocity_error, other.velocity_error, rtol=1e-6)
    np.testing.assert_allclose(one.flux * scale, other.flux, rtol=1e-6)


def test_bad_channels_do_not_count():
    model = make_model("Ha")
    flux, ivar, _ = make_spectra(model, 30, 50)
    ivar[:, 50] = 0
    spoiled, blank, endless = flux.copy(), flux.copy(), flux.copy()
    spoiled[:, 50], blank[:, 50], endless[:, 50] = 1e6, np.nan, np.inf
    clean = fit_lines(flux, ivar, model, backend="numpy")
    for other in (spoiled, blank, endless):
        fit = fit_lines(other, ivar, model, backend="numpy")
        np.testing.assert_allclose(fit.velocity, clean.velocity)
        assert np.all(fit.n_used == len(model.wavelength) - 1)


def test_spectra_without_data_give_nan():
    model = make_model("Ha")
    flux, ivar, _ = make_spectra(model, 4, 50)
    flux[0], ivar[1], ivar[2, 6:] = np.nan, 0, 0
    fit = fit_lines(flux, ivar, model, backend="numpy")
    for name in ("velocity", "velocity_error", "width", "flux", "chi2"):
        np.testing.assert_array_equal(np.isnan(getattr(fit, name)), [True, True, True, False])
    np.testing.assert_array_equal(fit.converged, [False, False, False, True])


def test_noise_from_the_residuals():
    model = make_model("Ha")
    flux, ivar, _ = make_spectra(model, 500, 20)
    given = fit_lines(flux, ivar, model, backend="numpy")
    found = fit_lines(flux, np.ones(ivar.shape), model, backend="numpy", rescale=True)
    assert np.all(np.abs(found.velocity - given.velocity) < 0.03 * given.velocity_error)
    assert np.median(found.velocity_error / given.velocity_error) == pytest.approx(1, abs=0.01)
    assert np.std(found.flux_error / given.flux_error) < 0.1


def test_noise_alone_is_rarely_a_line():
    model = make_model("Ha")
    rng = np.random.default_rng(3)
    flux = rng.standard_normal((4000, len(model.wavelength)))
    fit = fit_lines(flux, np.ones(flux.shape), model, backend="numpy")
    assert np.mean(fit.converged & (fit.flux > 5 * fit.flux_error)) < 0.001
    absorbed = fit_lines(-make_spectra(model, 50, 50)[0], np.ones((50, len(model.wavelength))),
                         model, backend="numpy", rescale=True)
    assert not np.any(absorbed.flux > 5 * absorbed.flux_error)


def test_backend_is_never_changed_silently(monkeypatch):
    with pytest.raises(ValueError, match="backend must be"):
        backend.choose_backend("torch", 10)
    assert backend.backend_name("auto", 100) == "numpy"
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    assert backend.backend_name("auto", 10**6) == "numpy"
    with pytest.raises(ImportError, match=r"kinmis\[cubes\]"):
        backend.backend_name("jax", 10)
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: name)
    for accelerator, expected in ((True, "jax"), (False, "numpy")):
        monkeypatch.setattr(backend, "_has_accelerator", lambda there=accelerator: there)
        assert backend.backend_name("auto", 10**6) == expected
        assert backend.backend_name("auto", 100) == "numpy"
    assert backend.backend_name("numpy", 10**6) == "numpy"
