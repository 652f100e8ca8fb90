"""Tables written and read back: nothing may get lost."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits, votable
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked

from kinmis.catalogue import read_table, write_table
from kinmis.catalogue.encoding import from_json, to_json
from kinmis.catalogue.formats import check_output, suffixes
from kinmis.catalogue.provenance import provenance
from kinmis.catalogue.table import column_arrays, make_table

SUFFIXES = suffixes()
ACCENTS = "/données/50% de Žižkov/manga & l'été.fits.gz"


@pytest.fixture
def catalogue():
    """A table with a galaxy of each status, one of them with accents in its path."""
    rows = [
        {"source": ACCENTS, "id": "8485-1901", "status": "ok", "flags": 8,
         "stellar_pa": 12.123456789012345, "stellar_pa_err": 0.1, "stellar_n_data": 300,
         "stellar_flags": 8, "gas_flags": 0, "gas_pa": 359.99999999999994},
        {"source": "b.fits", "status": "failed", "flags": 4096,
         "message": r"OSError: caf\xe9 is 100% gone; don't & won't", "quality_bits": 2**30},
        {"source": "c.fits", "id": "c", "status": "partial", "flags": 1, "stellar_pa": 0.1,
         "stellar_flags": 0, "gas_flags": 1, "message": "there is no gas field"},
    ]
    meta = {"kinmis": provenance({"fit": {"method": "harmonic"}, "threshold_deg": 30.}),
            "input": {"ELLES": [1, 2.5, None, "l'été && 'quotes''"], "empty": {}}}
    return make_table(column_arrays(rows), meta)


def assert_same(new, old):
    assert new.colnames == old.colnames
    assert new.meta == old.meta
    for name in old.colnames:
        first, second = new[name], old[name]
        assert type(first) is type(second), name
        assert first.dtype.kind == second.dtype.kind, name
        if first.dtype.kind not in "US":
            assert first.dtype == second.dtype.newbyteorder("="), name
        assert first.shape == second.shape, name
        assert first.info.unit == second.info.unit, name
        assert first.info.description == second.info.description, name
        assert dict(first.info.meta or {}) == dict(second.info.meta or {}), name
        assert first.info.format == second.info.format, name
        values = [np.asarray(getattr(column, "unmasked", column)) for column in (first, second)]
        if hasattr(second, "mask"):
            np.testing.assert_array_equal(first.mask, second.mask, err_msg=name)
            values = [value[~second.mask] for value in values]
        np.testing.assert_array_equal(*values, err_msg=name)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip(catalogue, tmp_path, suffix):
    path = tmp_path / f"catálogo{suffix}"
    write_table(catalogue, path)
    new = read_table(path)
    assert isinstance(new, QTable)
    assert_same(new, catalogue)
    assert new["source"][0] == ACCENTS
    assert new["stellar_pa"].info.meta == {"ucd": "pos.posAng"}
    assert isinstance(new["stellar_pa"], Masked)
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rows", [0, 1])
def test_short_tables(catalogue, tmp_path, suffix, rows):
    path = tmp_path / f"t{suffix}"
    write_table(catalogue[1:1 + rows], path)
    assert_same(read_table(path), catalogue[1:1 + rows])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_of_the_user(catalogue, tmp_path, suffix):
    table = catalogue
    table["int8"] = MaskedColumn(np.array([1, -128, 3], np.int8), mask=[0, 0, 1])
    table["least"] = MaskedColumn([np.iinfo(np.int64).min, 999999, 3], mask=[0, 0, 1])
    table["uint8"] = MaskedColumn(np.array([0, 255, 3], np.uint8), mask=[0, 0, 1])
    table["uint16"] = np.array([1, 65535, 3], np.uint16)
    table["uint64"] = MaskedColumn(np.array([1, 2, 3], np.uint64), mask=[0, 1, 0])
    table["half"] = np.array([1, np.nan, 3], np.float16)
    table["single"] = np.array([.1, np.nan, -np.inf], np.float32)
    table["big_endian"] = np.array([.1, 2, 3], ">f8")
    table["truth"] = [True, False, True]
    table["masked_truth"] = MaskedColumn([True, False, True], mask=[0, 1, 0])
    table["bytes"] = np.array([b"ab", b"", b"c"])
    table["empty"] = ["", "", ""]
    table["blanks"] = [" a", "b  ", "c\td\ne"]
    table["vector"] = np.arange(6.).reshape(3, 2)
    table["masked_vector"] = MaskedColumn(np.arange(6).reshape(3, 2),
                                          mask=[[0, 1], [0, 0], [1, 0]])
    table["whole_metres"] = u.Quantity([1, 2, 3], u.m, dtype=np.int64)
    table["dimensionless"] = [1., 2, 3] * u.dimensionless_unscaled
    table["nanomaggies"] = [1., 2, 3] * u.nmgy
    table["unknown unit"] = Column([1., 2, 3], unit=u.Unit("foo bar", parse_strict="silent"))
    table["magnitudes"] = Column([1., 2, 3], description="größer ist dunkler " * 9 + ".")
    table["area"] = np.array([1, 2, 3], np.float32) * u.arcsec**2
    table["area"].info.format = ".1f"
    table["año"] = [1, 2, 3]
    table["2MASS-name"] = ["x", "y", "z"]
    path = tmp_path / f"t{suffix}"
    write_table(table, path)
    assert_same(read_table(path), table)


def test_text_objects(tmp_path):
    table = Table({"name": np.array(["x", None, "é"], object)})
    write_table(table, tmp_path / "t.fits")
    name = read_table(tmp_path / "t.fits")["name"]
    assert list(name.mask) == [False, True, False]
    assert name[2] == "é"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_objects_are_refused(tmp_path, suffix):
    table = Table({"galaxy": [object(), object()]})
    with pytest.raises(TypeError, match="column 'galaxy' holds Python objects"):
        write_table(table, tmp_path / f"t{suffix}")
    assert not list(tmp_path.iterdir())


def test_times_and_coordinates(tmp_path):
    table = QTable({"when": Time(["2020-01-01", "2021-01-01"]),
                    "where": SkyCoord([1, 2], [3, 4], unit="deg"), "x": [1, 2]})
    write_table(table, tmp_path / "t.ecsv")
    new = read_table(tmp_path / "t.ecsv")
    assert isinstance(new["when"], Time) and isinstance(new["where"], SkyCoord)
    write_table(table, tmp_path / "t.fits")
    new = read_table(tmp_path / "t.fits")
    np.testing.assert_array_equal(new["where.ra"].value, [1, 2])
    assert new.colnames[-1] == "x" and "where" not in new.colnames


def test_names_that_differ_by_case_only(tmp_path):
    with pytest.raises(ValueError, match="but for upper and lower case"):
        write_table(Table({"z": [1], "Z": [2]}), tmp_path / "t.fits")


def test_whole_numbers_beyond_fits(tmp_path):
    table = Table({"n": np.array([2**63], np.uint64)})
    with pytest.raises(ValueError, match="above 2\\^63"):
        write_table(table, tmp_path / "t.fits")
    write_table(table, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["n"][0] == 2**63


def test_fits_header_reads_elsewhere(catalogue, tmp_path):
    write_table(catalogue, tmp_path / "t.fits")
    with fits.open(tmp_path / "t.fits", checksum=True) as hdus:
        header = hdus["KINMIS"].header
        number = catalogue.colnames.index("stellar_pa") + 1
        assert header[f"TTYPE{number}"] == "stellar_pa"
        assert header[f"TUNIT{number}"] == "deg"
        assert header[f"TUCD{number}"] == "pos.posAng"
        assert header[f"TCOMM{number}"] == catalogue["stellar_pa"].info.description
        document = from_json(header["KINMIS"])
        assert document["meta"] == catalogue.meta
        assert hdus["KINMIS"].data["source"][0].startswith("/donn%C3%A9es/50%25 de")
    plain = QTable.read(tmp_path / "t.fits")
    assert plain["stellar_pa"].unit == u.deg


def test_votable_reads_elsewhere(catalogue, tmp_path):
    write_table(catalogue, tmp_path / "t.vot")
    table = votable.parse(tmp_path / "t.vot").get_first_table()
    field = table.get_field_by_id_or_name("gas_v_sys")
    assert (field.ucd, str(field.unit)) == ("spect.dopplerVeloc", "km / s")
    assert QTable.read(tmp_path / "t.vot")["source"][0] == ACCENTS


def test_parquet_reads_elsewhere(catalogue, tmp_path):
    from pyarrow import parquet
    write_table(catalogue, tmp_path / "t.parquet")
    table = parquet.read_table(tmp_path / "t.parquet")
    assert table["stellar_pa"].null_count == 1
    assert table["stellar_n_data"].to_pylist() == [300, None, None]
    assert table["message"].to_pylist()[0] == ""    # astropy fails on text that is null
    assert table.schema.field("stellar_pa").metadata[b"unit"] == b"deg"
    content = table.schema.metadata[b"IVOA.VOTable-Parquet.content"]
    assert b'ucd="pos.posAng"' in content


def test_files_of_others(tmp_path):
    plain = Table({"a": [1, 2], "b": ["x", ""]}, meta={"c": 1})
    for suffix, form in ((".ecsv", "ascii.ecsv"), (".fits", "fits"), (".vot", "votable"),
                         (".csv", "ascii.csv")):
        plain.write(tmp_path / f"t{suffix}", format=form)
        new = read_table(tmp_path / f"t{suffix}")
        assert list(new["a"]) == [1, 2]
        assert new["b"][0] == "x"


def test_json_survives_fits_cards():
    rng = np.random.default_rng(1)
    letters = list("aé'\"&/\\ %{}\x07\u2028")
    for _ in range(50):
        text = "".join(rng.choice(letters, rng.integers(1, 400)))
        document = {"version": 1, "columns": {}, "meta": {"t": text}}
        header = fits.Header()
        header["KINMIS"] = to_json(document)
        new = fits.Header.fromstring(header.tostring())
        assert from_json(new["KINMIS"]) == document


def test_existing_file(catalogue, tmp_path):
    path = tmp_path / "t.ecsv"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="t.ecsv' exists"):
        write_table(catalogue, path)
    assert path.read_text() == "precious"
    write_table(catalogue, path, overwrite=True)
    assert len(read_table(path)) == 3


def test_nothing_is_left_of_a_failure(catalogue, tmp_path, monkeypatch):
    path = tmp_path / "t.fits"
    path.write_text("precious")

    def fail(*args, **kwargs):
        raise OSError("disk full")
    monkeypatch.setattr(fits.HDUList, "writeto", fail)
    with pytest.raises(OSError, match="disk full"):
        write_table(catalogue, path, overwrite=True)
    assert [item.name for item in tmp_path.iterdir()] == ["t.fits"]
    assert path.read_text() == "precious"


@pytest.mark.parametrize("name, error, match", [
    ("t.xyz", ValueError, "no suffix of a table format; known are .ecsv"),
    ("t", ValueError, "no suffix"),
    ("no/t.fits", FileNotFoundError, "there is no folder"),
])
def test_output_that_can_not_be(tmp_path, name, error, match):
    with pytest.raises(error, match=match):
        check_output(tmp_path / name)


def test_output_is_a_folder(tmp_path):
    (tmp_path / "t.fits").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        check_output(tmp_path / "t.fits", overwrite=True)


def test_parquet_without_pyarrow(catalogue, tmp_path, monkeypatch):
    from kinmis.catalogue import formats
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'kinmis\[parquet\]'"):
        write_table(catalogue, tmp_path / "t.parquet")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_table(tmp_path / "t.fits")
