"""
What a catalogue of a million galaxies costs beside the measuring: disk, memory, time.

    python benchmarks/bench_million.py [--galaxies 1000000] [--out docs/measured/million.json]

One chunk of mock galaxies is measured; its rows, a little changed, stand for those of all others.
A folder with as many shards as a million galaxies have is written with them, and the very command
of a survey goes on with it: it reads the list, looks at every file of the list and at every shard,
and puts the table together, in a process of its own whose largest memory is noted. So all is
measured but the measuring itself, which is so much a galaxy (``bench_catalogue.py``).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

from kinmis import mock
from kinmis.catalogue import measure_chunk, measure_into
from kinmis.catalogue.folder import Folder
from kinmis.catalogue.into import CHUNK_SIZE
from kinmis.catalogue.options import options_of

#: Run in a process of its own; the last line is the largest memory in MB.
_RUN = """
import sys
from kinmis.catalogue import measure_into, read_table
if sys.argv[1] == "go on":
    names = open(sys.argv[3]).read().splitlines()
    folder = measure_into(names, sys.argv[2], classify=False, progress=False)
elif sys.argv[1] == "list":
    names = open(sys.argv[3]).read().splitlines()
elif sys.argv[1] == "some columns":
    read_table(sys.argv[2], ["id", "stellar_pa", "gas_pa", "misalignment", "flags"])
else:
    read_table(sys.argv[2])
print([float(line.split()[1]) / 1024 for line in open("/proc/self/status") if "VmHWM" in line][0])
"""


def timed(what, out, names):
    """Do something with the folder in a process of its own; return seconds and MB."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-P", "-c", _RUN, what, str(out), str(names)],
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.perf_counter() - start, float(done.stdout.splitlines()[-1])


def write_folder(out, names, files):
    """Write a run of which every shard is there; return the seconds that each takes."""
    # the files come round again with every chunk, so that all have the same inputs
    assert CHUNK_SIZE % files == 0
    first = names[:CHUNK_SIZE]
    measure_into(first, out, classify=False, progress=False)
    folder, chance = Folder(out), np.random.default_rng(1)
    arrays = measure_chunk(first, options_of(classify=False))
    seconds = 0.
    for number in range(len(names) // CHUNK_SIZE):
        # numbers and names that repeat would take less room than those of a survey
        rows = {name: array * chance.normal(1, 1e-3, len(array)) if array.dtype.kind == "f"
                else array for name, array in arrays.items()}
        rows["id"] = np.ma.array([f"{number:05d}-{name}" for name in arrays["id"]], object)
        start = time.perf_counter()
        folder.add(number, rows, folder.inputs(first))
        seconds += time.perf_counter() - start
    return seconds / (number + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--galaxies", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=64, help="different files among them")
    parser.add_argument("--out", type=Path, help="JSON file for the documentation")
    arguments = parser.parse_args()
    shards = -(-arguments.galaxies // CHUNK_SIZE)
    told = {"date": date.today().isoformat(), "script": Path(__file__).name,
            "galaxies": shards * CHUNK_SIZE, "chunk": CHUNK_SIZE, "shards": shards}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "files").mkdir()
        made = [str(mock.write_maps(mock.galaxy(
            pa_stellar=9 * i % 360, pa_gas=7 * i % 360, seed=i, bins=None if i % 2 else 150,
            size=16), folder / "files")) for i in range(arguments.files)]
        names = (made * (CHUNK_SIZE // len(made))) * shards
        names_file = folder / "names.txt"
        names_file.write_text("\n".join(names))
        out = folder / "catalogue"
        told["add_ms"] = 1e3 * write_folder(out, names, len(made))
        for what, key in (("list", "list"), ("go on", "go_on"),
                          ("some columns", "some_columns"), ("whole", "whole")):
            seconds, largest = timed(what, out, names_file)
            told[key] = {"seconds": seconds, "MB": largest}
            print(f"{what}: {seconds:.1f} s, {largest:.0f} MB", flush=True)
        told["table_MB"] = (out / "catalogue.parquet").stat().st_size / 1e6
        told["shards_MB"] = sum(path.stat().st_size
                                for path in (out / "shards").iterdir()) / 1e6
    told["output"] = "\n".join([
        f"{told['galaxies']} galaxies: {shards} shards of "
        f"{1e3 * told['shards_MB'] / shards:.0f} kB, {told['shards_MB']:.0f} MB together; the "
        f"table has {told['table_MB']:.0f} MB",
        f"write a shard: {told['add_ms']:.0f} ms",
        *(f"{what}: {told[key]['seconds']:.0f} s, at most {told[key]['MB']:.0f} MB"
          for what, key in (("read the list of the files", "list"),
                            ("look at all files and shards, and put the table together", "go_on"),
                            ("read five columns of the table", "some_columns"),
                            ("read the whole table", "whole")))])
    print(told["output"])
    if arguments.out:
        arguments.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
