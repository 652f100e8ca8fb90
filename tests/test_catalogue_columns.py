"""The columns: declared once, valid for the IVOA, safe for FITS."""

import numpy as np
import pytest
from astropy.io.votable.ucd import check_ucd
from astropy.utils.masked import Masked

from kinmis.catalogue import COLUMNS, column_names, describe_columns
from kinmis.catalogue.table import column_arrays, join_arrays, make_table


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_declaration(column):
    assert check_ucd(column.ucd, check_controlled_vocabulary=True, has_colon=False), column.ucd
    assert column.name.isidentifier() and column.name == column.name.lower()
    assert column.description.isascii() and "{" not in column.description
    assert column.unit is None or column.dtype is float


def test_names_are_unique():
    assert len(set(column_names())) == len(column_names())


def test_stars_and_gas_have_the_same_columns():
    names = column_names()
    assert ([name.removeprefix("stellar_") for name in names if name.startswith("stellar_")]
            == [name.removeprefix("gas_") for name in names if name.startswith("gas_")])


def test_description():
    table = describe_columns()
    assert list(table["name"]) == column_names()
    row = table[list(table["name"]).index("misalignment_err")]
    assert (row["unit"], row["ucd"]) == ("deg", "stat.error;pos.posAng;arith.diff")


def test_missing_values_are_masked():
    rows = [{"source": "a", "status": "ok", "flags": 0, "stellar_pa": 1.5, "stellar_n_data": 3},
            {"source": "b", "status": "failed", "flags": 1, "stellar_pa": np.nan, "z": None,
             "message": "no"}]
    table = make_table(column_arrays(rows))
    assert table.colnames == column_names()
    assert list(table["stellar_pa"].mask) == [False, True]
    assert list(table["stellar_n_data"].mask) == [False, True]
    assert list(table["message"].mask) == [True, False]
    assert table["stellar_n_data"].dtype == np.int32
    assert isinstance(table["ra"], Masked) and table["ra"].mask.all()
    for name in ("source", "status", "flags"):
        assert not hasattr(table[name], "mask")


def test_types_do_not_depend_on_the_values():
    full = make_table(column_arrays([{name: 1 for name in column_names()}]))
    empty = make_table(column_arrays([]))
    for name in column_names():
        assert type(full[name]) is type(empty[name]), name
        assert full[name].dtype.kind == empty[name].dtype.kind, name
        assert full[name].info.unit == empty[name].info.unit


def test_join():
    chunks = [column_arrays([{"source": source, "status": "ok", "flags": 0}])
              for source in ("a", "much longer")]
    assert list(make_table(join_arrays(chunks))["source"]) == ["a", "much longer"]
    assert len(make_table(join_arrays([]))) == 0
