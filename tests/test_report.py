"""The page about a catalogue."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable
from survey_files import write_survey

from kinmis import measure, mock
from kinmis.catalogue import write_table
from kinmis.cli import main
from kinmis.flags import flag_bits
from kinmis.report import write_report
from kinmis.report.choose import worth_a_look


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("survey")
    files = write_survey(folder / "files", 6)
    measure([*files, files[0], "missing <b>.fits"], out=folder / "run", progress=False,
            classify=False)
    return folder / "run"


def classified(table):
    """Return the table as if a classifier had seen it."""
    n = len(table)
    failed = table["status"] == "failed"
    for name in ("stellar", "gas"):
        usable = np.linspace(0.05, 0.95, n)
        table[f"{name}_usable"] = MaskedColumn(usable, mask=failed)
        table[f"{name}_quality"] = MaskedColumn((usable > 0.5).astype(np.int32), mask=failed)
        score = np.linspace(0, 2, n)
        table[f"{name}_ood_score"] = MaskedColumn(score, mask=failed)
        table[f"{name}_flags"] = MaskedColumn(
            np.where(score > 1, flag_bits("OUT_OF_DISTRIBUTION"), 0), mask=failed)
    table["flags"] = table["flags"] | np.where(score > 1, flag_bits("OUT_OF_DISTRIBUTION"), 0)
    return table


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.links, self.headings = [], [], [], []
        self.feed(text)
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.images += [attributes["src"]] if tag == "img" else []
        self.links += [value for name, value in attributes.items() if name in ("href", "src")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def test_page_stands_alone(folder):
    path = write_report(folder)
    assert path == folder / "report.html"
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.headings == ["Summary", "Distributions", "Flags", "Most misaligned"], (
        "all is certain here")
    assert page.images and all(link.startswith("data:image/") for link in page.links)
    assert "http" not in re.sub(r'base64,[^"]*', "", text)
    kinds = [base64.b64decode(image.split(",")[1])[:5] for image in page.images]
    assert kinds[:3] == [b"<?xml"] * 3 and set(kinds[3:]) == {b"\x89PNG\r"}
    assert "8 galaxies: 7 ok, 0 partial, 1 failed" in text
    assert "1 sources are named more than once" in text
    assert "missing &lt;b&gt;.fits" in text and "<b>" not in text
    assert "FAILED" in text and "FileNotFoundError" in text
    # a galaxy that is named twice is shown once
    assert text.count("<article>") == 6


def test_classified(folder, tmp_path):
    from kinmis.catalogue import read_table
    table = classified(read_table(folder))
    page = write_report(table, tmp_path / "report.html", count=2)
    text = page.read_text(encoding="utf-8")
    assert Page(text).headings[-3:] == ["Most misaligned", "Least certain", "Out of distribution"]
    assert text.count("<article>") == 6
    assert "OUT_OF_DISTRIBUTION" in text and "out of distribution 1." in text
    assert "usable: " in text
    groups = {heading: rows for heading, _, rows in worth_a_look(table, 2)}
    assert groups["Out of distribution"] == [6, 5]
    assert set(groups["Least certain"]) <= {3, 4}
    assert all(table["stellar_quality"][row] for row in groups["Most misaligned"])


def test_source_that_has_gone(tmp_path):
    files = write_survey(tmp_path / "files", 2)
    measure(files, out=tmp_path / "run", progress=False, classify=False)
    (tmp_path / "files" / files[0].split("/")[-1]).unlink()
    text = write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert "no picture: FileNotFoundError" in text


def test_objects_need_a_way_to_get_them(tmp_path):
    galaxies = {f"900{seed}-1901": mock.galaxy(40, 120, size=8., seed=seed, id=f"900{seed}-1901")
                for seed in range(2)}
    table = measure(list(galaxies.values()), classify=False)
    page = write_report(table, tmp_path / "a.html", galaxies=lambda row: galaxies[row["id"]])
    assert "no picture" not in page.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="say where to"):
        write_report(table)
    with pytest.raises(FileExistsError, match="ask for overwrite"):
        write_report(table, tmp_path / "a.html")
    with pytest.raises(FileNotFoundError, match="no folder"):
        write_report(table, tmp_path / "no" / "a.html")


def test_empty_catalogue(tmp_path):
    measure([], out=tmp_path / "run", progress=False, classify=False)
    assert Page(write_report(tmp_path / "run").read_text()).headings == ["Summary"]


def test_nothing_measured(tmp_path):
    measure(["missing.fits"], out=tmp_path / "run", progress=False, classify=False)
    assert Page(write_report(tmp_path / "run").read_text()).headings == [
        "Summary", "Distributions", "Flags"]


def test_command(folder, tmp_path, capsys, monkeypatch):
    assert main(["report", str(folder), "--pictures", "1"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    assert main(["compare", str(folder), str(folder / "catalogue.parquet"), "--plot",
                 str(tmp_path / "c.png"), "--out", str(tmp_path / "c.ecsv")]) == 0
    assert "6 galaxies in both" in capsys.readouterr().out
    assert (tmp_path / "c.png").stat().st_size > 5000 and (tmp_path / "c.ecsv").exists()
    write_table(QTable({"a": [1]}), tmp_path / "other.ecsv")
    monkeypatch.chdir(tmp_path)
    for argv, text in (
            (["report", "no"], "there is no file 'no'"),
            (["report", "other.ecsv", "--out", "x.html"], "no catalogue of kinmis.measure"),
            (["report", "."], "there is no table 'catalogue.parquet'"),
            (["compare", "other.ecsv", "other.ecsv"], "has no column 'id'"),
            (["compare", "no", "other.ecsv"], "there is no file 'no'"),
            (["compare", "other.ecsv", "other.ecsv", "--plot", "c.png"], "'c.png' exists")):
        assert main(argv) == 2
        err = capsys.readouterr().err
        assert text in err and "Traceback" not in err
