"""Runs that are killed, find the disk full or their files gone: the table stays the same."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from survey_files import assert_same_content, write_survey

from kinmis.catalogue.folder import Folder
from kinmis.catalogue.folder.manifest import Manifest

COUNT, CHUNK = 48, 4


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """A list of sources, and the folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("survey")
    files = write_survey(folder / "files", 12)
    files = [files[i % len(files)] for i in range(COUNT - 1)] + [str(folder / "missing.fits")]
    (folder / "list.txt").write_text("\n".join(files))
    assert finish(run(folder / "list.txt", folder / "undisturbed"))[0] == 1
    return folder


def run(sources, out, *options, workers=2, limited=False):
    command = [sys.executable, "-m", "kinmis", "measure", "--list", str(sources), "--out",
               str(out), "--workers", str(workers), "--chunk-size", str(CHUNK), "--classify",
               "no", "--quiet", *options]
    if limited:
        # no file above 2 kB. SIGXFSZ is ignored by Python: what is written beyond fails, as on
        # a full disk. The shell sets the limit, since a process with JAX in it must not fork.
        command = ["bash", "-c", 'ulimit -f 2; exec "$@"', "limited", *command]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def finish(process):
    _, err = process.communicate(timeout=120)
    return process.returncode, err.decode()


def shards(out):
    return len(list((out / "shards").glob("*.parquet"))) if (out / "shards").exists() else 0


def wait_for(condition, process, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


@pytest.mark.parametrize("moment", range(6))
def test_parent_is_killed(survey, tmp_path, moment):
    out, chance = tmp_path / "run", random.Random(moment)
    process = run(survey / "list.txt", out)
    # from before the first shard to after the last, and between the writing of two
    wait_for(lambda: shards(out) >= 2 * moment, process)
    time.sleep(chance.uniform(0, 0.03))
    process.kill()
    process.communicate()
    kept = shards(out)
    assert finish(run(survey / "list.txt", out))[0] == 1
    report = json.loads((out / "last_run.json").read_text())
    assert report["chunks_kept"] == kept
    assert_same_content(out, survey / "undisturbed")
    assert not list(out.rglob("*.part"))


def test_workers_are_killed(survey, tmp_path):
    out = tmp_path / "run"
    process = run(survey / "list.txt", out)
    parent, killed, seen = psutil.Process(process.pid), 0, 0
    while killed < 3:
        # all of them: what is left waits for new ones, so that the run can't end meanwhile
        wait_for(lambda: shards(out) > seen, process)
        if process.poll() is not None:
            break
        seen = shards(out)
        children = parent.children()
        for child in children:
            child.kill()
        killed += bool(children)
    assert finish(process)[0] == 1
    assert killed >= 2
    assert_same_content(out, survey / "undisturbed")


def small_disk(folder):
    """Mount a file system of a few shards; return whether that is allowed."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(folder)],
                          capture_output=True)
    return done.returncode == 0


def test_disk_is_full(survey, tmp_path):
    disk = tmp_path / "disk"
    if small_disk(disk):
        try:
            code, err = finish(run(survey / "list.txt", disk / "run"))
            kept = shards(disk / "run")
            assert 0 < kept < COUNT // CHUNK
            assert "No space left" in err
            shutil.copytree(disk / "run", tmp_path / "run")
        finally:
            subprocess.run(["umount", str(disk)], check=True)
    else:
        code, err = finish(run(survey / "list.txt", tmp_path / "run", limited=True))
        kept = shards(tmp_path / "run")
        assert "File too large" in err
    assert code == 1 and "Traceback" not in err
    assert "What is done is kept" in err
    assert not list((tmp_path / "run").rglob("*.part"))
    assert finish(run(survey / "list.txt", tmp_path / "run"))[0] == 1
    assert json.loads((tmp_path / "run" / "last_run.json").read_text())["chunks_kept"] == kept
    assert_same_content(tmp_path / "run", survey / "undisturbed")


def test_table_finds_the_disk_full(survey, tmp_path):
    out = tmp_path / "run"
    finish(run(survey / "list.txt", out))
    before = (out / "catalogue.parquet").read_bytes()
    code, err = finish(run(survey / "list.txt", out, limited=True))
    assert code == 1 and "File too large" in err
    assert (out / "catalogue.parquet").read_bytes() == before
    assert not list(out.rglob("*.part"))


def test_inputs_vanish_and_come_back(survey, tmp_path):
    files = write_survey(tmp_path / "files", 12)
    sources = tmp_path / "list.txt"
    sources.write_text("\n".join(files))
    assert finish(run(sources, tmp_path / "whole"))[0] == 0
    away = tmp_path / "away"
    away.mkdir()
    for path in files[3:8]:
        shutil.move(path, away)
    broken = Path(files[10])
    content, times = broken.read_bytes(), broken.stat()
    broken.write_bytes(content[:3000])
    assert finish(run(sources, tmp_path / "run"))[0] == 1
    for path in away.iterdir():
        shutil.move(path, tmp_path / "files")
    broken.write_bytes(content)
    os.utime(broken, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert finish(run(sources, tmp_path / "run"))[0] == 0
    assert_same_content(tmp_path / "run", tmp_path / "whole")


def test_two_runs_at_once(survey, tmp_path):
    out = survey / "undisturbed"
    before = (out / "catalogue.parquet").read_bytes()
    with Folder(out).open(Manifest.read(out / "manifest.json").key):
        for option in ("--retry-failed", "--overwrite"):
            code, err = finish(run(survey / "list.txt", out, option))
            assert code == 1
            assert "another run writes to" in err and f"process {os.getpid()} on" in err
    assert (out / "catalogue.parquet").read_bytes() == before


def test_interrupted_by_hand(survey, tmp_path):
    out = tmp_path / "run"
    process = run(survey / "list.txt", out)
    wait_for(lambda: shards(out) > 2, process)
    process.send_signal(signal.SIGINT)
    code, err = finish(process)
    assert code == 130 and "Traceback" not in err
    assert "interrupted" in err
    assert finish(run(survey / "list.txt", out))[0] == 1
    assert_same_content(out, survey / "undisturbed")
