"""A table as input: its columns are carried through."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Column, MaskedColumn, Table
from survey_files import make

from kinmis import measure
from kinmis.catalogue import column_names, read_table


def test_columns_are_carried_through(three_files):
    table = Table({"mass": [1e10, 1e11, 1e9] * u.solMass, "Z": [.1, .2, .3],
                   "plateifu": three_files, "note": MaskedColumn(["a", "b", "c"], mask=[0, 1, 0])},
                  meta={"made_by": "me"})
    table["mass"].description = "stellar mass"
    out = measure(table)
    assert out.colnames[:4] == ["mass", "Z_input", "plateifu", "note"]
    assert out.colnames[4:] == column_names()
    assert out["mass"].unit == u.solMass
    assert out["mass"].info.description == "stellar mass"
    assert list(out["Z_input"]) == [.1, .2, .3]
    assert list(out["note"].mask) == [False, True, False]
    assert out.meta["input"] == {"made_by": "me"}
    assert list(out["status"]) == ["ok"] * 3
    assert table.colnames == ["mass", "Z", "plateifu", "note"], "the input stays as it is"


def test_measuring_again(three_files):
    first = measure(three_files[:2])
    again = measure(first)
    assert "stellar_pa_input" in again.colnames and "source_input" not in again.colnames
    assert again["stellar_pa"][0] == again["stellar_pa_input"][0]
    third = measure(again)
    assert {"stellar_pa_input", "stellar_pa_input_input"} < set(third.colnames)


def test_missing_name_in_a_table(three_files):
    table = Table({"file": MaskedColumn([three_files[0], "x"], mask=[False, True])})
    out = measure(table)
    assert list(out["status"]) == ["ok", "failed"]
    assert out["source"][1] == "none"
    assert list(out["file"].mask) == [False, True]


def test_padded_and_encoded_names(three_files):
    table = Table({"file": np.array([three_files[0].encode() + b"   "])})
    assert measure(table)["status"][0] == "ok"


def test_table_of_objects(tmp_path):
    galaxies = np.empty(2, object)
    galaxies[:] = make(40, 130), make(20, 30)
    table = Table({"path": galaxies, "n": [1, 2]})
    out = measure(table, out=tmp_path / "t.fits")
    assert out.colnames[0] == "n" and "path" not in out.colnames
    assert list(read_table(tmp_path / "t.fits")["n"]) == [1, 2]


def test_row_of_a_table(three_files):
    assert len(measure(Table({"path": three_files})[1])) == 1


def test_source_column(three_files):
    table = Table({"maps": three_files, "path": ["x", "y", "z"]})
    assert list(measure(table, source_column="maps")["status"]) == ["ok"] * 3
    with pytest.raises(KeyError, match="no column 'nope'; it has maps, path"):
        measure(table, source_column="nope")
    with pytest.raises(KeyError, match="give source_column; it has maps"):
        measure(table["maps",])
    with pytest.raises(TypeError, match="come in a table"):
        measure(three_files, source_column="maps")


def test_indexed_table(three_files):
    table = Table({"path": three_files, "n": [3, 1, 2]})
    table.add_index("n")
    assert list(measure(table)["n"]) == [3, 1, 2]


def test_unknown_unit_in_a_table(three_files):
    table = Table({"path": three_files[:1]})
    table["x"] = Column([1.], unit=u.Unit("foo bar", parse_strict="silent"))
    assert str(measure(table)["x"].unit) == "foo bar"
