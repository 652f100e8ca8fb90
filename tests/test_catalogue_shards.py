"""Shards of a long run: no damage goes unseen, none is taken for another, and what made them."""

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from survey_files import assert_same_tables, report, write_survey

from kinmis import measure, mock
from kinmis.catalogue import measure_into, read_table
from kinmis.catalogue.folder.identity import identity, same_inputs

HOW = {"chunk_size": 4, "progress": False, "classify": False}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_survey(tmp_path_factory.mktemp("survey"), 11)


def test_damaged_shards_are_made_anew(files, tmp_path):
    out = tmp_path / "run"
    measure(files, out=out, **HOW)
    content = (out / "catalogue.parquet").read_bytes()
    paths = sorted((out / "shards").iterdir())
    paths[0].write_bytes(paths[0].read_bytes()[:1000])
    paths[1].write_bytes(b"")
    paths[2].unlink()
    measure(files, out=out, **HOW)
    assert report(out)["chunks_kept"] == 0
    assert (out / "catalogue.parquet").read_bytes() == content


def test_no_damage_goes_unseen(files, tmp_path):
    folder = measure_into(files[:4], tmp_path / "run", **HOW)
    inputs, path = folder.inputs(files[:4]), folder.shard_path(0)
    data = path.read_bytes()
    assert folder.valid(0, inputs) is not None
    for place in np.linspace(0, len(data) - 1, 500).astype(int):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert folder.valid(0, inputs) is None, place
    path.write_bytes(data)
    assert folder.valid(0, inputs) is not None


def test_shards_are_not_confused(files, tmp_path):
    out = tmp_path / "run"
    measure(files, out=out, **HOW)
    content = (out / "catalogue.parquet").read_bytes()
    first, second, _ = sorted((out / "shards").iterdir())
    second.write_bytes(first.read_bytes())
    measure(files, out=out, **HOW)
    assert report(out)["chunks_kept"] == 2
    assert (out / "catalogue.parquet").read_bytes() == content


def test_table_is_written_in_groups(files, tmp_path, monkeypatch):
    from kinmis.catalogue.folder import assemble
    monkeypatch.setattr(assemble, "ROWS_TOGETHER", 5)
    folder = measure_into(files, tmp_path / "run", **HOW)
    assert parquet.ParquetFile(folder.table).num_row_groups == 2
    assert_same_tables(read_table(folder.table), measure(files, **HOW))


def test_identity(files):
    name, state = identity(files[0])
    assert identity(files[0]) == (name, state) and identity(Path(files[0])) == (name, state)
    assert identity("8485-1901")[1] == identity(None)[1] == "absent"
    galaxy = mock.galaxy(40, size=8., seed=1)
    same, other = mock.galaxy(40, size=8., seed=1), mock.galaxy(40, size=8., seed=2)
    assert identity(galaxy) == identity(same) != identity(other)
    assert identity(galaxy.stellar) != identity(galaxy.gas)
    assert not same_inputs([identity(object())], [identity(object())])
    assert same_inputs([("a", "1")], [("a", "absent")])
    assert not same_inputs([("a", "absent")], [("a", "1")])
    assert not same_inputs([("a", "1")], [("b", "1")])
    assert not same_inputs([], [("a", "1")])


def test_objects_are_recognised(tmp_path):
    galaxies = [mock.galaxy(40, 100, size=8., seed=seed) for seed in range(3)]
    measure(galaxies, out=tmp_path / "run", **HOW)
    measure(galaxies, out=tmp_path / "run", **HOW)
    assert report(tmp_path / "run")["chunks_kept"] == 1
    galaxies[1] = mock.galaxy(41, 100, size=8., seed=1)
    measure(galaxies, out=tmp_path / "run", **HOW)
    assert report(tmp_path / "run")["chunks_kept"] == 0
