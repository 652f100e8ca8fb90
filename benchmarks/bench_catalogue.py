"""
Throughput and memory of a catalogue, beside that of reading and of classifying alone.

    OMP_NUM_THREADS=1 python benchmarks/bench_catalogue.py [--galaxies 10000] [--files 300]
        [--workers 1 2] [--rounds 3] [--notebook 5] [--out docs/measured/catalogue.json]

Mock galaxies are written as MAPS files of the DR17 schema, a few hundred that are used again
under other names (links). Printed are the processor time of each stage; for each number of worker
processes, galaxies a second of reading alone and of classifying alone (the same processes do
nothing else) and of `measure` into a folder, end to end, without and with classification; the
memory at a tenth of the galaxies and at all of them; and, for a few galaxies, the way of the
notebooks: astropy, pafit with 361 angles, and the network called for one map at a time. What is
compared is timed in turns, and the median of the ratios is given: on a machine with other work the
single times say little.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import psutil

from kinmis import Galaxy, mock
from kinmis.catalogue import measure_into
from kinmis.catalogue.classification import choose_model, classify_galaxies
from kinmis.catalogue.options import options_of
from kinmis.catalogue.running.chunk import run_chunk
from kinmis.catalogue.running.workers import Workers

#: What a process of its own is asked for its largest memory, and that of its workers.
_MEMORY = """
import sys, threading, time
import psutil
from kinmis.catalogue import measure_into

def largest(pid):
    # what the system's usage of resources says begins with that of the process that started it
    with open(f"/proc/{pid}/status") as lines:
        return next((int(line.split()[1]) / 1024 for line in lines if "VmHWM" in line), 0.)

def watch():
    while True:
        for child in psutil.Process().children():
            try:
                worker[0] = max(worker[0], largest(child.pid))
            except OSError:
                pass    # it has just come to its end
        time.sleep(0.1)

worker = [0.]
threading.Thread(target=watch, daemon=True).start()
names = open(sys.argv[1]).read().split()
measure_into(names, sys.argv[2], progress=False, executor=int(sys.argv[3]),
             classify=sys.argv[4] == "True")
print(largest("self"), *worker)
"""


def read_all(names):
    """Read galaxies and do nothing with them."""
    for name in names:
        Galaxy.read(name)


def megabytes_read(names):
    """Return how much of its file reading a galaxy takes from the file system, in MB."""
    before = psutil.Process().io_counters().read_chars
    read_all(names)
    return (psutil.Process().io_counters().read_chars - before) / len(names) / 1e6


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
        for part in [pool.submit(read_all, names[i:i + 256]) for i in range(0, len(names), 256)]:
            part.result()
        return time.perf_counter() - start


def classify_again(names, model, times):
    """Classify galaxies so many times; return the seconds without reading and compiling."""
    galaxies = [Galaxy.read(name).clean() for name in names]
    classify_galaxies(galaxies, model)
    start = time.perf_counter()
    for _ in range(times):
        classify_galaxies(galaxies, model)
    return time.perf_counter() - start


def rate_of_classifying(names, workers, model, times=8):
    """Return how many galaxies a second so many processes classify, all at the same time."""
    from bench_catalogue import classify_again
    with Workers(workers) as pool:
        parts = [pool.submit(classify_again, names, model, times) for _ in range(workers)]
        return sum(times * len(names) / part.result() for part in parts)


def time_measuring(names, workers, folder, classify):
    """Return seconds of a run into a folder, and what it says of its stages."""
    shutil.rmtree(folder, ignore_errors=True)
    start = time.perf_counter()
    measure_into(names, folder, executor=workers, progress=False, classify=classify)
    seconds = time.perf_counter() - start
    return seconds, json.loads((Path(folder) / "last_run.json").read_text())["seconds_of_stages"]


def processor_times(names, rounds):
    """Return milliseconds of processor time a galaxy of each stage, the least of some rounds."""
    options, best = options_of(classify=True), {}
    clock, time.perf_counter = time.perf_counter, time.process_time
    try:
        run_chunk(names[:4], options)   # compiles the networks
        for _ in range(rounds):
            for stage, seconds in run_chunk(names, options)[1].items():
                best[stage] = min(best.get(stage, np.inf), 1e3 * seconds / len(names))
    finally:
        time.perf_counter = clock
    return best


def throughput(names, workers, rounds, out, model):
    """Return galaxies a second of each way, and the ratios, of rounds in turns."""
    rates = {name: [] for name in ("reading", "classifying", "measure", "measure_and_classify")}
    for _ in range(rounds):
        rates["reading"].append(len(names) / time_reading(names, workers))
        rates["measure"].append(len(names) / time_measuring(names, workers, out, False)[0])
        rates["classifying"].append(rate_of_classifying(names[:64], workers, model))
        seconds, stages = time_measuring(names, workers, out, True)
        rates["measure_and_classify"].append(len(names) / seconds)
    reading, classifying, measured, both = map(np.array, rates.values())
    # what both need of the processor, one after the other
    sums = 1 / (1 / reading + 1 / classifying)
    ratios = {"of_reading": measured / reading, "of_slower": both / np.minimum(
        reading, classifying), "of_sum": both / sums}
    return {"workers": workers, **{name: float(np.median(some)) for name, some in rates.items()},
            **{name: [float(np.median(some)), float(some.min()), float(some.max())]
               for name, some in ratios.items()}, "seconds_of_stages": stages}


def notebook(names):
    """Return seconds a galaxy of the way of the notebooks: of angles, and of classifying."""
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
    angles = (time.perf_counter() - start) / len(names)
    fields = [field for name in names for field in Galaxy.read(name).fields.values()]
    fields[0].classify()
    start = time.perf_counter()
    for field in fields:
        field.classify()
    return angles, (time.perf_counter() - start) / len(names)


def memory(names, workers, folder, classify):
    """Return the largest memory (MB) of the parent and of the largest worker."""
    shutil.rmtree(folder, ignore_errors=True)
    names_file = Path(folder).with_suffix(".txt")
    names_file.write_text("\n".join(names))
    done = subprocess.run([sys.executable, "-c", _MEMORY, str(names_file), str(folder),
                           str(workers), str(classify)],
                          capture_output=True, text=True, check=True)
    return [float(text) for text in done.stdout.split()]


def report(told):
    """Return what was measured as lines."""
    stages = told["processor_ms"]
    rest = sum(stages[name] for name in ("clean", "measure", "tabulate"))
    yield f"reading takes {told['read_MB']:.2f} MB of each file"
    yield ("processor time, ms a galaxy: "
           + ", ".join(f"{stage} {value:.2f}" for stage, value in stages.items())
           + f"; without classification reading is {stages['read'] / (stages['read'] + rest):.2f}")
    for one in told["throughput"]:
        yield (f"{one['workers']} workers, galaxies a second: reading {one['reading']:.0f}, "
               f"classifying {one['classifying']:.0f}, measure {one['measure']:.0f}, "
               f"measure and classify {one['measure_and_classify']:.0f}")
        for name, text in (("of_reading", "measure / reading"),
                           ("of_slower", "measure and classify / slower of both"),
                           ("of_sum", "measure and classify / both one after the other")):
            yield "    {}: {:.2f} ({:.2f} to {:.2f})".format(text, *one[name])
        yield ("    seconds of all workers by stage: "
               + ", ".join(f"{stage} {value:.1f}"
                           for stage, value in one["seconds_of_stages"].items()))
    for one in told["memory"]:
        yield (f"{one['galaxies']:6d} galaxies{', classified' if one['classify'] else '':12s}: at "
               f"most {one['parent']:.0f} MB in the parent, {one['worker']:.0f} MB in a worker")
    if told["notebook"]:
        angles, classes = told["notebook"]["angles"], told["notebook"]["classes"]
        ours = told["throughput"][0]
        yield (f"the way of the notebooks, {told['notebook']['galaxies']} galaxies: reading and "
               f"angles {angles:.2f} s each, {angles * ours['measure']:.0f} times measure with "
               f"{ours['workers']} worker; with classes {angles + classes:.2f} s each, "
               f"{(angles + classes) * ours['measure_and_classify']:.0f} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--galaxies", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=300, help="different files among them")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--notebook", type=int, default=5, metavar="N",
                        help="galaxies measured in the way of the notebooks; 0 for none")
    parser.add_argument("--out", type=Path, help="JSON file for the documentation")
    arguments = parser.parse_args()
    model = choose_model(True)
    # links need the files on one disk
    with tempfile.TemporaryDirectory() as folder:
        names = survey(folder, arguments.galaxies, min(arguments.files, arguments.galaxies))
        out = Path(folder) / "catalogue"
        told = {"date": date.today().isoformat(), "script": Path(__file__).name,
                "galaxies": len(names),
                "read_MB": megabytes_read(names[:80]),
                "processor_ms": processor_times(names[:80], max(3, arguments.rounds)),
                "throughput": [throughput(names, workers, arguments.rounds, out, model)
                               for workers in arguments.workers],
                "memory": [], "notebook": None}
        for classify in (False, True):
            for count in (len(names) // 10, len(names)):
                parent, worker = memory(names[:count], max(arguments.workers), out, classify)
                told["memory"].append({"galaxies": count, "classify": classify,
                                       "parent": parent, "worker": worker})
        if arguments.notebook:
            angles, classes = notebook(names[:arguments.notebook])
            told["notebook"] = {"galaxies": arguments.notebook, "angles": angles,
                                "classes": classes}
    told["output"] = "\n".join(report(told))
    print(told["output"])
    if arguments.out:
        arguments.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
