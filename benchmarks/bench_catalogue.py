"""
Throughput and memory of a catalogue, beside that of reading alone.

    OMP_NUM_THREADS=1 python benchmarks/bench_catalogue.py [--galaxies 10000] [--files 300]
        [--workers 1 2] [--rounds 3] [--notebook 5] [--classify]

Mock galaxies are written as MAPS files of the DR17 schema, a few hundred that are used again
under other names (links). Printed are, for each number of worker processes, galaxies a second of
reading alone (the same processes do nothing else) and of `measure` into a folder, end to end;
the processor time of each stage; the memory at a tenth of the galaxies and at all of them; and,
for a few galaxies, the way of the notebooks: astropy, pafit with 361 angles, and the network
called for one map at a time. With ``--rounds`` the two are timed in turns, and the median of the
ratios is given: on a machine with other work the single times say little.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from kinmis import Galaxy, mock
from kinmis.catalogue import measure_into
from kinmis.catalogue.options import options_of
from kinmis.catalogue.running.chunk import run_chunk
from kinmis.catalogue.running.workers import Workers

#: What a process of its own is asked for its largest memory.
_MEMORY = """
import resource, sys
from kinmis.catalogue import measure_into
names = open(sys.argv[1]).read().split()
measure_into(names, sys.argv[2], progress=False, executor=int(sys.argv[3]),
             classify={"False": False, "True": True}[sys.argv[4]])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
      resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


def read_all(names):
    """Read galaxies and do nothing with them; return the processor time."""
    start = time.process_time()
    for name in names:
        Galaxy.read(name)
    return time.process_time() - start


def survey(folder, galaxies, files):
    """Write the files, and return the names of all galaxies."""
    made = [mock.write_maps(mock.galaxy(
        pa_stellar=9 * i % 360, pa_gas=7 * i % 360, seed=i, bins=None if i % 2 else 400), folder)
        for i in range(files)]
    names = []
    for i in range(galaxies):
        name = Path(folder) / f"{i:06d}-{made[i % files].name}"
        os.link(made[i % files], name)
        names.append(str(name))
    return names


def time_reading(names, workers):
    """Return seconds of reading with so many processes, which are there already."""
    # workers know this file as a module, not as the program
    from bench_catalogue import read_all
    with Workers(workers) as pool:
        for future in [pool.submit(read_all, names[:2]) for _ in range(workers)]:
            future.result()
        start = time.perf_counter()
        parts = [pool.submit(read_all, names[i:i + 256]) for i in range(0, len(names), 256)]
        processor = sum(part.result() for part in parts)
        return time.perf_counter() - start, processor


def time_measuring(names, workers, folder, classify):
    """Return seconds of a run into a folder, and what it says of its stages."""
    import json
    shutil.rmtree(folder, ignore_errors=True)
    start = time.perf_counter()
    measure_into(names, folder, executor=workers, progress=False, classify=classify)
    seconds = time.perf_counter() - start
    return seconds, json.loads((Path(folder) / "last_run.json").read_text())["seconds_of_stages"]


def processor_times(names, rounds):
    """Return milliseconds of processor time a galaxy of each stage, the least of some rounds."""
    options, best = options_of(classify=False), {}
    clock, time.perf_counter = time.perf_counter, time.process_time
    try:
        for _ in range(rounds):
            for stage, seconds in run_chunk(names, options)[1].items():
                best[stage] = min(best.get(stage, np.inf), 1e3 * seconds / len(names))
    finally:
        time.perf_counter = clock
    return best


def notebook(names, classify):
    """Return seconds a galaxy of the way of the notebooks."""
    from astropy.io import fits
    from pafit.fit_kinematic_pa import fit_kinematic_pa
    start = time.perf_counter()
    for name in names:
        with fits.open(name) as hdus:
            sky = hdus["SPX_SKYCOO"].data
            for extension in ("STELLAR_VEL", "EMLINE_GVEL"):
                velocity, bad = hdus[extension].data, hdus[f"{extension}_MASK"].data
                if velocity.ndim == 3:
                    channel = next(int(key[1:]) for key, value in hdus[extension].header.items()
                                   if value == "Ha-6564")
                    velocity, bad = velocity[channel - 1], bad[channel - 1]
                good = bad == 0
                v = velocity[good] - np.median(velocity[good])
                fit_kinematic_pa(sky[0][good], sky[1][good], v, nsteps=361, quiet=True, plot=False)
        if classify:
            galaxy = Galaxy.read(name)
            for field in galaxy.fields.values():
                field.classify()
    return (time.perf_counter() - start) / len(names)


def memory(names, workers, folder, classify):
    """Return the largest memory (MB) of the parent and of the largest worker."""
    shutil.rmtree(folder, ignore_errors=True)
    names_file = Path(folder).with_suffix(".txt")
    names_file.write_text("\n".join(names))
    done = subprocess.run([sys.executable, "-c", _MEMORY, str(names_file), str(folder),
                           str(workers), str(classify)],
                          capture_output=True, text=True, check=True)
    return map(float, done.stdout.split())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--galaxies", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=300, help="different files among them")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--notebook", type=int, default=5, metavar="N",
                        help="galaxies measured in the way of the notebooks; 0 for none")
    parser.add_argument("--classify", action="store_true", help="classify, too")
    parser.add_argument("--no-memory", dest="memory", action="store_false")
    arguments = parser.parse_args()
    # links need the files on one disk
    with tempfile.TemporaryDirectory() as folder:
        names = survey(folder, arguments.galaxies, min(arguments.files, arguments.galaxies))
        out = Path(folder) / "catalogue"
        best = processor_times(names[:80], max(3, arguments.rounds))
        total = sum(best.values())
        print("processor time, ms a galaxy: "
              + ", ".join(f"{stage} {value:.2f}" for stage, value in best.items())
              + f"; reading is {best['read'] / total:.2f} of it")
        for workers in arguments.workers:
            ratios = []
            for _ in range(arguments.rounds):
                reading, _ = time_reading(names, workers)
                seconds, stages = time_measuring(names, workers, out, arguments.classify)
                ratios.append(reading / seconds)
            print(f"{workers} workers, {len(names)} galaxies: reading {len(names) / reading:.1f} a "
                  f"second, measure {len(names) / seconds:.1f} a second end to end; "
                  f"{np.median(ratios):.2f} of the throughput of reading "
                  f"({min(ratios):.2f} to {max(ratios):.2f})")
            print("    seconds of all workers by stage: "
                  + ", ".join(f"{stage} {value:.1f}" for stage, value in stages.items()))
        if arguments.memory:
            for count in (len(names) // 10, len(names)):
                parent, worker = memory(names[:count], max(arguments.workers), out,
                                        arguments.classify)
                print(f"{count:7d} galaxies: at most {parent:.0f} MB in the parent, "
                      f"{worker:.0f} MB in a worker")
        if arguments.notebook:
            seconds = notebook(names[:arguments.notebook], arguments.classify)
            print(f"the way of the notebooks, {arguments.notebook} galaxies: {seconds:.2f} s each")
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
