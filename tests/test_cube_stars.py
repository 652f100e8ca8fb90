"""Velocities of stars in cubes, through pPXF."""

import builtins

import astropy.units as u
import numpy as np
import pytest

from kinmis import Galaxy, VelocityField
from kinmis.cube import Templates
from kinmis.cube.line_fit import C_KMS

Z = 0.02
REST = np.arange(4700.0, 5700.0, 0.5)
COLUMNS, ROWS = 6, 5


def star(width, seed=0):
    """Return a spectrum with some hundred absorption lines of a width in km/s."""
    rng = np.random.default_rng(seed)
    spectrum = np.ones(REST.shape)
    for place in rng.uniform(REST[0], REST[-1], 150):
        sigma = place * width / C_KMS
        spectrum -= rng.uniform(1, 20) / 100 * 60 / width * np.exp(
            -0.5 * ((REST - place) / sigma) ** 2)
    return spectrum


@pytest.fixture(scope="module")
def templates():
    return Templates(REST, [star(60, 0), star(60, 1)], "air")


@pytest.fixture(scope="module")
def cube():
    """A small cube in which the stars rotate and are 120 km/s hot."""
    rng = np.random.default_rng(8)
    wavelength = np.arange(4950.0, 5650.0, 1.0)
    velocity = np.repeat(np.linspace(-100, 100, COLUMNS)[None], ROWS, axis=0)
    hot = star(np.hypot(60, 120))
    flux = np.array([[np.interp(wavelength, REST * (1 + Z) * (1 + v / C_KMS), hot) for v in row]
                     for row in velocity])
    flux = np.moveaxis(flux, -1, 0) * np.linspace(0.8, 1.2, len(wavelength))[:, None, None]
    noise = 0.02
    flux += noise * rng.standard_normal(flux.shape)
    # an emission line, which is not to be fitted
    flux += 2 * np.exp(-0.5 * ((wavelength - 5006.84 * (1 + Z)) / 2) ** 2)[:, None, None]
    return dict(cube=flux, wavelength=wavelength, wavelength_unit="Angstrom", medium="air", z=Z,
                error=np.full(flux.shape, noise), spaxel=1.0, component="stellar"), velocity


@pytest.fixture(scope="module")
def field(cube, templates):
    pytest.importorskip("ppxf", reason="the extra \"ppxf\" is not installed")
    return VelocityField.from_cube(**cube[0], templates=templates, degree=2)


def test_velocities_of_stars_are_true(field, cube):
    _, velocity = cube
    assert field.component == "stellar" and field.line is None and field.n_valid == velocity.size
    pull = (field.data - velocity) / field.error.value
    assert abs(np.mean(field.data - velocity)) < 2.0
    assert np.std(pull) < 1.6 and np.max(field.error.value) < 12
    dispersion = field.meta["maps"]["dispersion"].value
    assert np.median(dispersion) == pytest.approx(120, abs=8)
    facts = field.meta["cube"]
    assert facts["engine"].startswith("ppxf ") and facts["templates"] == 2


def test_vacuum_templates_are_turned_into_air(field, cube, templates):
    from kinmis.cube.lines import air_to_vacuum
    other = Templates(air_to_vacuum(REST), templates.flux, "vacuum")
    small = {**cube[0], "cube": cube[0]["cube"][:, :1], "error": cube[0]["error"][:, :1]}
    read = VelocityField.from_cube(**small, templates=other, degree=2)
    np.testing.assert_allclose(read.data[0], field.data[0], atol=1.0)


def test_bins_noise_and_instrument(field, cube, templates):
    bins = np.repeat(np.arange(COLUMNS)[None], ROWS, axis=0)
    read = VelocityField.from_cube(**cube[0], templates=templates, degree=2, bin_id=bins)
    assert read.n_bins == COLUMNS
    assert np.median(read.error) < 0.6 * np.median(field.error)
    np.testing.assert_allclose(read.data[0], cube[1][0], atol=10)
    alone = {**cube[0], "error": None}
    sharp = Templates(templates.wavelength, templates.flux, "air", lsf=5000)
    read = VelocityField.from_cube(**alone, templates=sharp, degree=2, bin_id=bins, lsf=2000)
    assert read.meta["cube"]["templates_smoothed"]
    np.testing.assert_allclose(read.data[0], cube[1][0], atol=10)
    # 60 km/s of the templates are the instrument's now, which the cube does not have
    assert np.median(read.meta["maps"]["dispersion"].value) < 118


def test_galaxy_of_stars(cube, templates, tmp_path):
    pytest.importorskip("ppxf", reason="the extra \"ppxf\" is not installed")
    specutils = pytest.importorskip("specutils", reason="the extra \"test\" is not installed")
    options = dict(cube[0])
    flux = options.pop("cube")[:, :1]
    spectrum = specutils.Spectrum(flux=np.moveaxis(flux, 0, -1) * u.Jy,
                                  spectral_axis=options.pop("wavelength") * u.AA)
    options.pop("wavelength_unit")
    options.pop("error")
    galaxy = Galaxy.read(spectrum, **options, templates=templates, degree=2)
    assert galaxy.gas is None and galaxy.stellar.n_valid == COLUMNS


def test_what_can_not_be_fitted_is_an_error(cube, templates):
    pytest.importorskip("ppxf", reason="the extra \"ppxf\" is not installed")
    options = dict(cube[0])
    with pytest.raises(TypeError, match="templates must be a kinmis.cube.Templates"):
        VelocityField.from_cube(**options, templates=REST)
    with pytest.raises(ValueError, match="hardly overlap"):
        VelocityField.from_cube(**{**options, "z": 0.5}, templates=templates)
    with pytest.raises(ValueError, match="no spectrum of stars"):
        VelocityField.from_cube(**options, templates=templates, snr_min=500)
    with pytest.raises(ValueError, match="nothing tells the redshift"):
        VelocityField.from_cube(**{**options, "z": None}, templates=templates)


def test_templates_are_checked():
    with pytest.raises(ValueError, match="must be .templates, pixels."):
        Templates(REST, np.ones((3, 5)), "air")
    with pytest.raises(ValueError, match="NaN"):
        Templates(REST, np.full(REST.shape, np.nan), "air")
    with pytest.raises(ValueError, match="medium must be"):
        Templates(REST, np.ones(REST.shape), "water")
    turned = Templates(REST[::-1] / 10 * u.nm, np.arange(len(REST)), "air")
    np.testing.assert_allclose(turned.wavelength, REST)
    assert turned.flux[0, 0] == len(REST) - 1


def test_without_ppxf_it_says_what_to_install(cube, templates, monkeypatch):
    original = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "ppxf" or name.startswith("ppxf."):
            raise ImportError(name)
        return original(name, *args, **kwargs)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r'pip install "kinmis\[ppxf\]" .mind its licence'):
        VelocityField.from_cube(**cube[0], templates=templates)
