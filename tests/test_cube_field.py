"""Velocity fields measured in cubes: mock cubes with truth, files, bins, bad input."""

import gzip
import shutil
import tracemalloc

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from kinmis import Galaxy, VelocityField, mock
from kinmis.cube.measure import slabs
from kinmis.exceptions import QualityWarning
from kinmis.readers import identify_format


def turned(angle, by):
    return abs((angle.value - by + 180) % 360 - 180)


@pytest.fixture(scope="module")
def cube():
    """A mock whose signal-to-noise falls from 60 in the middle to about 10 at the edge."""
    return mock.cube(75, snr=60, snr_slope=0.6, size=16, seed=4, psf_fwhm=1.5)


@pytest.fixture(scope="module")
def path(cube, tmp_path_factory):
    return cube.write(str(tmp_path_factory.mktemp("cubes") / "cube.fits"))


@pytest.fixture(scope="module")
def field(path):
    return VelocityField.from_cube(path, lsf=2000)


def arrays(cube, **options):
    return dict(variance=cube.variance, wavelength=cube.wavelength, medium=cube.medium, z=cube.z,
                wcs=cube.wcs) | options


def rewrite(path, target, change):
    """Write a changed copy of a file."""
    with fits.open(path) as units:
        units = fits.HDUList([unit.copy() for unit in units])
        change(units)
        units.writeto(target)
    return str(target)


def same(one, other, rtol=1e-4):
    """Whether two fields have the same velocities, errors and positions."""
    np.testing.assert_array_equal(one.mask, other.mask)
    good = ~one.mask
    np.testing.assert_allclose(one.data[good], other.data[good], atol=0.02)
    np.testing.assert_allclose(one.error.value[good], other.error.value[good], rtol=rtol)
    np.testing.assert_allclose(one.east.value, other.east.value, atol=1e-6)
    np.testing.assert_allclose(one.north.value, other.north.value, atol=1e-6)


# truth

@pytest.mark.parametrize("handedness", ["manga", "east"])
@pytest.mark.parametrize("pa", [20, 200, 305])
def test_angle_is_the_right_way_round(pa, handedness, tmp_path):
    made = mock.cube(pa, snr=60, snr_slope=0.6, size=14, seed=5, handedness=handedness,
                     rotation=25, psf_fwhm=1.0)
    read = VelocityField.read(made.write(str(tmp_path / "cube.fits")))
    fitted = read.fit_pa()
    assert turned(fitted.pa, pa) < 4 * fitted.pa_err.value + 1
    assert turned(VelocityField.from_cube(made.flux, **arrays(made)).fit_pa().pa,
                  fitted.pa.value) < 0.1


@pytest.mark.parametrize("line, medium", [("Ha", "air"), ("OIII", "vacuum"), ("Hb", "air"),
                                          ("SII", "vacuum"), ("OII", "air")])
def test_velocities_and_errors_are_true(line, medium):
    options = dict(line=line, medium=medium, snr_slope=0.8, size=24, psf_fwhm=1.5)
    pulls = []
    for seed in range(4):
        made = mock.cube(40 + 90 * seed, snr=60, seed=seed, **options)
        read = VelocityField.from_cube(made.flux, **arrays(made, line=line, lsf=2000))
        good = ~read.mask
        pulls.append(((read.data - made.velocity) / read.error.value)[good])
    pulls = np.concatenate(pulls)
    assert len(pulls) > 3000
    assert 0.65 < np.mean(np.abs(pulls) < 1) < 0.72
    assert 0.93 < np.mean(np.abs(pulls) < 2) < 0.975
    assert abs(np.mean(pulls)) < 0.1


def test_maps_are_true(cube, field):
    maps, good = field.meta["maps"], ~field.mask
    assert set(maps) == {"dispersion", "dispersion_error", "snr", "flux", "flux_error",
                         "reduced_chi2", "brightness"}
    pull = ((maps["dispersion"].value - 40) / maps["dispersion_error"].value)[good]
    assert abs(np.median(pull)) < 0.15 and 0.6 < np.mean(np.abs(pull) < 1) < 0.76
    # free velocity and width cost the flux a fifth of its signal-to-noise
    assert np.median(maps["snr"][good] / cube.snr[good]) == pytest.approx(0.8, abs=0.03)
    assert np.nanmedian(maps["reduced_chi2"]) == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(maps["snr"][good], (maps["flux"] / maps["flux_error"])[good])


def test_undetected_lines_are_masked():
    made = mock.cube(30, snr=40, snr_slope=2.5, size=30, seed=2)
    read = VelocityField.from_cube(made.flux, **arrays(made))
    good = ~read.mask
    assert not np.any(good & (made.snr < 3))
    assert np.mean(good[made.snr > 9]) > 0.98
    assert np.count_nonzero(made.snr < 3) > 500
    more = VelocityField.from_cube(made.flux, **arrays(made, snr_min=3))
    assert more.n_valid > read.n_valid
    assert np.all(more.meta["maps"]["snr"][~more.mask] >= 3)


def test_air_and_vacuum_differ_by_83_km_s(cube, field):
    wrong = VelocityField.from_cube(cube.flux, **arrays(cube, medium="vacuum"))
    good = ~field.mask & ~wrong.mask
    assert np.median((wrong.data - field.data)[good]) == pytest.approx(-83, abs=1)
    assert field.meta["cube"]["medium_from"] == "CTYPE3 = AWAV"


def test_metadata_and_reference(cube, field):
    assert field.component == "gas" and field.line == "Ha" and field.id == "mock"
    assert field.v_ref.value == pytest.approx(cube.z * 299792.458)
    assert field.meta["spaxel"] == 0.5 * u.arcsec
    facts = field.meta["cube"]
    assert (facts["z_from"], facts["noise"], facts["backend"]) == (
        "REDSHIFT of the header", "variance", "numpy")
    assert facts["instrument_dispersion"] == pytest.approx(63.7, abs=0.1)


def test_maps_are_sliced_cleaned_and_written_with_the_field(field, tmp_path):
    part = field[5:20, 8:30]
    for name, array in part.meta["maps"].items():
        np.testing.assert_array_equal(array, field.meta["maps"][name][5:20, 8:30])
    assert field.clean().meta["maps"]["snr"].shape == field.shape
    part.write(str(tmp_path / "field.fits"))
    again = VelocityField.read(str(tmp_path / "field.fits"))
    np.testing.assert_array_equal(again.meta["maps"]["dispersion"], part.meta["maps"]["dispersion"])


# ways in

def test_reader(path, field):
    assert identify_format(path) == "cube"
    same(VelocityField.read(path, lsf=2000), field)
    galaxy = Galaxy.read(path, format="cube", lsf=2000)
    assert galaxy.stellar is None
    same(galaxy.gas, field)
    with pytest.raises(TypeError, match="no option lines; it has .*line"):
        Galaxy.read(path, lines="Ha")


def test_arrays_and_quantities(cube, field):
    same(VelocityField.from_cube(cube.flux, **arrays(cube, lsf=2000)), field)
    jansky = cube.flux * 1e-3 * u.mJy
    for noise in (dict(variance=cube.variance * u.uJy**2), dict(variance=None, error=np.sqrt(
            cube.variance) * u.uJy), dict(variance=None, ivar=1e12 / cube.variance / u.Jy**2)):
        same(VelocityField.from_cube(jansky, **arrays(cube, lsf=2000, **noise)), field)
    masked = np.ma.masked_invalid(cube.flux)
    same(VelocityField.from_cube(masked, **arrays(cube, lsf=2000)), field)


def test_gzipped_and_in_slabs(path, field, tmp_path):
    packed = str(tmp_path / "cube.fits.gz")
    with open(path, "rb") as plain, gzip.open(packed, "wb", compresslevel=1) as file:
        shutil.copyfileobj(plain, file)
    for name in (path, packed):
        for memory in (1e6, 5e6):
            same(VelocityField.from_cube(name, lsf=2000, memory=memory), field)


def test_slabs_cover_the_map():
    for memory in (1e3, 1e6, 5e6, 1e9):
        rows = np.concatenate([np.arange(36)[piece] for piece in slabs((36, 40), 150, memory)])
        np.testing.assert_array_equal(rows, np.arange(36))


def test_backwards_wavelengths_and_other_units(path, field, tmp_path):
    def turn(units):
        for unit in units[1:]:
            unit.data = unit.data[::-1].copy()
        header, count = units["FLUX"].header, len(units["FLUX"].data)
        header["CRVAL3"] = (header["CRVAL3"] + (count - 1) * header["CDELT3"]) / 10
        header["CDELT3"] = -header["CDELT3"] / 10
        header["CUNIT3"] = "nm"
    same(VelocityField.from_cube(rewrite(path, tmp_path / "turned.fits", turn), lsf=2000), field)


def test_other_names_of_extensions(path, field, tmp_path):
    def rename(units):
        units["VARIANCE"].data = units["VARIANCE"].data ** -0.5
        units["VARIANCE"].name = "IVAR"
        units["IVAR"].data = units["IVAR"].data ** 2
        units["FLUX"].name = "DATA"
    same(VelocityField.from_cube(rewrite(path, tmp_path / "a.fits", rename), lsf=2000), field)

    def hide(units):
        units["VARIANCE"].data = np.sqrt(units["VARIANCE"].data)
        units["VARIANCE"].name = "SPREAD"
    hidden = rewrite(path, tmp_path / "b.fits", hide)
    same(VelocityField.from_cube(hidden, extension="FLUX", error="SPREAD", lsf=2000), field)
    same(VelocityField.from_cube(hidden, extension=1, error=2, lsf=2000), field)
    with pytest.raises(ValueError, match="neither an extension of .* FLUX, SPREAD, nor a file"):
        VelocityField.from_cube(hidden, extension="FLUX", error="NOISE")
    with pytest.raises(ValueError, match="has no extension SCI; it has 0, FLUX|PRIMARY, FLUX"):
        VelocityField.from_cube(hidden, extension="SCI")
    same(VelocityField.from_cube(path, variance=path.replace("cube.fits", "cube.fits"),
                                 check=False), VelocityField.from_cube(path, variance="FLUX",
                                                                       check=False))


def test_wavelengths_in_an_extension(path, cube, field, tmp_path):
    def move(units):
        for key in ("CRVAL3", "CRPIX3", "CDELT3"):
            del units["FLUX"].header[key]
        units.append(fits.ImageHDU(cube.wavelength.value, name="WAVE"))
        units["WAVE"].header["BUNIT"] = "Angstrom"
    name = rewrite(path, tmp_path / "wave.fits", move)
    same(VelocityField.from_cube(name, lsf=2000), field)
    same(VelocityField.from_cube(name, wavelength="WAVE", lsf=2000), field)
    with pytest.raises(ValueError, match="no extension LAMBDA with wavelengths"):
        VelocityField.from_cube(name, wavelength="LAMBDA")


def test_continuum_that_is_subtracted(cube):
    channel = np.arange(len(cube.flux))
    bumps = np.sin(channel / 4.0)[:, None, None] * np.nanmax(cube.flux) * np.ones(cube.flux.shape)
    clean = VelocityField.from_cube(cube.flux, **arrays(cube))
    same(VelocityField.from_cube(cube.flux + bumps, **arrays(cube, continuum=bumps)), clean)
    spoiled = VelocityField.from_cube(cube.flux + bumps, **arrays(cube, check=False, snr_min=0))
    assert np.median(spoiled.meta["maps"]["reduced_chi2"][~spoiled.mask]) > 3


def test_a_list_of_spectra(cube, field):
    inside = np.isfinite(cube.snr)
    listed = VelocityField.from_cube(
        cube.flux[:, inside], **arrays(cube, variance=cube.variance[:, inside], wcs=None, lsf=2000),
        east=field.east[inside], north=field.north[inside])
    good = ~field.mask[inside]
    np.testing.assert_array_equal(~listed.mask, good)
    np.testing.assert_allclose(listed.data[good], field.data[inside][good], atol=0.02)
    with pytest.raises(ValueError, match="give east= and north="):
        VelocityField.from_cube(cube.flux[:, inside], **arrays(
            cube, variance=cube.variance[:, inside]))


def test_center_and_spaxel(path, cube, field):
    center = field.wcs.pixel_to_world(20, 12)
    moved = VelocityField.from_cube(path, center=center)
    assert np.hypot(moved.east, moved.north).argmin() == np.ravel_multi_index((12, 20), field.shape)
    same(VelocityField.from_cube(path, center=(20, 12)), moved, rtol=1e-9)
    peak = VelocityField.from_cube(path, center="peak")
    assert np.abs(peak.east - field.east).max() < 1 * u.arcsec
    bare = arrays(cube, wcs=None)
    flat = VelocityField.from_cube(cube.flux, **bare, spaxel=0.5, center="image")
    np.testing.assert_allclose(flat.east.value, field.east.value, atol=0.3)
    with pytest.raises(ValueError, match="has no WCS; give wcs="):
        VelocityField.from_cube(cube.flux, **bare)
    with pytest.raises(ValueError, match="is not on the map"):
        VelocityField.from_cube(path, center=SkyCoord(0 * u.deg, 0 * u.deg))


# bins, masks, noise

def test_bins_are_averaged(cube):
    row, column = np.indices(cube.snr.shape)
    bin_id = np.where(np.isfinite(cube.snr), row // 3 * 100 + column // 3, -1)
    binned = VelocityField.from_cube(cube.flux, **arrays(cube, bin_id=bin_id))
    alone = VelocityField.from_cube(cube.flux, **arrays(cube))
    assert not binned.meta["cube"]["bins_repeat_spectra"]
    assert binned.n_bins > 0.95 * len(np.unique(bin_id[bin_id >= 0]))
    full = [number for number in np.unique(bin_id) if np.sum(bin_id == number) == 9]
    inside = np.isin(bin_id, full)
    gain = np.median(alone.error.value[inside & ~alone.mask]) / np.median(
        binned.error.value[inside])
    assert 2.3 < gain < 3.3
    for number in full[:5]:
        assert len(np.unique(binned.data[bin_id == number])) == 1
    same(binned, VelocityField.from_cube(cube.flux, **arrays(cube, bin_id=bin_id, memory=1e6)))


def test_spectra_that_are_repeated_count_once(cube, path, tmp_path):
    row, column = np.indices(cube.snr.shape)
    inside = np.isfinite(cube.snr)
    bins = np.where(inside, 1 + row // 4 * 20 + column // 4, 0)
    first = {number: np.argwhere((bins == number) & inside)[0]
             for number in np.unique(bins[inside])}

    def repeat(units):
        for unit in units[1:]:
            for number, (y, x) in first.items():
                unit.data[:, bins == number] = unit.data[:, y, x][:, None]
        units.append(fits.ImageHDU(bins.astype(np.int32), name="BIN_MASK"))
    read = VelocityField.from_cube(rewrite(path, tmp_path / "binned.fits", repeat))
    alone = VelocityField.from_cube(path)
    assert read.meta["cube"]["bins_repeat_spectra"]
    assert read.n_bins == sum(not alone.mask[y, x] for y, x in first.values()) > 40
    assert np.all(read.bin_id[~inside] == -1)
    for y, x in first.values():
        assert read.mask[y, x] == alone.mask[y, x]
        if alone.mask[y, x]:
            continue
        assert read.data[y, x] == pytest.approx(alone.data[y, x], abs=1e-3)
        assert read.error[y, x].value == pytest.approx(alone.error[y, x].value, rel=1e-4)


def test_masks(cube, field):
    spaxels = np.zeros(cube.snr.shape, bool)
    spaxels[10:14] = True
    read = VelocityField.from_cube(cube.flux, **arrays(cube, mask=spaxels, lsf=2000))
    np.testing.assert_array_equal(read.mask, field.mask | spaxels)
    spoiled, channels = cube.flux.copy(), np.zeros(cube.flux.shape, np.int32)
    spoiled[30:33], channels[30:33] = 1e5, 4
    read = VelocityField.from_cube(spoiled, **arrays(cube, mask=channels))
    good = ~read.mask & ~field.mask
    assert np.median(np.abs(read.data - field.data)[good] / field.error.value[good]) < 0.1
    with pytest.raises(ValueError, match="mask has the shape"):
        VelocityField.from_cube(cube.flux, **arrays(cube, mask=spaxels[:5]))


def test_variance_that_is_no_number(cube, field):
    variance = cube.variance.copy()
    variance[20:23], variance[60], variance[61], variance[:, 15, 15] = np.nan, 0, -1, np.inf
    read = VelocityField.from_cube(cube.flux, **arrays(cube, variance=variance))
    assert read.mask[15, 15] and not field.mask[15, 15]
    assert read.n_valid > 0.97 * field.n_valid
    with pytest.raises(ValueError, match="blank or has no valid noise"):
        VelocityField.from_cube(cube.flux, **arrays(cube, variance=variance * np.nan))


def test_without_noise_the_residuals_tell_it(cube, field):
    read = VelocityField.from_cube(cube.flux, **arrays(cube, variance=None))
    good = ~read.mask & ~field.mask
    assert np.median((read.error / field.error).value[good]) == pytest.approx(1, abs=0.03)
    assert read.meta["cube"]["noise"] == "from the residuals"
    half = VelocityField.from_cube(cube.flux, **arrays(cube, variance=cube.variance / 4))
    put_right = VelocityField.from_cube(cube.flux, **arrays(cube, variance=cube.variance / 4,
                                                            rescale=True))
    assert np.median((half.error / field.error).value[good]) == pytest.approx(0.5, abs=0.03)
    assert np.median((put_right.error / field.error).value[good]) == pytest.approx(1, abs=0.03)


# the redshift

def test_no_redshift_is_an_error(path, tmp_path):
    def forget(units):
        del units["FLUX"].header["REDSHIFT"]
    name = rewrite(path, tmp_path / "no.fits", forget)
    with pytest.raises(ValueError, match="no.fits: nothing tells the redshift.* give z="):
        VelocityField.from_cube(name)
    assert VelocityField.from_cube(name, z=0.03).meta["cube"]["z_from"] == "you"


@pytest.mark.parametrize("z, message", [
    (0.0262, "not where they should be.* km/s away. If z=0.0300"),
    # [NII] where H-alpha should be, and the other way round
    (0.0332, "not where they should be.* km/s away. If z=0.0300"),
    (0.0348, "not where they should be.* km/s away. If z=0.0300"),
    (0.0268, "not where they should be.* km/s away. If z=0.0300"),
    (0.0425, "in no spaxel with S/N 5; nor in the sum of all spectra: check z"),
    (0.5, "outside the range of the cube"), (9000.0, "no redshift of a galaxy; if it is cz"),
    (-1.0, "no redshift"), (np.nan, "z must be finite"), (0.03 * u.km / u.s, "is a velocity")])
def test_wrong_redshift_is_an_error(path, z, message):
    with pytest.raises(ValueError, match=message):
        VelocityField.from_cube(path, z=z)


def test_a_galaxy_without_gas_is_an_error(cube):
    rng = np.random.default_rng(1)
    noise = np.where(np.isfinite(cube.flux), rng.standard_normal(cube.flux.shape), np.nan)
    with pytest.raises(ValueError, match="in no spaxel with S/N 5; nor in the sum"):
        VelocityField.from_cube(noise, **arrays(cube, variance=np.ones(noise.shape)))
    faint = mock.cube(30, snr=2.0, snr_slope=0, size=16, seed=2)
    with pytest.raises(ValueError, match="seen in the sum of all spectra .* bin the cube"):
        VelocityField.from_cube(faint.flux, **arrays(faint, snr_min=8))


def test_confusion_of_air_and_vacuum_is_noticed(cube, path, tmp_path):
    def claim(units):
        units["FLUX"].header["CTYPE3"] = "WAVE"
    name = rewrite(path, tmp_path / "claim.fits", claim)
    with pytest.warns(QualityWarning, match="those in air, although the header says WAVE"):
        VelocityField.from_cube(name)
    VelocityField.from_cube(name, medium="vacuum")      # told: no warning


# bad input

def test_files_that_are_no_cubes(path, cube, tmp_path):
    text = tmp_path / "text.fits"
    text.write_text("not a FITS file")
    with pytest.raises(ValueError, match="text.fits is no FITS file"):
        VelocityField.from_cube(str(text), z=0.03)
    with pytest.raises(FileNotFoundError):
        VelocityField.from_cube(str(tmp_path / "absent.fits"), z=0.03)
    image = str(tmp_path / "image.fits")
    fits.writeto(image, np.ones((10, 10)))
    with pytest.raises(ValueError, match="holds no cube of spectra.*fits-image"):
        VelocityField.from_cube(image, z=0.03)
    with open(path, "rb") as file:
        data = file.read()
    cut = tmp_path / "cut.fits"
    cut.write_bytes(data[:len(data) * 2 // 3])
    with pytest.raises(OSError, match="truncated or damaged"):
        VelocityField.from_cube(str(cut))
    packed = gzip.compress(data, 1)
    (tmp_path / "cut.fits.gz").write_bytes(packed[:len(packed) // 2])
    with pytest.raises(OSError, match="truncated or damaged"):
        VelocityField.from_cube(str(tmp_path / "cut.fits.gz"))
    two = fits.HDUList([fits.PrimaryHDU(), *[fits.ImageHDU(np.ones((9, 5, 5)), cube.header())
                                             for _ in range(2)]])
    two.writeto(tmp_path / "two.fits")
    with pytest.raises(ValueError, match="holds several cubes; give extension=, one of 1, 2"):
        VelocityField.from_cube(str(tmp_path / "two.fits"))


def test_a_cube_is_no_map(path):
    with pytest.raises(ValueError, match="cube of .* planes.*measure the velocities first"):
        VelocityField.read(path, format="fits-image", component="gas", extension="FLUX")


def test_axes_in_another_order(path, tmp_path):
    def transpose(units):
        header = units["FLUX"].header
        header["CTYPE1"], header["CTYPE3"] = "AWAV", "RA---TAN"
    name = rewrite(path, tmp_path / "other.fits", transpose)
    with pytest.raises(ValueError, match="spectral axis of the cube is its first"):
        VelocityField.from_cube(name)


def test_no_sky_is_an_error(path, tmp_path):
    def forget(units):
        for axis in (1, 2):
            del units["FLUX"].header[f"CTYPE{axis}"]
    name = rewrite(path, tmp_path / "nowhere.fits", forget)
    with pytest.raises(ValueError, match="no celestial WCS.*spaxel="):
        VelocityField.from_cube(name)
    assert VelocityField.from_cube(name, spaxel=0.5).n_valid > 300


@pytest.mark.parametrize("options, message", [
    (dict(medium=None), "give medium="), (dict(wavelength=None), "give wavelength="),
    (dict(wavelength="WAVE"), "give wavelength="), (dict(z=None), "give z="),
    (dict(error=np.ones(3)), "give one of variance, error and ivar"),
    (dict(variance=np.ones((3, 4, 5))), "variance has the shape"),
    (dict(variance="STAT"), "variance has the shape|no file"),
    (dict(mask="DQ"), "no file; give an array"), (dict(extension=1), "extension= is for files"),
    (dict(snr_min=-1), "snr_min must be"), (dict(v_max=0), "v_max must be between"),
    (dict(degree=1.5), "degree must be"), (dict(degree=40), "degree must be"),
    (dict(memory=10), "memory must be"), (dict(component="dust"), "component must be"),
    (dict(line="Hx"), "unknown; give one of"), (dict(backend="torch"), "backend must be"),
    (dict(component="stellar"), "needs templates="), (dict(templates=1), "templates= is for"),
    (dict(line="OIII"), "outside the range"), (dict(center="middle"), "center must be")])
def test_bad_options(cube, options, message):
    with pytest.raises(ValueError, match=message):
        VelocityField.from_cube(cube.flux, **arrays(cube) | options)


@pytest.mark.parametrize("thing", [None, 3, {"flux": 1}, "text"])
def test_things_that_are_no_cubes(cube, thing):
    error = FileNotFoundError if thing == "text" else (TypeError, ValueError)
    with pytest.raises(error):
        VelocityField.from_cube(thing, **arrays(cube))


def test_shapes_that_do_not_fit(cube):
    with pytest.raises(ValueError, match="channels .its first axis., but there are"):
        VelocityField.from_cube(np.moveaxis(cube.flux, 0, -1), **arrays(cube, variance=None))
    with pytest.raises(ValueError, match="a cube has three axes"):
        VelocityField.from_cube(cube.flux[:, 0, 0], **arrays(cube, variance=None))


# memory

def test_large_files_are_read_in_bounded_memory(cube, path, tmp_path):
    """With 2 MB for the arrays of the fit, of 16 MB no more than 8 are ever held."""
    small = fits.getdata(path, "FLUX"), fits.getdata(path, "VARIANCE")
    shape = len(small[0]), 320, 36
    header = fits.getheader(path, "FLUX")
    name = str(tmp_path / "large.fits")
    layers = []
    for data in small:
        layer = np.empty(shape, np.float32)
        layer[:] = np.tile(np.nan_to_num(data, nan=0), (1, 9, 1))[:, :320, :36]
        layers.append(layer)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(layers[0], header, "FLUX"),
                  fits.ImageHDU(layers[1], name="VARIANCE")]).writeto(name)
    size = sum(layer.nbytes for layer in layers)
    del layers
    VelocityField.from_cube(path)       # what is loaded and kept the first time
    tracemalloc.start()
    try:
        read = VelocityField.from_cube(name, memory=2e6)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read.shape == (320, 36) and read.n_valid > 3000
    assert peak < 8e6 < size / 1.5
