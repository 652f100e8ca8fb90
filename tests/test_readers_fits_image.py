"""Velocity maps of many surveys as FITS images."""

import gzip
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from kinmis import Galaxy, VelocityField, mock
from kinmis.exceptions import ReaderWarning
from kinmis.readers import identify_format
from kinmis.readers.presets import PRESETS, make_preset

C = 299792.458


def turned(angle, by):
    return abs((angle - by + 180) % 360 - 180)


@pytest.fixture(scope="module", params=["manga", "east"])
def truth(request):
    """A mock of PA 75, in either handedness of the array."""
    return mock.velocity_field(75, seed=3, handedness=request.param, shape="circle", size=15,
                               component="gas", id="mock", noise=3)


@pytest.fixture(scope="module")
def field():
    return mock.velocity_field(75, seed=3, shape="circle", size=15, component="gas", noise=3)


def arrays(field, blank=np.nan, dtype=">f4"):
    velocity = np.where(field.mask, blank, field.data).astype(dtype)
    error = np.where(field.mask, blank, field.uncertainty.array.clip(min=1e-9) ** -0.5)
    return velocity, error.astype(dtype)


def sky(field, **cards):
    header = field.wcs.to_header()
    header.update(cards)
    return header


def write(path, *units, primary=None):
    units = list(units)
    if not isinstance(units[0], fits.PrimaryHDU):
        units.insert(0, fits.PrimaryHDU(header=primary))
    fits.HDUList(units).writeto(path, overwrite=True)
    return path


def simple(path, field, *, blank=np.nan, scale=1., shift=0., **cards):
    velocity, error = arrays(field)
    head = sky(field, **{"BUNIT": "km/s", **cards})
    values = np.where(field.mask, blank, velocity * scale + shift)
    return write(path, fits.PrimaryHDU(values.astype(">f8"), head),
                 fits.ImageHDU(error * scale, name="ERR"))


def same(read, field, atol=1e-3):
    """Whether a field has the velocities and the places on the sky of another."""
    np.testing.assert_array_equal(read.mask, field.mask)
    good = ~field.mask
    np.testing.assert_allclose(read.data[good], field.data[good], atol=atol)
    for name in ("east", "north"):
        np.testing.assert_allclose(getattr(read, name).value, getattr(field, name).value,
                                   atol=0.01)


# real files

SAMI = {"209807": 171, "41144": 149, "572402": 225}


def test_real_sami(shared_data):
    """Every file needs no option, and all maps of one galaxy agree."""
    paths = sorted((shared_data / "ifu" / "sami").glob("*-velocity_*"))
    assert len(paths) == 14
    for path in paths:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert identify_format(path) == "fits-image"
            field = VelocityField.read(path)
        stars = "stellar" in path.name
        assert field.component == ("stellar" if stars else "gas")
        assert field.id == path.name.split("_")[0] and field.meta["survey"] == "SAMI"
        assert field.shape == (50, 50) and field.meta["spaxel"] == 0.5 * u.arcsec
        assert field.partner is None and field.error is not None
        binned = "default" not in path.name
        assert (field.bin_id is not None) == binned
        if binned:
            assert 25 < field.n_bins < field.n_valid
        assert turned(field.fit_pa().values["pa"], SAMI[field.id]) < 5, path.name


def test_real_sami_to_the_bit(shared_data):
    folder = shared_data / "ifu" / "sami"
    path = folder / "572402_A_gas-velocity_default_recom-comp.fits.gz"
    with fits.open(path) as units:
        velocity, error, head = units[0].data[0], units["V_ERR"].data[0], units[0].header
    field = VelocityField.read(path)
    good = np.isfinite(velocity) & (error > 0)
    np.testing.assert_array_equal(field.mask, ~good)
    np.testing.assert_array_equal(field.data[good], velocity[good])
    np.testing.assert_allclose(field.error.value[good], error[good], rtol=1e-6)
    assert field.meta["ra"] == pytest.approx(head["CRVAL1"])
    assert field.east[24, 0] > 0 * u.arcsec and field.north[0, 24] < 0 * u.arcsec
    path = folder / "572402_A_stellar-velocity_sectors_two-moment.fits.gz"
    assert VelocityField.read(path).n_bins == 39
    assert VelocityField.read(path).meta["z"] == pytest.approx(fits.getval(path, "Z_IN"))


def test_two_real_files_make_a_galaxy(shared_data):
    folder = shared_data / "ifu" / "sami"
    galaxy = Galaxy(
        stellar=VelocityField.read(folder / "41144_A_stellar-velocity_default_two-moment.fits.gz"),
        gas=VelocityField.read(folder / "41144_A_gas-velocity_default_1-comp.fits.gz"))
    assert galaxy.id == "41144" and galaxy.stellar.partner is not None
    assert galaxy.misalignment().absolute < 10 * u.deg


def test_real_cubes_are_not_taken_for_maps(shared_data):
    for path in ("sami/572402_A_sectors_red.fits.gz",
                 "muse/A478_BCG_minicube_Halpha_7000-7320A.fits.gz"):
        path = shared_data / "ifu" / path
        with pytest.raises(ValueError, match="plane=|extension="):
            VelocityField.read(path, format="fits-image", unit="km/s", component="gas")
    assert identify_format(shared_data / "ifu" / "manga" /
                           "manga-7815-3702-MAPS-HYB10-GAU-MILESHC.fits.gz") == "manga-dap"


# the same galaxy as other surveys write it

def files(truth, folder):
    """Yield the name of each preset and a file as it would be written."""
    velocity, error = arrays(truth)
    zeros, error_zeros = arrays(truth, blank=0)
    cz = np.where(truth.mask, 0, zeros * (1 + 6000 / C) + 6000)
    sz = error_zeros * (1 + 6000 / C)
    head = sky(truth)
    image, primary = fits.ImageHDU, fits.PrimaryHDU

    stars = sky(truth, CATID="1234", PRODUCT="Stellar Kinematics  (2 moments)", UNIT="km/s",
                DP_NAME="VEL", Z_IN=0.02)
    yield "sami-stellar", write(folder / "stars.fits", primary(velocity, stars),
                                image(error, name="VEL_ERR"))
    gas = sky(truth, BUNIT="km/s")
    junk = np.full_like(velocity, 99)
    yield "sami-gas", write(folder / "1234_A_gas-velocity_default_recom-comp.fits",
                            primary(np.stack([velocity, junk, junk]), gas),
                            image(np.stack([error, junk, junk]), name="V_ERR"))

    planes = {"NAME0": "flux Ha", "NAME1": "vel Ha", "NAME2": "e_vel Ha"}
    lines = np.stack([junk, cz, sz])
    yield "pipe3d-elines", write(folder / "NGC1.eml.cube.fits",
                                 primary(lines, sky(truth, **planes)))
    shifted = {"DESC_1": "flux", "DESC_2": "vel_ssp [km/s]", "DESC_3": "e_vel_ssp [km/s]"}
    yield "pipe3d-ssp", write(folder / "NGC1.SSP.cube.fits",
                              primary(lines, sky(truth, **shifted)))
    yield "pipe3d-manga", write(
        folder / "manga.Pipe3D.cube.fits",
        image(lines, sky(truth, **shifted), name="SSP"),
        image(lines, sky(truth, **planes), name="FLUX_ELINES"),
        primary=fits.Header({"PLATEIFU": "7443-1901"}))
    # what later versions write: other texts, and planes that are told by their order
    order = {f"DESC_{number}": "a map" for number in range(21)} | {"DESC_13": "velocity map"}
    many = np.zeros((21, *velocity.shape), ">f4")
    many[13], many[14] = cz, sz
    yield "pipe3d", write(
        folder / "NGC1.Pipe3D.cube.fits", image(many, sky(truth, **order), name="SSP"),
        image(lines, sky(truth, **planes), name="FLUX_ELINES"),
        primary=fits.Header({"OBJECT": "NGC1"}))

    bins = np.where(truth.mask, -1., np.arange(velocity.size).reshape(velocity.shape))
    names = ("V_STARS", "FORM_ERR_V_STARS", "HA6562_VEL", "HA6562_VEL_ERR")
    yield "phangs-muse", write(folder / "NGC1_MAPS.fits", image(bins, head, name="BIN_ID"),
                               *[image(array, head, name=name)
                                 for name, array in zip(names, (velocity, error) * 2)])
    yield "gist-maps", write(folder / "NGC1_KIN_maps.fits", image(velocity, head, name="V"),
                             image(error, head, name="FORM_ERR_V"),
                             image(junk, head, name="SIGMA"))
    yield "gist-gas-maps", write(folder / "NGC1_gas_bin_maps.fits",
                                 image(velocity, head, name="HB4861_VEL"),
                                 image(error, head, name="HB4861_VEL_ERR"))
    yield "simspin", write(folder / "simspin.fits", image(np.stack([velocity]), head,
                                                          name="OBS_VEL"))
    yield "fabry-perot", write(
        folder / "ghasp.fits",
        primary(np.where(truth.mask, np.nan, cz), sky(truth, CTYPE1="RA---ARC",
                                                      CTYPE2="DEC---ARC")))


def test_one_galaxy_in_every_preset(truth, tmp_path):
    seen = set()
    expected = truth.fit_pa()
    for name, path in files(truth, tmp_path):
        seen.add(name)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ReaderWarning)
            if name == "fabry-perot":
                warnings.simplefilter("ignore", ReaderWarning)
            assert identify_format(path) == "fits-image", name
            read = VelocityField.read(path)
        assert read.meta["preset"] == name
        np.testing.assert_array_equal(read.mask, truth.mask)
        velocity = read.data - np.median(read.data[~read.mask])
        original = truth.data - np.median(truth.data[~truth.mask])
        np.testing.assert_allclose(velocity[~read.mask], original[~truth.mask], atol=0.01,
                                   err_msg=name)
        assert (read.error is None) == (name in ("simspin", "fabry-perot"))
        if read.error is not None:
            np.testing.assert_allclose(read.error.value[~read.mask],
                                       truth.error.value[~truth.mask], rtol=1e-4)
        found = read.fit_pa()
        assert turned(found.values["pa"], expected.values["pa"]) < 0.5, name
        assert turned(found.values["pa"], 75) < 3, name
    assert seen == set(PRESETS)


def test_two_components_of_one_file(field, tmp_path):
    paths = dict(files(field, tmp_path))
    galaxy = Galaxy.read(paths["phangs-muse"])
    assert galaxy.stellar.bin_id is not None and galaxy.gas.line == "Ha-6564"
    read = VelocityField.read(paths["pipe3d-manga"], "gas")
    assert read.component == "gas" and read.id == "7443-1901"
    assert read.v_ref.value == pytest.approx(6000, abs=20)
    assert read.meta["z"] == pytest.approx(read.v_ref.value / C)
    assert Galaxy.read(paths["pipe3d-manga"], component="stellar").gas is None
    galaxy = Galaxy.read(paths["pipe3d"])
    assert galaxy.id == "NGC1" and "survey" not in galaxy.meta
    np.testing.assert_allclose(galaxy.stellar.data[~field.mask], galaxy.gas.data[~field.mask])
    np.testing.assert_allclose(galaxy.stellar.error[~field.mask], galaxy.gas.error[~field.mask])


def test_pipe3d_repeats_the_stars_of_a_bin(tmp_path):
    binned = mock.velocity_field(75, seed=3, bins=40, shape="circle", size=15, noise=3)
    galaxy = Galaxy.read(dict(files(binned, tmp_path))["pipe3d-manga"])
    assert galaxy.stellar.n_bins == binned.n_bins == 40
    assert galaxy.gas.bin_id is None


def test_each_component_has_its_own_zero_point(field, tmp_path):
    velocity, _ = arrays(field, blank=0)
    units = []
    for shift, keyword, name in ((6000, "vel_ssp", "SSP"), (6100, "vel Ha", "FLUX_ELINES")):
        cube = np.where(field.mask, 0, velocity + shift)[None]
        units.append(fits.ImageHDU(cube, sky(field, NAME0=keyword), name=name))
    with pytest.raises(ValueError, match="e_vel_ssp"):
        Galaxy.read(write(tmp_path / "a.fits", *units))
    galaxy = Galaxy.read(tmp_path / "a.fits", error_plane=0)
    assert (galaxy.gas.v_ref - galaxy.stellar.v_ref).value == pytest.approx(100, abs=1e-3)


# options

def test_options_say_it_all(field, tmp_path):
    velocity, error = arrays(field, blank=-1e6)
    mask = np.where(field.mask, 4, 1).astype(">i2")
    path = write(tmp_path / "a.fits", fits.ImageHDU(np.stack([error, velocity * 1000]),
                                                    sky(field), name="MAPS"),
                 fits.ImageHDU(error**-2 / 1e6, name="WEIGHT"), fits.ImageHDU(mask, name="Q"))
    options = dict(format="fits-image", extension="MAPS", plane=1, ivar="WEIGHT", mask="Q",
                   bits=2, unit="m/s", component="stellar", v_ref=1200 * u.km / u.s)
    read = VelocityField.read(path, **options)
    same(read, field)
    assert read.v_ref == 1200 * u.km / u.s
    np.testing.assert_allclose(read.error.value[~read.mask], 3, rtol=0.3)
    # a preset, as a dict and as a file, says the same
    entries = {key: value for key, value in options.items() if key not in ("format", "v_ref")}
    same(VelocityField.read(path, format="fits-image", preset=entries), field)
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nunit = "m/s"\n[[layers]]\nextension = "MAPS"\nplane = 1\n'
        'ivar = "WEIGHT"\nmask = "Q"\nbits = [2]\ncomponent = "stellar"\n')
    same(VelocityField.read(path, format="fits-image", preset=tmp_path / "mine.toml"), field)


def test_errors_in_another_file(field, tmp_path):
    path = simple(tmp_path / "a.fits", field)
    _, error = arrays(field)
    write(tmp_path / "e.fits", fits.PrimaryHDU(error))
    read = VelocityField.read(path, format="fits-image", extension=0, error="e.fits")
    np.testing.assert_allclose(read.error.value[~read.mask], error[~read.mask], rtol=1e-6)
    with pytest.raises(ValueError, match="neither an extension.*nor a file"):
        VelocityField.read(path, format="fits-image", extension=0, error="missing.fits")


@pytest.mark.parametrize("blank", [0, np.nan, -999.9, -1e6, -9999])
def test_blanks(field, tmp_path, blank):
    path = simple(tmp_path / "a.fits", field, blank=blank)
    same(VelocityField.read(path, format="fits-image", extension=0), field)


@pytest.mark.parametrize("unit, scale", [("km/s", 1), ("KM S-1", 1), ("m/s", 1000),
                                         ("km.s**-1", 1)])
def test_units(field, tmp_path, unit, scale):
    path = simple(tmp_path / "a.fits", field, scale=scale, BUNIT=unit)
    read = VelocityField.read(path, format="fits-image", extension=0, error="ERR")
    same(read, field)
    np.testing.assert_allclose(np.median(read.error.value[~read.mask]), 3, rtol=0.2)


def test_zero_point(field, tmp_path):
    path = simple(tmp_path / "a.fits", field, shift=9000, VSYS=8990.)
    read = VelocityField.read(path, format="fits-image", extension=0, v_ref="VSYS", error="ERR")
    good = ~field.mask
    np.testing.assert_allclose(read.data[good], (field.data[good] + 10) / (1 + 8990 / C),
                               atol=1e-3)
    np.testing.assert_allclose(read.error.value[good],
                               arrays(field)[1][good] / (1 + 8990 / C), rtol=1e-5)
    assert read.v_ref == 8990 * u.km / u.s
    raw = VelocityField.read(path, format="fits-image", extension=0, absolute=False)
    np.testing.assert_allclose(raw.data[good], field.data[good] + 9000, atol=1e-3)
    assert raw.v_ref is None
    with pytest.raises(ValueError, match="no header has the keyword v_ref='NOPE'"):
        VelocityField.read(path, format="fits-image", extension=0, v_ref="NOPE")


def test_bins_from_repeated_values(tmp_path):
    binned = mock.velocity_field(40, seed=1, bins=30, component="stellar")
    path = simple(tmp_path / "a.fits", binned)
    for options in ({}, {"error": "ERR"}):
        read = VelocityField.read(path, format="fits-image", extension=0, repeats=True, **options)
        assert read.n_bins == pytest.approx(binned.n_bins, abs=2)
        one = np.unique(binned.bin_id[~binned.mask])[3]
        assert len(np.unique(read.bin_id[binned.bin_id == one])) == 1
        assert np.all(read.bin_id[read.mask] == -1)


# WCS

def test_scale_in_pc_cd_or_cdelt(truth, tmp_path):
    sign = np.sign(truth.east[0, -1] - truth.east[0, 0])
    step = 0.5 / 3600
    for name, cards in {
            "cdelt": {"CDELT1": sign * step, "CDELT2": step},
            "pc": {"CDELT1": 1., "CDELT2": 1., "PC1_1": sign * step, "PC2_2": step},
            "cd": {"CD1_1": sign * step, "CD1_2": 0., "CD2_1": 0., "CD2_2": step}}.items():
        head = sky(truth)
        for key in list(head):
            if key.startswith(("CDELT", "PC", "WCSAXES")):
                del head[key]
        head.update(cards, BUNIT="km/s")
        path = write(tmp_path / f"{name}.fits", fits.PrimaryHDU(arrays(truth)[0], head))
        read = VelocityField.read(path, format="fits-image")
        same(read, truth)
        assert read.meta["spaxel"] == 0.5 * u.arcsec


def test_wcs_in_the_primary_header_only(truth, tmp_path):
    path = write(tmp_path / "a.fits", fits.ImageHDU(arrays(truth)[0], name="VEL"),
                 primary=sky(truth))
    same(VelocityField.read(path, format="fits-image", unit="km/s"), truth)


def test_invalid_axis_type_is_put_right(truth, tmp_path):
    path = simple(tmp_path / "a.fits", truth, CTYPE2="DEC---TAN")
    with pytest.warns(ReaderWarning, match="read as RA---TAN and DEC--TAN") as found:
        read = VelocityField.read(path, format="fits-image", extension=0)
    assert len(found) == 1
    same(read, truth)


def test_arcsec_that_claim_to_be_degrees(truth, tmp_path):
    path = simple(tmp_path / "a.fits", truth, CTYPE1="RA---ARC", CTYPE2="DEC--ARC",
                  CDELT1=3600 * truth.wcs.wcs.cdelt[0], CDELT2=3600 * truth.wcs.wcs.cdelt[1])
    with pytest.warns(ReaderWarning, match="read as arcsec"):
        read = VelocityField.read(path, format="fits-image", extension=0, center="reference")
    same(read, truth)


def test_no_wcs(truth, tmp_path):
    velocity, _ = arrays(truth)
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(velocity, fits.Header({"BUNIT": "km/s"})))
    with pytest.raises(ValueError, match="a.fits has no celestial WCS.*give spaxel="):
        VelocityField.read(path, format="fits-image")
    sign = np.sign(truth.east[0, -1] - truth.east[0, 0])
    spaxel = 0.5 if sign < 0 else (0.5, 0.5) * u.arcsec
    middle = [int(index[0]) for index in np.nonzero((truth.east == 0) & (truth.north == 0))]
    read = VelocityField.read(path, format="fits-image", spaxel=spaxel, center=middle[::-1])
    same(read, truth)
    assert read.meta["spaxel"] == 0.5 * u.arcsec
    for wrong in (-0.5, (0, 0.5), (1, 2, 3)):
        with pytest.raises(ValueError, match="spaxel"):
            VelocityField.read(path, format="fits-image", spaxel=wrong)
    with pytest.raises(ValueError, match="must be a pixel"):
        VelocityField.read(path, format="fits-image", spaxel=0.5, center=SkyCoord("0d", "0d"))


def test_centre(field, tmp_path):
    path = simple(tmp_path / "a.fits", field)
    rows, columns = field.shape
    target = field.wcs.pixel_to_world(12, 9)
    for center in ((12, 9), target, (target.ra, target.dec)):
        read = VelocityField.read(path, format="fits-image", extension=0, center=center)
        assert abs(read.east[9, 12].value) < 0.02 and abs(read.north[9, 12].value) < 0.02
        assert read.meta["ra"] == pytest.approx(target.ra.deg)
    read = VelocityField.read(path, format="fits-image", extension=0, center="image")
    assert abs(read.east[:, (columns - 1) // 2].value).max() < 0.51
    for wrong in ("middle", (900, 3), SkyCoord("1d", "1d"), 3):
        with pytest.raises(ValueError, match="cent"):
            VelocityField.read(path, format="fits-image", extension=0, center=wrong)


def test_reference_off_the_map(field, tmp_path):
    path = simple(tmp_path / "a.fits", field, CRPIX1=900.)
    with pytest.warns(ReaderWarning, match="not on the map"):
        read = VelocityField.read(path, format="fits-image", extension=0)
    assert abs(read.east.value).max() < 10


# bad input

def bad(match, path, kind=ValueError, **options):
    with pytest.raises(kind, match=match):
        VelocityField.read(path, format="fits-image", **options)


def test_files_of_another_kind(field, tmp_path):
    text = tmp_path / "a.fits"
    text.write_text("x y v\n1 2 3\n")
    bad("a.fits is no FITS file", text)
    bad("no file|No such file", tmp_path / "b.fits", FileNotFoundError)
    table = write(tmp_path / "t.fits", fits.BinTableHDU.from_columns(
        [fits.Column("V", "E", array=[1., 2.])], name="BINS"))
    bad("holds no image; it has.*BINS.*bin-table", table)
    bad("a table, no image", table, extension="BINS")
    cube = write(tmp_path / "c.fits", fits.PrimaryHDU(np.ones((5, 4, 4)), sky(field)))
    bad("cube of 5 planes; give plane=", cube, unit="km/s")
    bad("no plane 5", cube, unit="km/s", plane=5)
    bad("names no planes", cube, unit="km/s", plane="vel")


def test_truncated(field, tmp_path):
    whole = simple(tmp_path / "a.fits", field).read_bytes()
    for name, data in {"b.fits": whole[:6000], "c.fits.gz": gzip.compress(whole)[:-2000]}.items():
        (tmp_path / name).write_bytes(data)
        bad(f"{name}.*(?:truncated|damaged)", tmp_path / name, OSError, extension=0)


def test_missing_unit_and_wrong_unit(field, tmp_path):
    path = simple(tmp_path / "a.fits", field, BUNIT="")
    bad('a.fits.*no unit of velocity; give unit="km/s"', path, extension=0)
    bad("none of velocity", simple(tmp_path / "b.fits", field, BUNIT="Angstrom"), extension=0)


def test_unclear_or_missing_extensions(field, tmp_path):
    velocity, _ = arrays(field)
    path = write(tmp_path / "a.fits", *[fits.ImageHDU(velocity, sky(field), name=name)
                                        for name in ("A", "B")])
    bad("several images; give extension=, one of A, B", path)
    bad("has no extension C; it has PRIMARY, A, B", path, extension="C")
    bad("preset sami-gas has no component|has no extension", path, preset="phangs-muse")
    small = write(tmp_path / "b.fits", fits.ImageHDU(velocity, sky(field), name="VEL"),
                  fits.ImageHDU(velocity[1:], name="ERR"))
    bad("error has the shape", small, unit="km/s", error="ERR")


def test_all_blank(field, tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(np.zeros(field.shape), sky(field)))
    bad("every spaxel of the map is blank", path, unit="km/s")


def test_bad_presets(field, tmp_path):
    path = simple(tmp_path / "a.fits", field)
    bad("neither a file nor one of the presets.*sami-gas", path, FileNotFoundError, preset="nope")
    bad("unknown entry extention", path, preset={"extention": 0})
    (tmp_path / "p.toml").write_text("this is no TOML")
    bad("p.toml is no TOML", path, preset=str(tmp_path / "p.toml"))
    bad("must be a name", path, TypeError, preset=3)
    bad("bits has 99", path, extension=0, mask="ERR", bits=99)


def test_unknown_component(field, tmp_path):
    path = simple(tmp_path / "a.fits", field)
    assert VelocityField.read(path, format="fits-image", extension=0).component is None
    with pytest.raises(ValueError, match='give component="stellar"'):
        Galaxy.read(path, format="fits-image", extension=0)


def test_moment_map_of_a_radio_telescope(truth, tmp_path):
    """Axes of length one, of frequency and polarisation, are no reason to see a cube."""
    velocity, _ = arrays(truth)
    head = sky(truth, CTYPE3="VRAD", CRVAL3=1e6, CDELT3=1e4, CRPIX3=1., CTYPE4="STOKES",
               BTYPE="Velocity", BUNIT="m/s")
    path = write(tmp_path / "mom1.fits", fits.PrimaryHDU(1000 * velocity[None, None], head))
    assert identify_format(path) == "fits-image"
    same(VelocityField.read(path), truth)


def test_recognised_by_the_header_alone(field, tmp_path):
    velocity, _ = arrays(field)
    path = write(tmp_path / "a.fits", fits.ImageHDU(velocity, sky(field, BUNIT="km/s"),
                                                    name="VELOCITY"))
    assert identify_format(path) == "fits-image"
    for name, unit in (("DISPERSION", "km/s"), ("VELOCITY", ""), ("VEL_ERR", "km/s")):
        path = write(tmp_path / "b.fits", fits.ImageHDU(velocity, sky(field, BUNIT=unit),
                                                        name=name))
        with pytest.raises(ValueError, match="no known kind"):
            identify_format(path)
    own = tmp_path / "own.fits"
    field.write(own)
    assert identify_format(own) == "kinmis"
    mock.write_maps(mock.galaxy(30, seed=1), tmp_path / "maps.fits.gz")
    assert identify_format(tmp_path / "maps.fits.gz") == "manga-dap"


def test_presets_describe_themselves():
    for name, preset in PRESETS.items():
        assert make_preset(name) is preset and preset.description and preset.signs
