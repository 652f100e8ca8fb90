"""The front of a FITS file, gzipped or plain."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from readers_helper import maps_units, rezip, write_units

from kinmis.readers import byte_sources
from kinmis.readers.cards import Cards
from kinmis.readers.fits_stream import checksum, first_header, read_extensions

WANTED = {"BINID": None, "STELLAR_VEL": None,
          "EMLINE_GVEL": lambda header: header.keyword_of("Ha-6564", "C") - 1}


@pytest.fixture(params=["maps.fits.gz", "maps.fits"])
def small_file(request, tmp_path):
    return str(write_units(maps_units(), tmp_path / request.param))


def test_equals_astropy(small_file):
    found = read_extensions(small_file, WANTED)
    with fits.open(small_file) as units:
        for name, extension in found.items():
            for card in units[name].header.cards:
                if card.keyword not in ("COMMENT", "HISTORY", ""):
                    assert extension.header.get(card.keyword) == (
                        None if card.value == "" else card.value) or card.value == ""
        assert found["PRIMARY"].image is None
        np.testing.assert_array_equal(found["BINID"].image, units["BINID"].data)
        np.testing.assert_array_equal(found["EMLINE_GVEL"].image, units["EMLINE_GVEL"].data[2])
        assert found["EMLINE_GVEL"].image.dtype == np.float32
        assert found["BINID"].image.dtype == np.int32


def test_inflates_no_further_than_needed(manga_maps_file, monkeypatch):
    inflated = []
    inflate = byte_sources.GzipSource._inflate

    def count(self, *arguments):
        try:
            return inflate(self, *arguments)
        finally:
            inflated.append(self._end)
    monkeypatch.setattr(byte_sources.GzipSource, "_inflate", count)
    read_extensions(str(manga_maps_file), WANTED)
    with fits.open(manga_maps_file) as units:
        unit = units["EMLINE_GVEL"]
        end = unit.fileinfo()["datLoc"] + unit.fileinfo()["datSpan"]
    assert max(inflated) == end


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8", "f4", "f8", "u2", "u4"])
def test_every_type(dtype, tmp_path):
    array = np.arange(-60, 60).astype(dtype).reshape(2, 3, 20)
    path = tmp_path / "types.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(array, name="x")]).writeto(path, checksum=True)
    image = read_extensions(str(path), {"X": None})["X"].image
    np.testing.assert_array_equal(image, array)
    assert image.dtype == np.dtype(dtype)


def test_scaled_image(tmp_path):
    unit = fits.ImageHDU(np.arange(12, dtype="i2").reshape(3, 4), name="x")
    unit.header["BSCALE"], unit.header["BZERO"] = 0.5, 10
    path = tmp_path / "scaled.fits"
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    with fits.open(path) as units:
        np.testing.assert_array_equal(read_extensions(str(path), {"X": None})["X"].image,
                                      units[1].data)


def test_long_headers_tables_and_many_axes(tmp_path):
    long = fits.ImageHDU(np.ones((2, 2)), name="long")
    for number in range(300):
        long.header[f"KEY{number}"] = "END" + " " * 50
    table = fits.BinTableHDU.from_columns([fits.Column("a", "PJ()", array=np.array(
        [np.arange(4), np.arange(9)], dtype=object))], name="table")
    deep = fits.ImageHDU(np.ones((2, 1, 3, 2, 2)), name="deep")
    last = fits.ImageHDU(np.arange(4.), name="last")
    path = tmp_path / "odd.fits.gz"
    fits.HDUList([fits.PrimaryHDU(np.ones((3, 3))), table, long, deep, last]).writeto(path)
    found = read_extensions(str(path), {"LONG": None, "LAST": None, "DEEP": None})
    np.testing.assert_array_equal(found["LAST"].image, np.arange(4.))
    assert found["DEEP"].image.shape == (2, 1, 3, 2, 2)
    assert found["LONG"].header["KEY299"] == "END"
    with pytest.raises(ValueError, match=r"odd\.fits\.gz: .*TABLE holds no image but a BINTABLE"):
        read_extensions(str(path), {"TABLE": None})
    with pytest.raises(ValueError, match="no plane 3"):
        read_extensions(str(path), {"LONG": lambda header: 2})


def variant(tmp_path, name, change):
    """Write a small MAPS file with one change to its extensions."""
    units = maps_units()
    units = change(units) or units
    return str(write_units(units, tmp_path / name))


def test_files_laid_out_in_other_ways_after_each_other(tmp_path):
    """What is remembered of one file must not lead astray in the next."""
    def longer_header(units):
        for number in range(80):
            units["SPX_MFLUX"].header[f"KEY{number}"] = number

    def extra(units):
        items = list(units.items())
        items.insert(3, ("EXTRA", fits.ImageHDU(np.ones((9, 9)), name="EXTRA")))
        return dict(items)

    def swapped(units):
        units["SPX_MFLUX"], units["BINID"] = units["BINID"], units["SPX_MFLUX"]

    def shorter(units):
        del units["SPX_MFLUX"]

    def wider(units):
        units["SPX_MFLUX"].data = np.zeros((99, 99), np.float32)

    def missing(units):
        del units["BINID"]

    changes = [lambda units: None, longer_header, extra, swapped, shorter, wider]
    for suffix in ("fits", "fits.gz"):
        paths = [variant(tmp_path, f"{number}.{suffix}", change)
                 for number, change in enumerate(changes)]
        lacking = variant(tmp_path, f"lacking.{suffix}", missing)
        whole = (tmp_path / f"0.{suffix}").read_bytes()
        (tmp_path / f"cut.{suffix}").write_bytes(whole[:len(whole) // 10])
        for path in [*paths, *paths[::-1], paths[0], *paths]:
            found = read_extensions(path, WANTED)
            with fits.open(path) as units:
                np.testing.assert_array_equal(found["BINID"].image, units["BINID"].data)
                np.testing.assert_array_equal(found["EMLINE_GVEL"].image,
                                              units["EMLINE_GVEL"].data[2])
            with pytest.raises(ValueError, match="has no extension BINID; it has PRIMARY, "
                                                 "SPX_SKYCOO, SPX_MFLUX, STELLAR_VEL"):
                read_extensions(lacking, WANTED)
            with pytest.raises(OSError, match="is truncated"):
                read_extensions(str(tmp_path / f"cut.{suffix}"), WANTED)


def test_first_extension_of_a_name_counts(tmp_path):
    path = tmp_path / "twice.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros(3), name="x"),
                  fits.ImageHDU(np.ones(3), name="x")]).writeto(path)
    assert read_extensions(str(path), {"X": None})["X"].image.sum() == 0


def test_missing_extension_names_those_there_are(small_file):
    with pytest.raises(ValueError, match=r"maps\.fits.* has no extension NOPE; it has PRIMARY, "
                                         "SPX_SKYCOO"):
        read_extensions(small_file, {"NOPE": None})


def test_several_gzip_members_and_padding(tmp_path):
    whole = gzip.decompress(write_units(maps_units(), tmp_path / "a.fits.gz").read_bytes())
    parts = b"".join(gzip.compress(whole[start:start + 5000])
                     for start in range(0, len(whole), 5000))
    path = tmp_path / "members.fits.gz"
    for tail in (b"", b"\0" * 512):
        path.write_bytes(parts + tail)
        found = read_extensions(str(path), {"SPECINDEX": None})
        assert found["SPECINDEX"].image.shape == (46, 5, 7)
        with pytest.raises(ValueError, match="has no extension NOPE"):
            read_extensions(str(path), {"NOPE": None})


@pytest.mark.parametrize("content, reason", [
    (b"", "is empty"), (b"hello, this is text", "begins with b'hello"),
    (gzip.compress(b"no FITS inside" * 500, mtime=0), "begins with"),
], ids=["empty", "text", "gzip"])
def test_not_fits(content, reason, tmp_path):
    path = tmp_path / "text.fits"
    path.write_bytes(content)
    for call in (first_header, lambda name: read_extensions(name, WANTED)):
        with pytest.raises(ValueError, match=rf"text\.fits is no FITS file: .*{reason}"):
            call(str(path))


@pytest.mark.parametrize("fraction", [0.0005, 0.02, 0.2, 0.5, 0.8])
def test_truncated_gzip(fraction, manga_maps_file, tmp_path):
    packed = manga_maps_file.read_bytes()
    path = tmp_path / "cut.fits.gz"
    path.write_bytes(packed[:int(len(packed) * fraction)])
    with pytest.raises(OSError, match=r"cut\.fits\.gz is truncated"):
        read_extensions(str(path), {"SPECINDEX": None})


@pytest.mark.parametrize("cut", [100, 2000, 2900, 9000, 20000, 35000])
def test_truncated_plain_file(cut, tmp_path):
    path = write_units(maps_units(), tmp_path / "cut.fits")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(OSError, match=r"cut\.fits is truncated"):
        read_extensions(str(path), {"SPECINDEX": None})


def test_truncated_before_it_was_gzipped(tmp_path):
    raw = write_units(maps_units(), tmp_path / "maps.fits").read_bytes()
    path = rezip(tmp_path / "cut.fits.gz", raw[:20000])
    with pytest.raises(OSError, match=r"cut\.fits\.gz is truncated"):
        read_extensions(str(path), {"SPECINDEX": None})


@pytest.fixture(scope="module")
def good_and_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage")
    return write_units(maps_units(), folder / "maps.fits.gz").read_bytes(), folder


@settings(max_examples=150, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_damage_is_told_or_harmless(place, flip, good_and_folder):
    """Whatever byte is spoilt, wrong values never come out."""
    packed, folder = bytearray(good_and_folder[0]), good_and_folder[1]
    packed[int(place * len(packed))] ^= flip
    path = folder / "spoilt.fits.gz"
    path.write_bytes(packed)
    try:
        found = read_extensions(str(path), WANTED)
    except (OSError, ValueError) as error:
        assert "spoilt.fits.gz" in str(error)
    else:
        truth = read_extensions(str(folder / "maps.fits.gz"), WANTED)
        for name in WANTED:
            np.testing.assert_array_equal(found[name].image, truth[name].image)


@pytest.mark.parametrize("name", ["STELLAR_VEL", "EMLINE_GVEL"])
def test_wrong_checksum_names_the_extension(name, tmp_path):
    path = write_units(maps_units(), tmp_path / "maps.fits")
    with fits.open(path) as units:
        place = units[name].fileinfo()["datLoc"]
    raw = bytearray(path.read_bytes())
    raw[place + 5] ^= 1
    for spoilt in (tmp_path / "bad.fits", tmp_path / "bad.fits.gz"):
        (rezip if spoilt.suffix == ".gz" else type(spoilt).write_bytes)(spoilt, bytes(raw))
        with pytest.raises(OSError, match=rf"bad\.fits.*extension {name} is damaged.*DATASUM"):
            read_extensions(str(spoilt), WANTED)


def test_file_without_checksums(tmp_path):
    path = write_units(maps_units(), tmp_path / "none.fits.gz", checksum=False)
    assert read_extensions(str(path), WANTED)["BINID"].image.shape == (5, 5, 7)


@pytest.mark.parametrize("old, new", [(b"BITPIX  =                  -32", b"BITPIX  =       77"),
                                      (b"NAXIS1  =                    7", b"NAXIS1  =       -7"),
                                      (b"XTENSION=", b"XTENSIOM="),
                                      (b"NAXIS   =                    2", b"NAXIS   = x")])
def test_impossible_header(old, new, tmp_path):
    raw = write_units(maps_units(), tmp_path / "maps.fits").read_bytes()
    path = rezip(tmp_path / "odd.fits.gz", raw.replace(old, new.ljust(len(old))))
    with pytest.raises(OSError, match=r"odd\.fits\.gz is damaged"):
        read_extensions(str(path), WANTED)


@settings(deadline=None)
@given(data=st.binary(min_size=0, max_size=4000).map(lambda raw: raw[:len(raw) // 4 * 4]),
       cuts=st.lists(st.integers(0, 4000)))
def test_checksum_is_that_of_the_standard(data, cuts):
    total = sum(int.from_bytes(data[place:place + 4], "big") for place in range(0, len(data), 4))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    assert checksum(data) == total % 0xFFFFFFFF
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = sum(checksum(data[start:stop], start) for start, stop in zip(edges, edges[1:]))
    assert pieces % 0xFFFFFFFF == total % 0xFFFFFFFF


def test_checksum_of_astropy(tmp_path):
    path = write_units(maps_units(), tmp_path / "maps.fits")
    with fits.open(path) as units:
        for unit in units[1:]:
            place = unit.fileinfo()
            data = path.read_bytes()[place["datLoc"]:place["datLoc"] + place["datSpan"]]
            assert checksum(data) == int(unit.header["DATASUM"])


def test_cards():
    header = fits.Header([("A", 1), ("B", -2.5e-3), ("C", True), ("D", False), ("E", "it's"),
                          ("F", ""), ("G", None), ("LONG", "x" * 150 + "y"), ("A2", "/ 'x'"),
                          ("COMMENT", "A = 3")])
    header["C03"] = "Ha-6564"
    cards = Cards(header.tostring(padding=False).encode())
    for key in ("A", "B", "C", "D", "E", "F", "G", "LONG", "A2"):
        assert cards.get(key) == header[key]
    assert cards.get("COMMENT") is None and "NOPE" not in cards and cards.get("NOPE", 7) == 7
    assert cards.keyword_of("Ha-6564", "C") == 3
    assert cards.keyword_of("Ha-656", "C") is None
    assert cards.numbered("C") == {3: "Ha-6564"}
    with pytest.raises(KeyError, match="no keyword NOPE"):
        cards["NOPE"]
    odd = Cards(b"A       =              1.5D+03".ljust(80) + b"B       = what".ljust(80))
    assert odd["A"] == 1500
    with pytest.raises(ValueError, match="B       = what"):
        odd["B"]


def test_first_header_is_read_anew_when_the_file_changes(tmp_path):
    path = tmp_path / "a.fits"
    for number in (1, 22):
        header = fits.Header({"NUMBER": number})
        fits.PrimaryHDU(np.zeros(number * 1000), header).writeto(path, overwrite=True)
        assert first_header(str(path))["NUMBER"] == number
