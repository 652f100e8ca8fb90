"""``kinmis classify``, and quality in ``kinmis plot`` and ``kinmis demo``."""

import re

import numpy as np
import pytest
from classifier_helper import tiny_model
from test_cli import run

from kinmis import Galaxy, mock
from kinmis.catalogue import read_table
from kinmis.classifier import model_id


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    good = mock.write_maps(mock.galaxy(40, 43, size=12., seed=1, id="9000-1901"), folder)
    alone = folder / "alone.fits"
    mock.velocity_field(40, size=12., noise=8., seed=2, component="gas",
                        id="alone").write(alone, format="kinmis")
    return [str(good), str(alone)]


def test_shows_a_table(capsys, files):
    code, out, err = run(capsys, "classify", *files)
    assert code == 0
    head, rule, *rows = out.splitlines()
    assert head.split() == ["galaxy", "component", "quality", "label", "usable", "P(0)", "P(1)",
                            "P(2)", "ood", "remarks"]
    assert len(rows) == 3
    assert re.match(r"9000-1901 stellar +2 +clean +(0\.9\d|1\.00) +0\.0\d ", rows[0])
    assert rows[1].split()[:2] == ["9000-1901", "gas"]
    assert rows[2].split()[:2] == ["alone", "gas"]
    assert re.match(r"3 fields in \d+\.\d s: [123] clean", err)


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".vot", ".parquet"])
def test_writes_a_table(capsys, files, tmp_path, suffix):
    path = tmp_path / f"quality{suffix}"
    code, out, err = run(capsys, "classify", *files, "--out", path)
    assert (code, out) == (0, "") and err.endswith(f"written to {path}\n")
    table = read_table(path)
    assert table["component"].tolist() == ["stellar", "gas", "gas"]
    assert table["source"].tolist() == [files[0], files[0], files[1]]
    assert table["paired"].tolist() == [True, True, False]
    assert table.meta["kinmis"]["options"]["model"] == model_id()
    assert "keras" in table.meta["kinmis"]["versions"]
    one = Galaxy.read(files[0]).classify().gas
    assert table["usable"][1] == pytest.approx(one.usable, abs=1e-6)
    assert table["quality_p2"][1] == pytest.approx(one.probabilities[2], abs=1e-6)
    code, out, err = run(capsys, "classify", files[0], "--out", path)
    assert code == 2 and "give --overwrite to replace it" in err
    assert run(capsys, "classify", files[0], "--out", path, "--overwrite", "--quiet")[0] == 0
    assert len(read_table(path)) == 2


def test_files_that_fail(capsys, files, tmp_path):
    broken = tmp_path / "broken.fits"
    broken.write_bytes(b"nothing of use")
    path = tmp_path / "t.ecsv"
    code, out, err = run(capsys, "classify", broken, files[0], "missing", "--out", path)
    assert code == 1
    assert "2 of 3 could not be read" in err and "no format knows it as a name" in err
    table = read_table(path)
    assert table["quality"].mask.tolist() == [True, False, False, True]
    assert "FileNotFoundError" in table["message"][3]
    code, out, err = run(capsys, "classify", "missing", "--quiet")
    assert (code, err) == (1, "") and "no format knows it" in out


def test_empty_field(capsys, tmp_path):
    galaxy = mock.galaxy(40, size=12., seed=1, id="empty")
    empty = galaxy.gas._replace(mask=np.ones(galaxy.gas.shape, bool), partner=None)
    path = tmp_path / "empty.fits"
    Galaxy(stellar=galaxy.stellar, gas=empty).write(path, format="kinmis")
    code, out, err = run(capsys, "classify", path)
    assert code == 0 and "no data" in out.splitlines()[3]
    assert "1 no data" in err


def test_list_and_options(capsys, files, tmp_path):
    names = tmp_path / "list.txt"
    names.write_text("\n".join(files))
    code, out, err = run(capsys, "classify", "--list", names, "--min-confidence", "1")
    assert code == 0 and out.count("undecided") == 3 and "3 undecided" in err
    code, out, err = run(capsys, "classify", files[0], "--format", "manga-dap", "--no-clean",
                         "--progress")
    assert code == 0


def test_model_of_your_own(capsys, files, tmp_path):
    tiny_model().save(tmp_path / "model")
    out = tmp_path / "t.ecsv"
    assert run(capsys, "classify", files[0], "--model", tmp_path / "model", "--out", out)[0] == 0
    assert read_table(out).meta["kinmis"]["options"]["model"].startswith("tiny 0 (")
    (tmp_path / "model" / "outliers.npz").write_bytes(b"")
    code, _, err = run(capsys, "classify", files[0], "--model", tmp_path / "model")
    assert code == 2 and "is damaged or altered" in err


@pytest.mark.parametrize("argv, match", [
    ([], "nothing to classify: name files, or give --list"),
    (["x", "--min-confidence", "0.3"], "--min-confidence must lie between 0.5 and 1"),
    (["x", "--min-confidence", "y"], "invalid float value"),
    (["x", "--out", "y.z"], "'y.z' has no suffix of a table format"),
    (["x", "--format", "y"], "there is no format 'y'"),
    (["x", "--format", "manga-dap", "--reader", "y=1"], "no option y"),
    (["x", "--model", "y"], "y holds no model: model.json is missing"),
    (["x", "--list", "y"], "there is no list 'y'")])
def test_wrong_usage(capsys, tmp_path, monkeypatch, argv, match):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "classify", *argv)
    assert (code, out) == (2, "") and match in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["classify", "train"])
def test_help(capsys, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = run(capsys, name, "--help")
    assert (code, err) == (0, "") and "examples:\n  kinmis" in out
    assert max(map(len, out.splitlines())) <= 92


def test_missing_extra(capsys, files, monkeypatch):
    from kinmis.classifier import model

    def gone(*ignored):
        raise ImportError('classification needs keras: pip install "kinmis[classifier]"')
    monkeypatch.setattr(model.Classifier, "load", gone)
    model.load_model.cache_clear()
    code, out, err = run(capsys, "classify", files[0])
    assert code == 2 and 'pip install "kinmis[classifier]"' in err


def test_plot_says_the_quality(capsys, files, tmp_path):
    out = tmp_path / "galaxy.svg"
    import matplotlib
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        assert run(capsys, "plot", files[0], "--classify", "--out", out)[0] == 0
    assert out.read_text().count("quality: clean (usable 0.9") >= 1


def test_demo_says_the_quality(capsys, tmp_path):
    code, out, err = run(capsys, "demo", "--out", tmp_path / "demo")
    assert code == 0
    head = next(line for line in out.splitlines() if line.strip().startswith("model galaxy"))
    assert "quality stars quality gas" in " ".join(head.split())
    assert "do not use" in next(line for line in out.splitlines()
                                if line.startswith("gas does not rotate"))
