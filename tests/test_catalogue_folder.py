"""Long runs into a folder: shards, resuming, what must not be mixed, and the final table."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, Table
from pyarrow import parquet
from survey_files import assert_same_content, assert_same_tables, report, write_survey

from kinmis import measure, mock
from kinmis.catalogue import measure_into, read_table
from kinmis.catalogue.folder import Folder, RunInProgressError, is_folder
from kinmis.catalogue.folder.lock import FolderLock
from kinmis.catalogue.folder.manifest import Manifest

CHUNK = 4
HOW = {"chunk_size": CHUNK, "progress": False, "classify": False}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_survey(tmp_path_factory.mktemp("survey"), 11)


def shards(folder):
    """From file name to time of change."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "shards").iterdir()}


def test_folder_and_memory_give_one_table(files, tmp_path):
    sources = [*files, "missing.fits"]
    table = measure(sources, out=tmp_path / "run", **HOW)
    assert isinstance(table, QTable)
    assert_same_tables(table, measure(sources, **HOW))
    assert is_folder(tmp_path / "run") and not is_folder(tmp_path)
    assert sorted(shards(tmp_path / "run")) == [f"{i:06d}.parquet" for i in range(3)]
    facts = table.meta["kinmis"]
    assert facts["options"]["model"] is None
    assert facts["date"] == Manifest.read(tmp_path / "run" / "manifest.json").created
    for name in ("stellar_pa", "misalignment"):
        assert table[name].unit == u.deg
        assert table[name].info.description and table[name].info.meta["ucd"]


def test_nothing_is_measured_twice(files, tmp_path, monkeypatch):
    from kinmis.catalogue import stages
    out = tmp_path / "run"
    first = measure(files, out=out, **HOW)
    before = shards(out), (out / "catalogue.parquet").read_bytes()
    assert report(out)["galaxies_measured"] == len(files)
    monkeypatch.setattr(stages, "_as_galaxy", lambda *_: pytest.fail("measured again"))
    second = measure(files, out=out, **HOW)
    assert (shards(out), (out / "catalogue.parquet").read_bytes()) == before
    assert_same_tables(first, second)
    assert report(out)["chunks_kept"] == 3 and report(out)["galaxies_measured"] == 0


def test_interruption(files, tmp_path, monkeypatch):
    from kinmis.catalogue import stages
    read, seen = stages._as_galaxy, []

    def interrupted(source, options):
        seen.append(source)
        if len(seen) == 7:
            raise KeyboardInterrupt
        return read(source, options)
    with monkeypatch.context() as patch:
        patch.setattr(stages, "_as_galaxy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            measure(files, out=tmp_path / "a", **HOW)
    assert len(shards(tmp_path / "a")) == 1
    with pytest.raises(FileNotFoundError, match="has not come to its end"):
        read_table(tmp_path / "a")
    measure(files, out=tmp_path / "a", **HOW)
    assert report(tmp_path / "a")["chunks_kept"] == 1
    measure(files, out=tmp_path / "b", **HOW)
    assert_same_content(tmp_path / "a", tmp_path / "b")


def test_changed_file_is_measured_again(files, tmp_path):
    folder = tmp_path / "files"
    own = write_survey(folder, 6)
    measure(own, out=tmp_path / "run", **HOW)
    before = shards(tmp_path / "run")
    mock.write_maps(mock.galaxy(200, 20, size=8., bins=60, seed=5, id="9005-1901"), folder,
                    overwrite=True)
    table = measure(own, out=tmp_path / "run", **HOW)
    after = shards(tmp_path / "run")
    assert [name for name in before if before[name] != after[name]] == ["000001.parquet"]
    assert abs(table["stellar_pa"][5].value - 200) < 5


def test_file_that_has_gone_keeps_its_row(tmp_path):
    own = write_survey(tmp_path / "files", 3)
    first = measure(own, out=tmp_path / "run", **HOW)
    os.unlink(own[1])
    assert_same_tables(measure(own, out=tmp_path / "run", **HOW), first)


def test_file_that_comes_is_measured(tmp_path):
    own = write_survey(tmp_path / "files", 3)
    hidden = Path(own[1]).rename(tmp_path / "hidden")
    assert list(measure(own, out=tmp_path / "run", **HOW)["status"]) == ["ok", "failed", "ok"]
    hidden.rename(own[1])
    table = measure(own, out=tmp_path / "run", **HOW)
    assert_same_tables(table, measure(own, **HOW))
    assert list(table["status"]) == ["ok"] * 3


def test_retry_failed(files, tmp_path, monkeypatch):
    from kinmis.catalogue import stages
    read = stages._as_galaxy

    def unreachable(source, options):
        if source == files[5]:
            raise ConnectionError("no network")
        return read(source, options)
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(stages, "_as_galaxy", unreachable)
        assert "failed" in measure(files, out=out, **HOW)["status"]
    assert "failed" in measure(files, out=out, **HOW)["status"]
    before = shards(out)
    table = measure(files, out=out, retry_failed=True, **HOW)
    assert [name for name, time in shards(out).items() if time != before[name]] == [
        "000001.parquet"]
    assert_same_tables(table, measure(files, **HOW))


def test_retry_asks_nobody_twice(files, tmp_path, monkeypatch):
    from kinmis.catalogue import stages
    read, asked, down = stages._as_galaxy, [], {"name 5", "name 6"}

    def from_afar(source, options):
        asked.append(source)
        if source in down:
            raise ConnectionError("no network")
        return read(files[int(source.split()[1])], options)
    monkeypatch.setattr(stages, "_as_galaxy", from_afar)
    names, out = [f"name {number}" for number in range(len(files))], tmp_path / "run"
    table = measure(names, out=out, **HOW)
    assert set(table["source"][table["status"] == "failed"]) == down
    down.remove("name 5")
    asked.clear()
    again = measure(names, out=out, retry_failed=True, **HOW)
    assert asked == ["name 5", "name 6"]
    assert report(out)["galaxies_measured"] == 2 and report(out)["chunks_kept"] == 2
    assert list(again["source"]) == names
    assert list(again["status"] == "failed") == [name == "name 6" for name in names]
    others = [place for place in range(len(names)) if place != 5]
    assert_same_tables(again[others], table[others])
    np.testing.assert_allclose(again["stellar_pa"][5].value,
                               measure(files[5], **HOW)["stellar_pa"][0].value, rtol=1e-6)
    # and what goes on knows what is there
    assert measure(names, out=out, **HOW)["status"].tolist() == again["status"].tolist()
    assert report(out)["galaxies_measured"] == 0


@pytest.mark.parametrize("change, text", [
    ({"weights": "area"}, "options.fit.weights: 'bins' there, 'area' now"),
    ({"threshold": 20 * u.deg}, "options.threshold_deg: 30.0 there, 20.0 now"),
    ({"chunk_size": 5}, "chunk_size: 4 there, 5 now"),
    ({"clean": False}, "options.clean: True there, False now"),
    ({"fit_options": {"rmax": 3 * u.arcsec}}, "options.fit.rmax: None there, '3.0 arcsec' now"),
])
def test_other_options_are_refused(files, tmp_path, change, text):
    out = tmp_path / "run"
    measure(files[:2], out=out, **HOW)
    before = shards(out), (out / "catalogue.parquet").read_bytes()
    with pytest.raises(ValueError, match="must not be mixed") as caught:
        measure(files[:2], out=out, **{**HOW, **change})
    assert text in str(caught.value) and str(out) in str(caught.value)
    assert (shards(out), (out / "catalogue.parquet").read_bytes()) == before
    table = measure(files[:2], out=out, overwrite=True, **{**HOW, **change})
    assert_same_tables(table, measure(files[:2], **{**HOW, **change}))


def edit_manifest(out, edit):
    path = out / "manifest.json"
    facts = json.loads(path.read_text())
    edit(facts)
    path.write_text(json.dumps(facts))


def test_other_versions_and_models_are_refused(files, tmp_path):
    out = tmp_path / "run"
    measure(files[:1], out=out, **HOW)
    edit_manifest(out, lambda facts: facts["key"]["versions"].update(kinmis="0.0.1"))
    with pytest.raises(ValueError, match=r"versions.kinmis: '0.0.1' there"):
        measure(files[:1], out=out, **HOW)
    measure(files[:1], out=out, overwrite=True, **HOW)
    edit_manifest(out, lambda facts: facts["key"]["options"].update(model="other 1"))
    with pytest.raises(ValueError, match="options.model: 'other 1' there, None now"):
        measure(files[:1], out=out, **HOW)
    edit_manifest(out, lambda facts: facts.update(layout=99))
    with pytest.raises(ValueError, match="another layout"):
        measure(files[:1], out=out, **HOW)
    (out / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        measure(files[:1], out=out, **HOW)
    assert len(measure(files[:1], out=out, overwrite=True, **HOW)) == 1


def test_no_resume(files, tmp_path):
    measure(files[:1], out=tmp_path / "run", resume=False, **HOW)
    with pytest.raises(FileExistsError, match="holds a catalogue; ask for overwrite"):
        measure(files[:1], out=tmp_path / "run", resume=False, **HOW)


def test_folder_with_other_things(files, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match="choose another folder"):
            measure(files[:1], out=tmp_path, overwrite=overwrite, **HOW)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(FileExistsError, match="is a file; name a folder"):
        measure_into(files[:1], tmp_path / "thesis.tex", **HOW)


def test_changed_list(files, tmp_path):
    out = tmp_path / "run"
    measure(files, out=out, **HOW)
    longer = measure([*files, files[0]], out=out, **HOW)
    assert report(out)["chunks_kept"] == 2
    assert_same_tables(longer, measure([*files, files[0]], **HOW))
    shorter = measure(files[:5], out=out, **HOW)
    assert report(out)["chunks_kept"] == 1 and len(shards(out)) == 2
    assert_same_tables(shorter, measure(files[:5], **HOW))
    turned = measure(files[::-1], out=out, **HOW)
    assert report(out)["chunks_kept"] == 0
    assert list(turned["source"]) == files[::-1]


def test_same_source_twice(files, tmp_path):
    table = measure([files[0], files[1], files[0]], out=tmp_path / "run", **HOW)
    assert list(table["source"]) == [files[0], files[1], files[0]]


def test_no_sources(tmp_path):
    table = measure([], out=tmp_path / "run", **HOW)
    assert len(table) == 0 and table.colnames == measure([], **HOW).colnames
    assert table["stellar_pa"].unit == u.deg


def test_sources_may_come_one_by_one(files, tmp_path):
    a = measure((file for file in files), out=tmp_path / "run", **HOW)
    b = measure((file for file in files), out=tmp_path / "run", **HOW)
    assert report(tmp_path / "run")["chunks_kept"] == 3
    assert_same_tables(a, b)


def test_columns_of_the_input(files, tmp_path):
    table = QTable({"path": files, "mass": np.arange(len(files)) * u.Msun,
                    "note": ["café"] * len(files), "ID": np.arange(len(files))},
                   meta={"sample": "mine"})
    made = measure(table, out=tmp_path / "run", **HOW)
    there = measure(table, **HOW)
    assert made.colnames[:4] == ["path", "mass", "note", "ID_input"]
    assert made.meta["input"] == there.meta["input"] == {"sample": "mine"}
    assert_same_tables(made, there)
    assert made["mass"].unit == u.Msun
    other = QTable(table, copy=True)
    other["mass"] = 5 * u.Msun
    assert measure(other, out=tmp_path / "run", **HOW)["mass"][1] == 5 * u.Msun
    assert report(tmp_path / "run")["chunks_kept"] == 3


def test_others_read_the_table(files, tmp_path):
    import pandas
    import polars
    expected = measure([*files, "missing"], out=tmp_path / "run", **HOW)
    path = tmp_path / "run" / "catalogue.parquet"
    frame = pandas.read_parquet(path)
    np.testing.assert_array_equal(frame["stellar_pa"], expected["stellar_pa"].filled(np.nan).value)
    lazy = polars.scan_parquet(path).filter(polars.col("status") == "ok").collect()
    assert len(lazy) == len(files)
    assert polars.read_parquet(tmp_path / "run" / "shards" / "*.parquet").shape == (
        polars.read_parquet(path).shape)
    with warnings.catch_warnings():
        # it looks for how long the text is, and finds it out by itself
        warnings.filterwarnings("ignore", "No table::len")
        astropy = Table.read(path, format="parquet.votable")
        assert Table.read(path).colnames == astropy.colnames
    assert list(astropy["source"].astype(str)) == [*files, "missing"]
    np.testing.assert_array_equal(astropy["gas_pa"].data, expected["gas_pa"].filled(np.nan).value)
    assert astropy["gas_pa"].unit == u.deg
    arrow = parquet.read_table(path)
    assert arrow.schema.field("stellar_pa").metadata[b"unit"] == b"deg"
    assert arrow.column("stellar_pa").null_count == 1
    some = read_table(tmp_path / "run", ["status", "gas_pa"])
    assert some.colnames == ["status", "gas_pa"] and some["gas_pa"].unit == u.deg


def test_second_run_is_refused(files, tmp_path):
    out = tmp_path / "run"
    folder = Folder(out)
    held = subprocess.Popen(
        [sys.executable, "-c", "import sys\nfrom pathlib import Path\n"
         "from kinmis.catalogue.folder.lock import FolderLock\n"
         "with FolderLock(Path(sys.argv[1])):\n print('held', flush=True)\n sys.stdin.read()",
         str(tmp_path / "run.lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert held.stdout.readline() == b"held\n"
        with pytest.raises(RunInProgressError, match=f"process {held.pid} on "):
            with FolderLock(tmp_path / "run.lock"):
                pytest.fail("two hold one lock")
        held.kill()
        held.wait()
        with FolderLock(tmp_path / "run.lock"):
            pass
    finally:
        held.kill()
        held.communicate()
    measure(files[:1], out=out, **HOW)
    key = Manifest.read(out / "manifest.json").key
    with folder.open(key):
        with pytest.raises(RunInProgressError, match="another run writes to"):
            measure(files[:1], out=out, **HOW)
        with pytest.raises(RunInProgressError):
            measure(files[:1], out=out, overwrite=True, **HOW)
    assert len(measure(files[:1], out=out, **HOW)) == 1


def test_without_pyarrow(files, tmp_path, monkeypatch):
    from kinmis.catalogue import into
    monkeypatch.setattr(into, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'kinmis\[parquet\]'"):
        measure(files[:1], out=tmp_path / "run", **HOW)
    assert not list(tmp_path.iterdir())


def test_classification_is_an_option(monkeypatch, files):
    from kinmis.catalogue import classification
    with pytest.raises(ValueError, match="classify must be True, False or 'auto'"):
        measure(files[:1], classify="maybe")
    monkeypatch.setattr(classification, "NEEDS", ("no_such_package",))
    with pytest.raises(ImportError, match=r"kinmis\[classifier\]"):
        measure(files[:1], classify=True)
    table = measure(files[:1], classify="auto")
    assert table.meta["kinmis"]["options"]["model"] is None
    assert table["stellar_quality"].mask.all()
