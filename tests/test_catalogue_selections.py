"""Selections of a catalogue, and the comparison of two."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable

from kinmis import measure, mock
from kinmis.catalogue import (clean_pairs, compare, join_repeats, misaligned, usable_pairs)
from kinmis.catalogue.selections import is_usable, misalignment_probability

OFFSETS = (2, 40, 60, 175, 5)


@pytest.fixture(scope="module")
def galaxies():
    return [mock.galaxy(350, (350 + offset) % 360, size=12., seed=seed, id=f"900{seed}-1901",
                        meta={"mangaid": f"1-{seed % 3}"})
            for seed, offset in enumerate(OFFSETS)]


@pytest.fixture(scope="module")
def table(galaxies):
    table = measure([*galaxies, "missing.fits"], classify=False)
    for name, values in (("stellar", [2, 2, 1, 2, 0, 0]), ("gas", [2, 1, 1, 2, 2, 0])):
        table[f"{name}_quality"] = MaskedColumn(values, mask=[False] * 5 + [True], dtype=np.int32)
    return table


def test_pairs(table):
    assert list(usable_pairs(table)["id"]) == list(table["id"][:4])
    assert list(clean_pairs(table)["id"]) == list(table["id"][[0, 3]])
    assert list(is_usable(table, "gas", 2)) == [True, False, False, True, True, False]
    assert usable_pairs(table).meta == table.meta
    assert len(usable_pairs(table[:0])) == 0
    with pytest.raises(ValueError, match="quality must be 1"):
        is_usable(table, "gas", 3)


def test_pairs_need_classes(galaxies):
    with pytest.raises(ValueError, match="measure with classify=True"):
        usable_pairs(measure(galaxies[:1], classify=False))


def test_angle_that_is_missing_makes_no_pair(galaxies):
    table = measure(galaxies[0].stellar, classify=False)
    table["stellar_quality"] = table["gas_quality"] = MaskedColumn([2], dtype=np.int32)
    assert len(usable_pairs(table)) == 0


def test_misaligned(table):
    assert list(misaligned(table)["id"]) == list(table["id"][1:4])
    assert list(misaligned(table, 50 * u.deg, probability=0.95)["id"]) == list(table["id"][2:4])
    assert len(misaligned(table, 170, probability=0.5)) == 1
    assert list(misaligned(usable_pairs(table), common=True)["id"]) == list(table["id"][1:4])
    assert len(misaligned(table, probability=0.)) == 5, "one has no misalignment"
    for bad in (0, 180, 200 * u.deg):
        with pytest.raises(ValueError, match="between 0 and 180"):
            misaligned(table, bad)
    with pytest.raises(ValueError, match="from 0 to 1"):
        misaligned(table, probability=2)


@pytest.mark.parametrize("common", [False, True])
def test_probability_from_the_columns_is_that_of_the_fit(galaxies, common):
    first, other = (measure(galaxies, threshold=limit * u.deg, classify=False)
                    for limit in (30, 38))
    np.testing.assert_allclose(misalignment_probability(first, 38 * u.deg, common=common),
                               misalignment_probability(other, common=common), atol=0.01)
    assert np.isfinite(misalignment_probability(first, 38)).all()


def test_repeats(table):
    pairs = join_repeats(table, [("9000-1901", "9002-1901"), ("9000-1901", "absent")])
    assert list(pairs["id_1"]) == ["9000-1901"] and list(pairs["id_2"]) == ["9002-1901"]
    assert pairs["stellar_pa_1"].unit == u.deg
    assert pairs.meta == table.meta
    rows = table[:5]
    rows["mangaid"] = ["a", "b", "a", "a", ""]
    pairs = join_repeats(rows, "mangaid")
    assert list(zip(pairs["id_1"], pairs["id_2"])) == [
        ("9000-1901", "9002-1901"), ("9000-1901", "9003-1901"), ("9002-1901", "9003-1901")]
    assert len(join_repeats(rows, [])) == 0
    with pytest.raises(KeyError, match="no column 'x'"):
        join_repeats(rows, "x")


def test_comparison_with_itself(table):
    comparison = compare(table, table)
    assert len(comparison.table) == 5
    assert not comparison.only_old and not comparison.only_new
    assert np.all(comparison.table["stellar_pa_difference"].unmasked == 0 * u.deg)
    assert np.trace(comparison.label_changes("gas")) == comparison.label_changes("gas").sum() == 5
    assert "5 of 5 labels alike (100.0%)" in "\n".join(comparison.summary())


def test_comparison(table):
    new = table[[0, 1, 2, 3]]
    new["stellar_pa"] = (new["stellar_pa"] + [20, 0, 180, 0] * u.deg) % (360 * u.deg)
    new["gas_pa"].mask[1] = True
    new["gas_quality"] = MaskedColumn([0, 1, 1, 2], dtype=np.int32)
    new["id"][3] = "new"
    comparison = compare(table, new)
    assert comparison.only_old == ["9003-1901", "9004-1901"] and comparison.only_new == ["new"]
    rows = comparison.table
    assert list(rows["id"]) == list(table["id"][:3])
    np.testing.assert_allclose(rows["stellar_pa_difference"].unmasked.value, [20, 0, 180],
                               atol=1e-9)
    assert rows["stellar_pa_deviation"][0] == pytest.approx(
        20 / np.hypot(table["stellar_pa_err"][0].value, new["stellar_pa_err"][0].value))
    assert list(rows["gas_pa_difference"].mask) == [False, True, False]
    counts = comparison.label_changes("gas")
    assert counts[2, 0] == 1 and counts[1, 1] == 2 and counts.sum() == 3
    text = "\n".join(comparison.summary())
    assert "3 galaxies in both, 2 only in the old, 1 only in the new catalogue" in text
    assert "1 by more than 120 deg; 0 lost, 0 gained" in text
    assert "1 lost, 0 gained" in text
    assert "2 of 3 labels alike (66.7%); 2 to 0: 1" in text
    comparison.plot()


def test_comparison_of_catalogues_that_share_little(table):
    other = QTable({"id": ["9000-1901", "x"], "gas_pa": [12., 13.] * u.deg})
    comparison = compare(table, other)
    assert comparison.table.colnames == ["id", "gas_pa_old", "gas_pa_new", "gas_pa_difference"]
    with pytest.raises(KeyError, match="the new catalogue has no column 'source'"):
        compare(table, other, by="source")
    nothing = compare(table, QTable({"id": ["x"], "gas_pa": [1.] * u.deg}))
    assert len(nothing.table) == 0 and "0 angles in both" in "\n".join(nothing.summary())
    with pytest.raises(ValueError, match="no angles and no labels in common"):
        compare(table, other[["id"]]).plot()
