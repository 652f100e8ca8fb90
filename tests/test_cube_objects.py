"""Cubes that other packages hold."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import InverseVariance, StdDevUncertainty, UnknownUncertainty
from astropy.nddata import VarianceUncertainty
from astropy.wcs import WCS

from kinmis import Galaxy, VelocityField, mock
from kinmis.readers import identify_format


def imported(name):
    """Return a package; some warn when they are imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason="the packages of the extra \"test\" are absent")


@pytest.fixture(scope="module")
def cube():
    return mock.cube(75, snr=40, snr_slope=0.7, size=14, seed=1)


@pytest.fixture(scope="module")
def path(cube, tmp_path_factory):
    return cube.write(str(tmp_path_factory.mktemp("cubes") / "cube.fits"))


@pytest.fixture(scope="module")
def field(path):
    return VelocityField.from_cube(path)


@pytest.fixture(scope="module")
def wcs(path):
    return WCS(fits.getheader(path, "FLUX"))


def same(one, other):
    np.testing.assert_array_equal(one.mask, other.mask)
    good = ~one.mask
    np.testing.assert_allclose(one.data[good], other.data[good], atol=0.02)
    np.testing.assert_allclose(one.error.value[good], other.error.value[good], rtol=1e-3)
    np.testing.assert_allclose(one.east.value, other.east.value, atol=1e-6)
    np.testing.assert_allclose(one.north.value, other.north.value, atol=1e-6)


@pytest.mark.parametrize("kind, power", [(VarianceUncertainty, 1), (StdDevUncertainty, 0.5),
                                         (InverseVariance, -1)])
def test_specutils(cube, field, wcs, kind, power):
    specutils = imported("specutils")
    spectrum = specutils.Spectrum(flux=cube.flux * u.Jy, wcs=wcs,
                                  uncertainty=kind(cube.variance**power))
    assert identify_format(spectrum) == "cube"
    read = VelocityField.from_cube(spectrum, z=cube.z)
    same(read, field)
    assert read.meta["cube"]["medium_from"] == "the axis type AWAV"
    assert read.meta["source"] == "specutils Spectrum"
    same(Galaxy.read(spectrum, z=cube.z).gas, field)


def test_specutils_with_the_channels_last(cube, field, wcs):
    specutils = imported("specutils")
    moved = specutils.Spectrum(flux=cube.flux * u.Jy, wcs=wcs, move_spectral_axis="last",
                               uncertainty=VarianceUncertainty(cube.variance))
    assert moved.shape[-1] == len(cube.flux)
    same(VelocityField.from_cube(moved, z=cube.z), field)


def test_specutils_without_a_wcs(cube, field):
    specutils = imported("specutils")
    spectrum = specutils.Spectrum(
        flux=np.moveaxis(cube.flux, 0, -1) * u.Jy, spectral_axis=cube.wavelength,
        mask=np.isnan(np.moveaxis(cube.flux, 0, -1)),
        uncertainty=StdDevUncertainty(np.sqrt(np.moveaxis(cube.variance, 0, -1))))
    same(VelocityField.from_cube(spectrum, z=cube.z, medium="air", wcs=cube.wcs), field)
    with pytest.raises(ValueError, match="in air or in vacuum; give medium"):
        VelocityField.from_cube(spectrum, z=cube.z, wcs=cube.wcs)
    spectrum.uncertainty = UnknownUncertainty(spectrum.uncertainty.array)
    with pytest.raises(TypeError, match="uncertainty of the spectrum is of the type Unknown"):
        VelocityField.from_cube(spectrum, z=cube.z, medium="air", wcs=cube.wcs)


def test_one_spectrum_is_no_cube(cube):
    specutils = imported("specutils")
    single = specutils.Spectrum(flux=cube.flux[:, 18, 18] * u.Jy, spectral_axis=cube.wavelength)
    with pytest.raises(TypeError, match="a cube has a spectral axis and two of the sky"):
        VelocityField.from_cube(single, z=cube.z, medium="air")


def test_spectral_cube(cube, field, wcs, path):
    package = imported("spectral_cube")
    made = package.SpectralCube(cube.flux * u.Jy, wcs=wcs, header=fits.getheader(path, "FLUX"))
    assert identify_format(made) == "cube"
    read = VelocityField.from_cube(made, variance=cube.variance)
    same(read, field)
    assert read.meta["cube"]["z_from"] == "REDSHIFT of the header"
    good = cube.snr > 20
    masked = made.with_mask(np.repeat(good[None], len(cube.flux), axis=0))
    read = VelocityField.from_cube(masked, variance=cube.variance)
    np.testing.assert_array_equal(read.mask, field.mask | ~good)
    with pytest.raises(ValueError, match="wavelength= is for files and arrays"):
        VelocityField.from_cube(made, wavelength=cube.wavelength)


def test_spectral_cube_in_velocity(tmp_path):
    package = imported("spectral_cube")
    cube = mock.cube(75, snr=40, snr_slope=0.7, size=14, seed=1, medium="vacuum")
    header = cube.header()
    made = package.SpectralCube(cube.flux * u.Jy, wcs=WCS(header), header=header)
    speed = made.with_spectral_unit(u.km / u.s, velocity_convention="optical",
                                    rest_value=6564.614 * u.AA)
    read, field = (VelocityField.from_cube(item, variance=cube.variance) for item in (speed, made))
    assert read.meta["cube"]["medium_from"] == "the rest frequency"
    assert field.meta["cube"]["medium_from"] == "the axis type WAVE"
    good = ~field.mask & ~read.mask
    assert np.count_nonzero(good) > 0.99 * field.n_valid
    np.testing.assert_allclose(read.data[good], field.data[good], atol=0.5)


def test_mpdaf(field, path):
    imported("mpdaf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mpdaf.obj import Cube, Image
        made = Cube(path, ext=("FLUX", "VARIANCE"))
    assert identify_format(made) == "cube"
    same(VelocityField.from_cube(made), field)
    assert VelocityField.from_cube(made).meta["source"] == "mpdaf Cube"
    image = Image(data=np.ones((5, 5)))
    with pytest.raises(TypeError, match="no cube with wavelengths"):
        VelocityField.from_cube(image)
