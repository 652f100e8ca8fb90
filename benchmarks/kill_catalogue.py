"""
Kill a run again and again, and see whether its table stays the same.

    python benchmarks/kill_catalogue.py [--galaxies 500] [--moments 30] [--seed 1]

A run of mock galaxies into a folder is killed (kill -9) at random moments, the parent and one of
its workers in turn; after each the same command goes on. At the end the table must be that of a
run that nothing disturbed, value for value and bit for bit, the date aside. That is done until
there were so many moments: a run that comes to its end is begun anew.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from pyarrow import parquet

from kinmis import mock


def start(names, out):
    """Begin a run with two workers."""
    return subprocess.Popen(
        [sys.executable, "-m", "kinmis", "measure", "--list", str(names), "--out", str(out),
         "--workers", "2", "--chunk-size", "25", "--classify", "no", "--quiet"])


def content(out):
    """Return the table, and its metadata without the date."""
    table = parquet.read_table(out / "catalogue.parquet")
    document = json.loads(table.schema.metadata[b"kinmis"])
    del document["meta"]["kinmis"]["date"]
    return table.replace_schema_metadata(), document


def same(one, other):
    """Whether two runs have the same content, and none has a row twice or lost."""
    (first, facts), (second, others) = content(one), content(other)
    return facts == others and first.equals(second) and first.schema.equals(second.schema)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--galaxies", type=int, default=500)
    parser.add_argument("--moments", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "files").mkdir()
        made = [str(mock.write_maps(mock.galaxy(17 * i % 360, 61 * i % 360, seed=i, bins=200,
                                                size=16.), folder / "files")) for i in range(50)]
        names = folder / "list.txt"
        names.write_text("\n".join(made[i % 50] for i in range(arguments.galaxies)))
        begin = time.perf_counter()
        assert start(names, folder / "whole").wait() == 0
        whole = time.perf_counter() - begin
        print(f"undisturbed: {whole:.1f} s")
        moments, runs, kept = {"parent": 0, "worker": 0}, 0, []
        out = folder / "run"
        while sum(moments.values()) < arguments.moments:
            process = start(names, out)
            time.sleep(chance.uniform(0.1, 1) * whole)
            victim = min(moments, key=moments.get)
            if process.poll() is None:
                try:
                    children = psutil.Process(process.pid).children()
                except psutil.NoSuchProcess:
                    children = []
                if victim == "parent":
                    process.kill()
                    moments["parent"] += 1
                elif children:
                    chance.choice(children).kill()
                    moments["worker"] += 1
            if process.wait() == 0:
                runs += 1
                assert same(out, folder / "whole"), "the tables differ"
                kept.append(json.loads((out / "last_run.json").read_text())["chunks_kept"])
                shutil.rmtree(out)
        if out.exists():
            assert start(names, out).wait() == 0
            runs += 1
            assert same(out, folder / "whole"), "the tables differ"
        print(f"killed at {moments['parent']} moments the parent, at {moments['worker']} a worker; "
              f"{runs} runs came to their end, all with the same table")
        print(f"chunks that a run found done at its last start: {kept}")


if __name__ == "__main__":
    main()
