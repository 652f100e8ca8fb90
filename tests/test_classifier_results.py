"""What the classifier says of a field: numbers that agree, words, and tables."""

import numpy as np
import pytest

from kinmis import mock
from kinmis.catalogue import read_table, write_table
from kinmis.classifier import Classification, GalaxyClassification
from kinmis.classifier.table import brief, quality_table, rows_of
from kinmis.flags import flag_bits

NAN = np.full(3, np.nan)


def result(*probabilities, **options):
    return Classification(np.array(probabilities), **{
        "ood_score": 0.4, "component": "gas", "id": "8485-1901", **options})


@pytest.mark.parametrize("probabilities, quality, label", [
    ((0.9, 0.06, 0.04), 0, "do not use"), ((0.4, 0.35, 0.25), 1, "messy"),
    ((0.1, 0.2, 0.7), 2, "clean"),
    # the most probable class is 0, but the field is usable
    ((0.4, 0.3, 0.3), 1, "messy"),
    # the most probable class is 2, but the field is not usable
    ((0.51, 0.0, 0.49), 0, "do not use"),
])
def test_quality_is_the_median(probabilities, quality, label):
    one = result(*probabilities)
    assert (one.quality, one.label) == (quality, label)
    assert (one.quality >= 1) == (one.usable > 0.5)


def test_numbers():
    one = result(0.1, 0.2, 0.7)
    assert one.usable == pytest.approx(0.9) and isinstance(one.usable, float)
    assert one.confidence == pytest.approx(0.9)
    assert result(0.8, 0.1, 0.1).confidence == pytest.approx(0.8)
    assert one.ok and not one.abstains and not one.out_of_distribution
    assert one.flag_names == []


@pytest.mark.parametrize("limit, quality", [(0.5, 2), (0.9, 2), (0.91, None), (1, None)])
def test_abstention(limit, quality):
    one = result(0.095, 0.2, 0.705, min_confidence=limit)
    assert one.quality == quality
    assert one.abstains == (quality is None)
    assert one.label == ("undecided" if quality is None else "clean")
    assert one.usable == pytest.approx(0.905)


def test_no_data():
    one = Classification(NAN, float("nan"), "gas", flags=flag_bits("NO_DATA"),
                         min_confidence=0.9)
    assert not one.ok and not one.abstains and one.quality is None
    assert one.label == "no data" and one.flag_names == ["NO_DATA"]
    assert np.isnan([one.usable, one.confidence]).all() and not one.out_of_distribution
    assert repr(one) == "<Classification: gas: no data>"
    assert one.words == "quality: no data"


def test_repr():
    assert repr(result(0.05, 0.25, 0.7)) == (
        "<Classification: 8485-1901 gas: 2 (clean); do not use 0.05, messy 0.25, clean 0.70>")
    noted = result(0.9, 0.05, 0.05, ood_score=1.7, features={"warp": 0.2, "decoupled_core": 0.8},
                   notes={"depletion": 0.6}, component=None, id=None)
    assert repr(noted) == (
        "<Classification: field: 0 (do not use); do not use 0.90, messy 0.05, clean 0.05; out of "
        "distribution (score 1.7): do not rely on it; decoupled core 0.80; depletion 0.60>")
    assert noted.out_of_distribution
    # reasons why gas is not usable are of no use where it is
    assert "depletion" not in repr(result(0.1, 0.2, 0.7, notes={"depletion": 0.9}))
    assert "undecided" in repr(result(0.4, 0.3, 0.3, min_confidence=0.9))


def test_html_escapes():
    text = result(0.05, 0.25, 0.7, id="<b>")._repr_html_()
    assert text.startswith("<table><caption>Classification</caption>")
    assert "&lt;b&gt; gas" in text and "<b>" not in text
    both = GalaxyClassification(result(0, 0, 1, component="stellar"), result(1, 0, 0))
    assert both._repr_html_().count("<tr>") == 2


def test_galaxy():
    stars, gas = result(0.1, 0.2, 0.7, component="stellar"), result(0.6, 0.2, 0.2)
    both = GalaxyClassification(stars, gas)
    assert both.fields == {"stellar": stars, "gas": gas}
    assert both.usable == pytest.approx(0.4)
    lines = repr(both).splitlines()
    assert lines[0] == "<GalaxyClassification:"
    assert lines[1].startswith("  8485-1901 stellar: 2 (clean); ")
    assert lines[2].startswith("  8485-1901 gas: 0 (do not use); ") and lines[2].endswith(">")
    assert list(GalaxyClassification(gas=gas).fields) == ["gas"]
    assert np.isnan(GalaxyClassification(stars, Classification(NAN, np.nan, "gas")).usable)


def rows():
    return [*rows_of(GalaxyClassification(
        result(0.1, 0.2, 0.7, component="stellar", features={"warp": 0.1}),
        result(0.6, 0.2, 0.2, ood_score=2.5, flags=flag_bits("OUT_OF_DISTRIBUTION"))), "a.fits"),
        *rows_of(Classification(NAN, np.nan, "gas", flags=1), "b.fits", "it is empty")]


def test_table():
    table = quality_table(rows(), {"kinmis": {"x": 1}})
    assert table["component"].tolist() == ["stellar", "gas", "gas"]
    assert table["quality"].tolist() == [2, 0, None]
    assert table["label"].tolist() == ["clean", "do not use", "no data"]
    assert table["usable"].mask.tolist() == [False, False, True]
    assert table["warp"].tolist() == [0.1, None, None]
    assert table["message"].tolist() == [None, None, "it is empty"]
    assert all(column.info.description and column.info.meta["ucd"]
               for column in table.itercols())


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".vot", ".parquet"])
def test_table_in_every_format(tmp_path, suffix):
    table = quality_table(rows(), {"kinmis": {"x": 1}})
    write_table(table, tmp_path / f"t{suffix}")
    back = read_table(tmp_path / f"t{suffix}")
    assert back.colnames == table.colnames and back.meta == table.meta
    for name in table.colnames:
        assert back[name].tolist() == table[name].tolist(), name


def test_brief():
    short = brief(rows())
    assert short["quality"].tolist() == ["2", "0", "-"]
    assert short["usable"].tolist() == ["0.90", "0.40", "-"]
    assert short["remarks"].tolist() == ["", "out of distribution", "it is empty"]
    assert short["galaxy"].tolist() == ["8485-1901", "8485-1901", "b.fits"]


def texts(figure):
    return " ".join(text.get_text() for ax in [figure, *figure.axes] for text in ax.texts)


def test_pictures_show_it():
    galaxy = mock.galaxy(size=12., seed=1)
    both = GalaxyClassification(result(0.1, 0.2, 0.7, component="stellar"),
                                result(0.6, 0.2, 0.2, ood_score=2.))
    said = texts(galaxy.plot(pa=False, labels=both))
    assert "quality: clean (usable 0.90)" in said
    assert "quality: do not use (usable 0.40), out of distribution" in said
    assert "quality: clean" in texts(galaxy.stellar.plot(pa=False, labels=both.stellar))
    assert "quality: clean" in texts(galaxy.plot(pa=False, labels={"stellar": both.stellar}))
    mixed = texts(galaxy.stellar.plot(pa=False, labels=["my words", both.stellar]))
    assert "my words" in mixed and "quality: clean" in mixed
