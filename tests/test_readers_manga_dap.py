"""MAPS files of MaNGA."""

import os
import shutil
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from readers_helper import LINES, maps_units, write_units

from kinmis import Galaxy, VelocityField, mock
from kinmis.exceptions import QualityWarning
from kinmis.readers import sas


def bits(field):
    return np.asarray(field).astype(np.int64)


@pytest.fixture(scope="module")
def real(manga_maps_file):
    return Galaxy.read(manga_maps_file)


@pytest.fixture(scope="module")
def truth(manga_maps_file):
    with fits.open(manga_maps_file, checksum=True) as units:
        yield units


def test_real_file_equals_astropy(real, truth):
    """Every array to the bit, with the channels looked up by name."""
    channel = [truth["EMLINE_GVEL"].header[f"C{n:02}"] for n in range(1, 23)].index("Ha-6564")
    layers = [truth["BINID"].header[f"C{n}"] for n in range(1, 6)]
    for field, extension, plane, layer in (
            (real.stellar, "STELLAR_VEL", ..., "Stellar continua"),
            (real.gas, "EMLINE_GVEL", channel, "Em. line models")):
        data = truth[extension].data[plane]
        ivar = truth[f"{extension}_IVAR"].data[plane]
        np.testing.assert_array_equal(field.data, data)
        np.testing.assert_array_equal(field.ivar.value, ivar)
        np.testing.assert_array_equal(
            field.mask, (truth[f"{extension}_MASK"].data[plane] != 0) | (ivar == 0))
        np.testing.assert_array_equal(field.bin_id, truth["BINID"].data[layers.index(layer)])
        np.testing.assert_array_equal(field.east.value, truth["SPX_SKYCOO"].data[0])
        np.testing.assert_array_equal(field.north.value, truth["SPX_SKYCOO"].data[1])
        assert field.data.dtype == np.float32 and field.bin_id.dtype == np.int32
        assert field.v_ref == truth[0].header["SCINPVEL"] * u.km / u.s
    assert (real.stellar.component, real.stellar.line) == ("stellar", None)
    assert (real.gas.component, real.gas.line) == ("gas", "Ha-6564")


def test_real_bins(real):
    assert real.stellar.n_bins == 497
    assert real.gas.n_bins == real.gas.n_valid == 769      # HYB10: gas by the spaxel


def test_real_metadata(real, truth, manga_maps_file):
    meta, header = real.meta, truth[0].header
    assert real.id == meta["plateifu"] == "7815-3702" and meta["mangaid"] == "1-113540"
    assert meta["survey"] == "MaNGA" and meta["release"] == "DR15"
    assert meta["source"] == str(manga_maps_file)
    assert (meta["ra"], meta["dec"]) == (header["OBJRA"], header["OBJDEC"])
    assert meta["z"] == pytest.approx(header["SCINPVEL"] / 299792.458, rel=1e-15)
    assert meta["reff"] == 3.77495 * u.arcsec
    assert meta["photometric_pa"] == 163.245 * u.deg
    assert meta["ellipticity"] == header["ECOOELL"]
    assert meta["psf_fwhm"] == 2.59937 * u.arcsec and meta["spaxel"] == 0.5 * u.arcsec
    assert (meta["bintype"], meta["template"]) == ("HYB10", "GAU-MILESHC")
    assert meta["daptype"] == "HYB10-GAU-MILESHC" and meta["quality_bits"] == 0
    assert real.stellar.meta == meta and type(meta["z"]) is float


def test_real_wcs(real, truth):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # astropy corrects the date, and says so
        expected = WCS(truth["STELLAR_VEL"].header)
    assert real.gas.wcs is real.stellar.wcs
    assert real.gas.wcs.to_header() == expected.to_header()
    assert real.gas.wcs.pixel_shape == expected.pixel_shape


def test_offsets_agree_with_the_wcs(real):
    """East is positive towards larger right ascension, whatever the columns do."""
    row, column = np.indices(real.gas.shape)
    center = SkyCoord(real.meta["ra"], real.meta["dec"], unit="deg", frame="fk5")
    east, north = center.spherical_offsets_to(real.gas.wcs.pixel_to_world(column, row))
    np.testing.assert_allclose(real.gas.east.value, east.arcsec, atol=1e-3)
    np.testing.assert_allclose(real.gas.north.value, north.arcsec, atol=1e-3)


def test_partner_and_single_fields(manga_maps_file, real):
    field = VelocityField.read(manga_maps_file, component="gas")
    np.testing.assert_array_equal(field.data, real.gas.data)
    np.testing.assert_array_equal(field.partner.data, real.stellar.data)
    assert field.partner.partner is None


def test_unpacked_file_is_the_same(real, manga_maps_file, tmp_path):
    import gzip
    path = tmp_path / "plain.fits"
    path.write_bytes(gzip.decompress(manga_maps_file.read_bytes()))
    plain = Galaxy.read(path)
    for name, field in plain.fields.items():
        np.testing.assert_array_equal(field.data, getattr(real, name).data)
        np.testing.assert_array_equal(field.mask, getattr(real, name).mask)


@pytest.mark.parametrize("schema, release, lines", [("DR15", "DR15", 22), ("DR17", "DR17", 35)])
@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_mock_files_of_both_schemas(schema, release, lines, suffix, tmp_path):
    galaxy = mock.galaxy(pa_stellar=30, pa_gas=150, seed=3)
    path = mock.write_maps(galaxy, tmp_path / f"mock{suffix}", schema=schema)
    read = Galaxy.read(path)
    assert read.meta["release"] == release
    with fits.open(path) as units:
        assert len(units["EMLINE_GVEL"].data) == lines
        channels = [units["EMLINE_GVEL"].header[f"C{n:02}"] for n in range(1, lines + 1)]
        plane = channels.index("Ha-6564")
        np.testing.assert_array_equal(read.gas.data, units["EMLINE_GVEL"].data[plane])
        np.testing.assert_array_equal(read.stellar.data, units["STELLAR_VEL"].data)
    for name, field in read.fields.items():
        want = getattr(galaxy, name)
        np.testing.assert_array_equal(field.mask, want.mask)
        np.testing.assert_allclose(field.data[~field.mask], want.data[~want.mask], rtol=1e-6)
        np.testing.assert_allclose(field.east.value, want.east.value, atol=1e-4)


@pytest.mark.parametrize("kind", ["SPX", "HYB10", "VOR10", "ALL", "NRE"])
def test_every_bin_type(kind, tmp_path):
    units = maps_units(primary={"DAPTYPE": f"{kind}-MILESHC-MASTARSSP"})
    galaxy = Galaxy.read(write_units(units, tmp_path / "maps.fits"))
    assert galaxy.meta["bintype"] == kind
    np.testing.assert_array_equal(galaxy.stellar.bin_id, units["BINID"].data[1])
    np.testing.assert_array_equal(galaxy.gas.bin_id, units["BINID"].data[3])


@pytest.mark.parametrize("digits", ["{}", "{:02}"])
def test_channel_keywords_of_any_width(digits, tmp_path):
    units = maps_units(digits=digits)
    path = write_units(units, tmp_path / "maps.fits")
    for plane, line in enumerate(LINES):
        gas = Galaxy.read(path, line=line).gas
        np.testing.assert_array_equal(gas.data, units["EMLINE_GVEL"].data[plane])
        assert gas.line == line


def test_layers_are_found_by_name(tmp_path):
    units = maps_units()
    units["BINID"].data = units["BINID"].data[::-1]
    for number in range(1, 6):
        units["BINID"].header[f"C{number:02}"] = ("Spectral indices", "Em. line models", "x",
                                                  "Stellar continua", "Binned")[number - 1]
    units["SPX_SKYCOO"].data = units["SPX_SKYCOO"].data[::-1]
    units["SPX_SKYCOO"].header["C01"], units["SPX_SKYCOO"].header["C02"] = "On-sky Y", "On-sky X"
    galaxy = Galaxy.read(write_units(units, tmp_path / "maps.fits"))
    np.testing.assert_array_equal(galaxy.stellar.bin_id, units["BINID"].data[3])
    np.testing.assert_array_equal(galaxy.gas.bin_id, units["BINID"].data[1])
    np.testing.assert_array_equal(galaxy.gas.east.value, units["SPX_SKYCOO"].data[1])


def masked_file(tmp_path):
    """Spaxels of the first row have one bit each, and a good inverse variance."""
    units = maps_units()
    for name in ("STELLAR_VEL_MASK", "EMLINE_GVEL_MASK"):
        data = units[name].data.astype(">i4")
        data[..., 0, :4] = [1 << 30, 1 << 6, 1 << 8, (1 << 30) | (1 << 8)]
        units[name].data = data
    units["STELLAR_VEL_IVAR"].data[1, 1] = 0
    return write_units(units, tmp_path / "maps.fits.gz")


def test_any_bit_masks(tmp_path):
    galaxy = Galaxy.read(masked_file(tmp_path))
    expected = np.zeros((5, 7), bool)
    expected[0, :4] = True
    np.testing.assert_array_equal(galaxy.gas.mask, expected)
    expected[1, 1] = True
    np.testing.assert_array_equal(galaxy.stellar.mask, expected)
    assert galaxy.gas.ivar.value[0, 1] > 0      # left as it is in the file


@pytest.mark.parametrize("chosen, row", [
    (["DONOTUSE"], [1, 0, 0, 1]), ("donotuse", [1, 0, 0, 1]), ([30, "NEARBOUND"], [1, 0, 1, 1]),
    (6, [0, 1, 0, 0]), ([], [0, 0, 0, 0]), (["NOCOV"], [0, 0, 0, 0]),
])
def test_chosen_bits_mask(chosen, row, tmp_path):
    galaxy = Galaxy.read(masked_file(tmp_path), mask_bits=chosen)
    np.testing.assert_array_equal(galaxy.gas.mask[0, :4], np.array(row, bool))
    assert galaxy.stellar.mask[1, 1] and galaxy.stellar.mask.sum() == sum(row) + 1


@pytest.mark.parametrize("wrong", ["BAD", 64, -1, ["DONOTUSE", "x"]])
def test_unknown_bit(wrong, tmp_path):
    with pytest.raises(ValueError, match="which is no bit of MANGA_DAPPIXMASK; there are NOCOV"):
        Galaxy.read(masked_file(tmp_path), mask_bits=wrong)


def test_unsigned_and_64_bit_masks(tmp_path):
    for dtype in ("u4", "i8"):
        units = maps_units()
        data = np.zeros((5, 7), dtype)
        data[2, 2] = 1 << 30
        units["STELLAR_VEL_MASK"].data = data
        galaxy = Galaxy.read(write_units(units, tmp_path / "maps.fits"))
        assert galaxy.stellar.mask[2, 2] and galaxy.stellar.mask.sum() == 1


@pytest.mark.parametrize("value, names", [
    (1 << 30 | 1 << 28, "DRPCRIT, CRITICAL"), (2, "BADZ"), (0b100001, "BADGEOM")])
def test_quality_flags_warn(value, names, tmp_path):
    path = write_units(maps_units(primary={"DAPQUAL": value}), tmp_path / "maps.fits")
    with pytest.warns(QualityWarning, match=rf"maps\.fits: the pipeline flags .* {names} "):
        galaxy = Galaxy.read(path)
    assert galaxy.meta["quality_bits"] == value
    assert galaxy.meta["quality_warning"] == names
    assert ("reff" in galaxy.meta) == ("BADGEOM" not in names)


def test_harmless_quality_flags_do_not_warn(tmp_path):
    path = write_units(maps_units(primary={"DAPQUAL": 0b10001}), tmp_path / "maps.fits")
    galaxy = Galaxy.read(path)
    assert galaxy.meta["quality_bits"] == 17 and "quality_warning" not in galaxy.meta


def test_missing_photometry_and_keywords(tmp_path):
    """The pipeline works with ELL = 0, PA = 0, REFF = 1 where it knows nothing."""
    units = maps_units(primary={"ECOOELL": 0., "ECOOPA": 0., "REFF": 1., "RFWHM": -9999.})
    for key in ("SCINPVEL", "OBJRA", "VERSDRP3", "DAPQUAL", "PLATEIFU"):
        del units["PRIMARY"].header[key]
    galaxy = Galaxy.read(write_units(units, tmp_path / "maps.fits"), release="dr16")
    assert not {"reff", "photometric_pa", "ellipticity", "psf_fwhm", "z", "ra",
                "id"} & galaxy.meta.keys()
    assert galaxy.meta["release"] == "DR16" and galaxy.gas.v_ref is None


def test_map_without_wcs(tmp_path):
    units = maps_units()
    for key in list(units["STELLAR_VEL"].header):
        if key.startswith(("CTYPE", "CRVAL", "PC1", "PC2", "CDELT", "CUNIT", "CRPIX", "WCS")):
            del units["STELLAR_VEL"].header[key]
    galaxy = Galaxy.read(write_units(units, tmp_path / "maps.fits"))
    assert galaxy.stellar.wcs is None and "spaxel" not in galaxy.meta


def test_unusual_wcs_goes_by_astropy(tmp_path):
    units = maps_units()
    header = units["STELLAR_VEL"].header
    for i in (1, 2):
        for j in (1, 2):
            header[f"CD{i}_{j}"] = header.pop(f"PC{i}_{j}", 0.)
        del header[f"CDELT{i}"]
    galaxy = Galaxy.read(write_units(units, tmp_path / "maps.fits"))
    assert galaxy.gas.wcs.to_header() == WCS(header).to_header()
    assert galaxy.meta["spaxel"] == 0.5 * u.arcsec
    header["CTYPE1"] = "RA---SIN"
    broken = Galaxy.read(write_units(units, tmp_path / "maps.fits")).gas
    with pytest.raises(ValueError, match=r"maps\.fits: its header describes no valid WCS"):
        broken.wcs


@pytest.mark.parametrize("name", ["SPX_SKYCOO", "BINID", "STELLAR_VEL", "EMLINE_GVEL_MASK"])
def test_missing_extension(name, tmp_path):
    path = write_units(maps_units(drop=[name]), tmp_path / "maps.fits.gz")
    with pytest.raises(ValueError, match=rf"maps\.fits\.gz has no extension {name}; it has"):
        Galaxy.read(path)


def test_missing_channel(tmp_path):
    path = write_units(maps_units(), tmp_path / "maps.fits.gz")
    with pytest.raises(ValueError, match=r"maps\.fits\.gz: the extension EMLINE_GVEL has no "
                                         "channel 'Pa-1'; it has Hb-4862, OIII-5008"):
        Galaxy.read(path, line="Pa-1")
    units = maps_units()
    units["BINID"].header["C04"] = "x"
    path = write_units(units, tmp_path / "layers.fits")
    with pytest.raises(ValueError, match="BINID has no channel 'Em. line models'"):
        Galaxy.read(path)


def test_planes_that_channels_promise_but_are_not_there(tmp_path):
    units = maps_units()
    units["EMLINE_GVEL"].data = units["EMLINE_GVEL"].data[:2]
    with pytest.raises(ValueError, match=r"EMLINE_GVEL has the shape \(2, 5, 7\), and so no "
                                         "plane 3"):
        Galaxy.read(write_units(units, tmp_path / "maps.fits"))
    units = maps_units()
    units["BINID"].data = units["BINID"].data[:2]
    with pytest.raises(ValueError, match="BINID has the shape .* too few planes"):
        Galaxy.read(write_units(units, tmp_path / "maps.fits"))


def test_maps_of_different_shapes(tmp_path):
    units = maps_units()
    units["STELLAR_VEL_IVAR"].data = units["STELLAR_VEL_IVAR"].data[:4]
    with pytest.raises(ValueError, match=r"maps\.fits: ivar has the shape \(4, 7\)"):
        Galaxy.read(write_units(units, tmp_path / "maps.fits"))


@pytest.mark.parametrize("start", [0.01, 0.1, 0.3, 0.45])
def test_truncated_real_file(start, manga_maps_file, tmp_path):
    packed = manga_maps_file.read_bytes()
    path = tmp_path / manga_maps_file.name
    path.write_bytes(packed[:int(start * len(packed))])
    with pytest.raises(OSError, match="manga-7815.*is truncated"):
        Galaxy.read(path)


@pytest.mark.parametrize("start", [0.002, 0.05, 0.2, 0.3, 0.45])
def test_damaged_real_file(start, manga_maps_file, tmp_path, real):
    packed = bytearray(manga_maps_file.read_bytes())
    place = int(start * len(packed))
    packed[place:place + 64] = bytes(64)
    path = tmp_path / manga_maps_file.name
    path.write_bytes(packed)
    with pytest.raises((OSError, ValueError), match="manga-7815"):
        Galaxy.read(path)


class TestSas:
    """The local tree, and names of observations."""

    def place(self, folder, plateifu="8485-1901", **options):
        path = folder / sas.maps_path(plateifu, **options)
        path.parent.mkdir(parents=True)
        return write_units(maps_units(primary={"PLATEIFU": plateifu}), path)

    def test_found(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SAS_BASE_DIR", str(tmp_path))
        path = self.place(tmp_path)
        galaxy = Galaxy.read("8485-1901")
        assert galaxy.id == "8485-1901" and galaxy.meta["source"] == str(path)
        assert VelocityField.read("8485-1901", "gas").id == "8485-1901"
        other = self.place(tmp_path, release="DR15", bintype="VOR10")
        galaxy = Galaxy.read("8485-1901", release="dr15", bintype="VOR10")
        assert galaxy.meta["source"] == str(other) and galaxy.meta["release"] == "DR15"

    def test_unpacked_file_is_found(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SAS_BASE_DIR", str(tmp_path))
        path = self.place(tmp_path)
        with fits.open(path) as units:
            units.writeto(str(path).removesuffix(".gz"))
        os.remove(path)
        assert Galaxy.read("8485-1901").meta["source"] == str(path).removesuffix(".gz")

    def test_not_set(self, monkeypatch):
        monkeypatch.delenv("SAS_BASE_DIR", raising=False)
        with pytest.raises(FileNotFoundError, match="8485-1901: .*SAS_BASE_DIR is not set.*dr17/"
                                                    ".*Set it, or give the path"):
            Galaxy.read("8485-1901", format="manga-dap")

    def test_not_there(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SAS_BASE_DIR", str(tmp_path))
        with pytest.raises(FileNotFoundError) as caught:
            Galaxy.read("7815-3702", format="manga-dap", release="DR16")
        assert str(tmp_path / sas.maps_path("7815-3702", "DR16")) in str(caught.value)

    def test_a_file_of_that_name_comes_first(self, tmp_path, monkeypatch):
        path = write_units(maps_units(), tmp_path / "maps.fits")
        shutil.move(path, tmp_path / "1234-5678")
        monkeypatch.chdir(tmp_path)
        assert Galaxy.read("1234-5678").id == "8485-1901"

    @pytest.mark.parametrize("release, expected", [
        ("DR17", "dr17/manga/spectro/analysis/v3_1_1/3.1.0/HYB10-MILESHC-MASTARSSP/8485/1901/"
                 "manga-8485-1901-MAPS-HYB10-MILESHC-MASTARSSP.fits.gz"),
        ("dr16", "dr16/manga/spectro/analysis/v2_4_3/2.2.1/HYB10-GAU-MILESHC/8485/1901/"
                 "manga-8485-1901-MAPS-HYB10-GAU-MILESHC.fits.gz")])
    def test_paths(self, release, expected):
        assert sas.maps_path("8485-1901", release) == expected

    def test_bad_names(self):
        with pytest.raises(ValueError, match="'1-209232' is no plate-IFU; one looks like"):
            sas.maps_path("1-209232")
        with pytest.raises(ValueError, match="release must be one of DR15, DR16, DR17, not "
                                             "'DR99'"):
            Galaxy.read("8485-1901", release="DR99")
        assert not any(map(sas.is_plateifu, ("8485-19011x", "8485", "", None, 3, "8485-1901\n")))
