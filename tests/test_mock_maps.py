"""Mock MAPS files against a real one, the documentation, and the reader."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from kinmis import Galaxy, VelocityField, mock
from kinmis.mock.maps_schema import BITS

# Extensions and number of channels (0: a 2-D map) of DR17: table "DAP MAPS file" of
# https://sdss-mangadap.readthedocs.io/en/3.1.2/datamodel.html
DR17_EXTENSIONS = [
    ("SPX_SKYCOO", 2), ("SPX_ELLCOO", 4), ("SPX_MFLUX", 0), ("SPX_MFLUX_IVAR", 0), ("SPX_SNR", 0),
    ("BINID", 5), ("BIN_LWSKYCOO", 2), ("BIN_LWELLCOO", 4), ("BIN_AREA", 0), ("BIN_FAREA", 0),
    ("BIN_MFLUX", 0), ("BIN_MFLUX_IVAR", 0), ("BIN_MFLUX_MASK", 0), ("BIN_SNR", 0),
    ("STELLAR_VEL", 0), ("STELLAR_VEL_IVAR", 0), ("STELLAR_VEL_MASK", 0),
    ("STELLAR_SIGMA", 0), ("STELLAR_SIGMA_IVAR", 0), ("STELLAR_SIGMA_MASK", 0),
    ("STELLAR_SIGMACORR", 2), ("STELLAR_FOM", 9),
    ("EMLINE_SFLUX", 35), ("EMLINE_SFLUX_IVAR", 35), ("EMLINE_SFLUX_MASK", 35),
    ("EMLINE_SEW", 35), ("EMLINE_SEW_CNT", 35), ("EMLINE_SEW_IVAR", 35), ("EMLINE_SEW_MASK", 35),
    ("EMLINE_GFLUX", 35), ("EMLINE_GFLUX_IVAR", 35), ("EMLINE_GFLUX_MASK", 35),
    ("EMLINE_GEW", 35), ("EMLINE_GEW_CNT", 35), ("EMLINE_GEW_IVAR", 35), ("EMLINE_GEW_MASK", 35),
    ("EMLINE_GVEL", 35), ("EMLINE_GVEL_IVAR", 35), ("EMLINE_GVEL_MASK", 35),
    ("EMLINE_GSIGMA", 35), ("EMLINE_GSIGMA_IVAR", 35), ("EMLINE_GSIGMA_MASK", 35),
    ("EMLINE_INSTSIGMA", 35), ("EMLINE_TPLSIGMA", 35), ("EMLINE_GA", 35), ("EMLINE_GANR", 35),
    ("EMLINE_FOM", 9), ("EMLINE_LFOM", 35),
    ("SPECINDEX", 46), ("SPECINDEX_IVAR", 46), ("SPECINDEX_MASK", 46), ("SPECINDEX_CORR", 46),
    ("SPECINDEX_MODEL", 46), ("SPECINDEX_BF", 46), ("SPECINDEX_BF_IVAR", 46),
    ("SPECINDEX_BF_MASK", 46), ("SPECINDEX_BF_CORR", 46), ("SPECINDEX_BF_MODEL", 46),
    ("SPECINDEX_WGT", 46), ("SPECINDEX_WGT_IVAR", 46), ("SPECINDEX_WGT_MASK", 46),
    ("SPECINDEX_WGT_CORR", 46), ("SPECINDEX_WGT_MODEL", 46),
]

# the emission-line channels of the same page
DR17_LINES = {
    1: "OII-3727", 2: "OII-3729", 3: "H12-3751", 4: "H11-3771", 5: "Hthe-3798", 6: "Heta-3836",
    7: "NeIII-3869", 8: "HeI-3889", 9: "Hzet-3890", 10: "NeIII-3968", 11: "Heps-3971",
    12: "Hdel-4102", 13: "Hgam-4341", 14: "HeII-4687", 15: "Hb-4862", 16: "OIII-4960",
    17: "OIII-5008", 18: "NI-5199", 19: "NI-5201", 20: "HeI-5877", 21: "OI-6302", 22: "OI-6365",
    23: "NII-6549", 24: "Ha-6564", 25: "NII-6585", 26: "SII-6718", 27: "SII-6732", 28: "HeI-7067",
    29: "ArIII-7137", 30: "ArIII-7753", 31: "Peta-9017", 32: "SIII-9071", 33: "Pzet-9231",
    34: "SIII-9533", 35: "Peps-9548"}

# keywords of an extension that say what it is, not when and where it was observed
_OWN = {"AUTHOR", "CHECKSUM", "DATASUM", "DATE-OBS", "MJD-OBS", "CRVAL1", "CRVAL2", "CRPIX1",
        "CRPIX2", "LATPOLE", "NAXIS1", "NAXIS2", "PC1_1", "PC2_2"}


@pytest.fixture(scope="module")
def galaxy():
    return mock.galaxy(40, 215, bins=200, holes=0.03, noise_slope=0.5, seed=1, size=17,
                       id="90001-3702", z=0.025)


@pytest.fixture(scope="module", params=["DR15", "DR17"])
def schema(request):
    return request.param


@pytest.fixture(scope="module")
def maps_file(galaxy, schema, tmp_path_factory):
    return mock.write_maps(galaxy, tmp_path_factory.mktemp("maps"), schema=schema)


@pytest.fixture(scope="module")
def content(maps_file):
    """Headers and data of every extension."""
    with fits.open(maps_file, memmap=False) as hdus:
        return {hdu.name: (hdu.header.copy(), None if hdu.data is None else hdu.data.copy())
                for hdu in hdus}


def test_dr15_is_like_the_real_file(galaxy, tmp_path, manga_maps_file):
    path = mock.write_maps(galaxy, tmp_path / "maps.fits", schema="DR15")
    with fits.open(path) as made, fits.open(manga_maps_file) as real:
        assert [hdu.name for hdu in made] == [hdu.name for hdu in real]
        for ours, theirs in zip(made[1:], real[1:]):
            assert ours.data.dtype == theirs.data.dtype, ours.name
            assert ours.data.shape[:-2] == theirs.data.shape[:-2], ours.name
            assert list(ours.header) == list(theirs.header), ours.name
            for keyword in set(theirs.header) - _OWN:
                assert ours.header[keyword] == theirs.header[keyword], (ours.name, keyword)
        # a mask has no bit that the real one does not know
        for ours, theirs in zip(made, real):
            if ours.name.endswith("_MASK"):
                assert not (np.bitwise_or.reduce(ours.data, axis=None)
                            & ~np.bitwise_or.reduce(theirs.data, axis=None)
                            & ~(BITS["MATHERROR"] | BITS["DONOTUSE"])), ours.name
        shared = {"PLATEIFU", "MANGAID", "PLATEID", "IFUDSGN", "DAPTYPE", "DAPFRMT", "DAPQUAL",
                  "DRP3QUAL", "SCINPVEL", "SCINPSIG", "ECOOPA", "ECOOELL", "REFF", "OBJRA",
                  "OBJDEC", "IFURA", "IFUDEC", "RFWHM", "GFWHM", "VERSDAP", "VERSDRP3", "BINKEY",
                  "BINTYPE", "NBINS", "MASKNAME", "EBVGAL"}
        for keyword in shared:
            assert type(made[0].header[keyword]) is type(real[0].header[keyword]), keyword
        for keyword in ("DAPFRMT", "MASKNAME", "BINKEY", "BINTYPE", "DAPTYPE", "VERSDRP3"):
            assert made[0].header[keyword] == real[0].header[keyword]


def test_mask_of_the_real_file_outside(galaxy, content, manga_maps_file):
    with fits.open(manga_maps_file) as real:
        values = set(np.unique(real["STELLAR_VEL_MASK"].data).tolist())
    assert set(np.unique(content["STELLAR_VEL_MASK"][1]).tolist()) <= values


def test_dr17_is_like_the_documentation(galaxy, tmp_path):
    path = mock.write_maps(galaxy, tmp_path / "maps.fits", schema="DR17")
    with fits.open(path) as made:
        assert [hdu.name for hdu in made] == ["PRIMARY", *(name for name, _ in DR17_EXTENSIONS)]
        for name, channels in DR17_EXTENSIONS:
            assert made[name].data.ndim == (3 if channels else 2), name
            assert not channels or len(made[name].data) == channels, name
            assert made[name].header["HDUCLAS1"] == ("CUBE" if channels else "IMAGE")
        for number, line in DR17_LINES.items():
            assert made["EMLINE_GVEL"].header[f"C{number:02d}"] == line
        header = made["SPX_ELLCOO"].header
        assert [header[f"C{k}"] for k in range(1, 5)] == [
            "Elliptical radius", "R/Re", "R h/kpc", "Elliptical azimuth"]
        assert [header[f"U{k}"] for k in range(1, 5)] == ["arcsec", "", "kpc/h", "degrees"]
        assert made["SPECINDEX"].header["C45"] == "Dn4000"
        assert made["EMLINE_SFLUX"].header["C01"] == "OIId-3728"
        assert made[0].header["DAPTYPE"] == "HYB10-MILESHC-MASTARSSP"
        assert made[0].header["VERSDAP"] == "3.1.0"


def test_links_between_extensions(content):
    for name, (header, _) in content.items():
        for keyword in ("ERRDATA", "QUALDATA", "SCIDATA"):
            assert header.get(keyword, name) in content
        if name.endswith("_MASK"):
            assert header["HDUCLAS2"] == "QUALITY" and header["HDUCLAS3"] == "FLAG32BIT"
            assert header["SCIDATA"] == name.removesuffix("_MASK")
            assert "BUNIT" not in header
        if name.endswith("_IVAR"):
            assert header["HDUCLAS2"] == "ERROR" and header["HDUCLAS3"] == "INVMSE"


def test_types_and_bad_pixels(content):
    for name, (_, data) in content.items():
        if data is None:
            continue
        integer = name == "BINID" or name.endswith("_MASK")
        assert data.dtype == np.dtype(">i4" if integer else ">f4"), name
        assert np.all(np.isfinite(data)), name
        if f"{name}_MASK" in content:
            bad = content[f"{name}_MASK"][1] != 0
            # all lines share one velocity, also where a line is flagged
            if name != "EMLINE_GVEL":
                assert np.all(data[bad] == 0), name
                assert np.all(content[f"{name}_IVAR"][1][bad] == 0), name
            assert np.all(content[f"{name}_IVAR"][1][~bad] > 0), name


def test_mask_bits(galaxy, content):
    truth = galaxy.stellar.meta["truth"]
    _, grid = mock.disc_and_grid(truth)
    for name, field in (("STELLAR_VEL", galaxy.stellar), ("EMLINE_GVEL", galaxy.gas)):
        header, bits = content[f"{name}_MASK"]
        if bits.ndim == 3:
            line = next(k for k, v in header.items() if v == "Ha-6564")
            bits = bits[int(line[1:]) - 1]
        np.testing.assert_array_equal(bits != 0, field.mask)
        outside = BITS["NOCOV"] | BITS["LOWCOV"] | BITS["DONOTUSE"]
        assert set(bits[~grid.inside]) == {outside}
        hole = grid.inside & field.mask
        assert hole.any() and set(bits[hole]) == {BITS["NOVALUE"] | BITS["DONOTUSE"]}


def test_all_lines_share_one_velocity_but_not_one_mask(content):
    velocity, bits = content["EMLINE_GVEL"][1], content["EMLINE_GVEL_MASK"][1]
    assert np.all(velocity == velocity[0])
    assert (bits != bits[0]).any()
    assert np.all(content["EMLINE_GVEL_IVAR"][1] == content["EMLINE_GVEL_IVAR"][1][0])


def test_moments_in_the_passband_of_another_line_are_empty(content, schema):
    header, bits = content["EMLINE_SFLUX_MASK"]
    names = [header[f"C{k:02d}"] for k in range(1, len(bits) + 1)]
    empty = {name for name, plane in zip(names, bits) if np.all(plane != 0)}
    assert empty == {"DR15": {"OII-3729"},
                     "DR17": {"OII-3729", "HeI-3889", "NeIII-3968", "NI-5201"}}[schema]


def test_bins(galaxy, content):
    binid = content["BINID"][1]
    np.testing.assert_array_equal(binid[0], binid[1])
    np.testing.assert_array_equal(binid[1], np.where(galaxy.stellar.mask, -1,
                                                     galaxy.stellar.bin_id))
    gas = binid[3][~galaxy.gas.mask]
    np.testing.assert_array_equal(gas, np.arange(len(gas)))
    assert np.all(binid[3][galaxy.gas.mask] == -1)
    assert content["PRIMARY"][0]["NBINS"] == 200
    good = binid[0] >= 0
    east, north = content["BIN_LWSKYCOO"][1]
    spx_east = content["SPX_SKYCOO"][1][0]
    light = content["SPX_MFLUX"][1]
    mean = (np.bincount(binid[0][good], (light * spx_east)[good])
            / np.bincount(binid[0][good], light[good]))
    np.testing.assert_allclose(east[good], mean[binid[0][good]], atol=1e-5)
    assert np.all(east[~good] == 0) and np.all(north[~good] == 0)
    area = content["BIN_AREA"][1]
    np.testing.assert_allclose(area[good], 0.25 * np.bincount(binid[0][good])[binid[0][good]])


def test_spaxels_of_a_bin_repeat_one_value(content):
    binid = content["BINID"][1]
    for name, layer in (("STELLAR_SIGMA", 1), ("STELLAR_VEL", 1), ("BIN_MFLUX", 0),
                        ("BIN_SNR", 0), ("BIN_AREA", 0)):
        ids, values = binid[layer].ravel(), content[name][1].ravel()
        _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        np.testing.assert_array_equal(values, values[first][inverse.ravel()])


def test_elliptical_coordinates(galaxy, content, schema):
    coordinates = content["SPX_ELLCOO"][1]
    east, north = content["SPX_SKYCOO"][1]
    radius, azimuth = coordinates[0], np.deg2rad(coordinates[-1])
    pa, ratio = np.deg2rad(content["PRIMARY"][0]["ECOOPA"]), 1 - content["PRIMARY"][0]["ECOOELL"]
    along, across = radius * np.cos(azimuth), radius * np.sin(azimuth) * ratio
    np.testing.assert_allclose(along * np.sin(pa) + across * np.cos(pa), east, atol=1e-4)
    np.testing.assert_allclose(along * np.cos(pa) - across * np.sin(pa), north, atol=1e-4)
    np.testing.assert_allclose(coordinates[1], radius / content["PRIMARY"][0]["REFF"], rtol=1e-5)


def test_elliptical_coordinates_of_the_real_file(manga_maps_file):
    # the convention of the mocks is that of the survey
    with fits.open(manga_maps_file) as real:
        (east, north), (radius, _, azimuth) = real["SPX_SKYCOO"].data, real["SPX_ELLCOO"].data
        pa, ratio = np.deg2rad(real[0].header["ECOOPA"]), 1 - real[0].header["ECOOELL"]
    azimuth = np.deg2rad(azimuth)
    along, across = radius * np.cos(azimuth), radius * np.sin(azimuth) * ratio
    np.testing.assert_allclose(along * np.sin(pa) + across * np.cos(pa), east, atol=1e-3)
    np.testing.assert_allclose(along * np.cos(pa) - across * np.sin(pa), north, atol=1e-3)


def test_checksums_hold(maps_file):
    # warnings are errors here
    with fits.open(maps_file, checksum=True) as hdus:
        hdus.verify("exception")
        assert all("CHECKSUM" in hdu.header and "DATASUM" in hdu.header for hdu in hdus)


def check_round_trip(made, read):
    for component, field in made.fields.items():
        back = read.fields[component]
        np.testing.assert_array_equal(back.mask, field.mask)
        good = ~field.mask
        for name in ("data", "east", "north"):
            ours, theirs = (np.asarray(getattr(f, name)) for f in (field, back))
            np.testing.assert_array_equal(theirs[good], ours[good].astype("f4"))
        np.testing.assert_array_equal(back.ivar.value[good], field.ivar.value[good].astype("f4"))
        if field.bin_id is not None:
            np.testing.assert_array_equal(back.bin_id[good], field.bin_id[good])
        assert back.n_bins == field.n_bins
        assert back.v_ref.value == pytest.approx(field.v_ref.value)
        corner = [f.wcs.pixel_to_world(0, 0) for f in (field, back)]
        assert corner[0].separation(corner[1]) < 1e-3 * u.arcsec
    assert read.id == made.id
    for name in ("reff", "photometric_pa", "psf_fwhm"):
        assert u.isclose(read.meta[name], made.meta[name], rtol=1e-6), name
    assert read.meta["ellipticity"] == pytest.approx(made.meta["ellipticity"])


def test_read_back(galaxy, maps_file, schema):
    read = Galaxy.read(str(maps_file))
    check_round_trip(galaxy, read)
    assert read.meta["release"] == schema


@pytest.mark.parametrize("options", [
    {"binning": "voronoi", "bins": 150, "holes": 0.1}, {},
    {"handedness": "east", "wedge": 60}, {"rotation": 25, "shape": "circle"}])
def test_read_back_other_kinds(options, tmp_path):
    galaxy = mock.galaxy(130, 250, seed=4, size=12, id="90002-1901", **options)
    path = mock.write_maps(galaxy, tmp_path, schema="DR17")
    check_round_trip(galaxy, Galaxy.read(path))


@pytest.mark.parametrize("options, daptype", [
    ({}, "SPX-GAU-MILESHC"), ({"bins": 50}, "HYB10-GAU-MILESHC"),
    ({"bins": 50, "binning": "voronoi"}, "VOR10-GAU-MILESHC")])
def test_file_is_named_as_the_survey_would(options, daptype, tmp_path):
    galaxy = mock.galaxy(seed=1, size=12, id="90003-1902", **options)
    path = mock.write_maps(galaxy, tmp_path, schema="DR15")
    assert path.name == f"manga-90003-1902-MAPS-{daptype}.fits.gz"
    assert fits.getheader(path)["DAPTYPE"] == daptype
    other = mock.write_maps(galaxy, tmp_path, schema="DR15", daptype="HYB10-GAU-MILESHC",
                            overwrite=True)
    assert fits.getheader(other)["BINKEY"] == "HYB10"


def test_same_galaxy_gives_the_same_bytes(galaxy, maps_file, schema, tmp_path):
    again = mock.write_maps(galaxy, tmp_path / "again.fits.gz", schema=schema)
    assert again.read_bytes() == maps_file.read_bytes()
    plain = mock.write_maps(galaxy, tmp_path / "plain.fits", schema=schema)
    assert plain.read_bytes()[:9] == b"SIMPLE  ="


def test_it_says_that_it_is_a_mock(content):
    assert content["PRIMARY"][0]["MOCK"] is True


def test_one_component_alone(tmp_path):
    galaxy = Galaxy(gas=mock.galaxy(30, 60, seed=1, size=12).gas)
    path = mock.write_maps(galaxy, tmp_path / "gas.fits")
    read = Galaxy.read(path)
    assert read.stellar.n_valid == 0
    assert read.gas.n_valid == galaxy.gas.n_valid


def test_fields_without_an_uncertainty(tmp_path):
    galaxy = mock.galaxy(30, noise=0, seed=1, size=12)
    read = Galaxy.read(mock.write_maps(galaxy, tmp_path / "maps.fits"))
    np.testing.assert_allclose(read.stellar.error.value[~read.stellar.mask], 5)


def test_a_galaxy_that_was_read_can_be_written(maps_file, tmp_path, schema):
    galaxy = Galaxy.read(maps_file)
    path = mock.write_maps(galaxy, tmp_path / "copy.fits.gz", schema=schema)
    check_round_trip(galaxy, Galaxy.read(path))


def test_existing_file_is_kept(galaxy, tmp_path):
    path = tmp_path / "maps.fits.gz"
    path.write_bytes(b"mine")
    with pytest.raises(OSError, match="exists; give another path, or overwrite=True"):
        mock.write_maps(galaxy, path)
    assert path.read_bytes() == b"mine"
    mock.write_maps(galaxy, path, overwrite=True)
    assert path.stat().st_size > 1e5
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_map_is_refused(galaxy, tmp_path):
    with pytest.raises(ValueError, match="schema must be one of DR15, DR17, not 'DR8'"):
        mock.write_maps(galaxy, tmp_path / "a.fits", schema="DR8")
    bins = VelocityField.from_arrays([1.0, 2.0], east=[0, 1], north=[0, 0])
    with pytest.raises(ValueError, match="stellar field is a list of bins"):
        mock.write_maps(Galaxy(stellar=bins), tmp_path / "a.fits")
    no_wcs = VelocityField.from_arrays([[1.0, 2.0]], east=[[0, 1]], north=[[0, 0]])
    with pytest.raises(ValueError, match="gas field has no WCS"):
        mock.write_maps(Galaxy(gas=no_wcs), tmp_path / "a.fits")
    cut = Galaxy(stellar=galaxy.stellar, gas=galaxy.gas[2:-2, 2:-2])
    with pytest.raises(ValueError, match="must have one shape"):
        mock.write_maps(cut, tmp_path / "a.fits")
    assert not list(tmp_path.iterdir())
