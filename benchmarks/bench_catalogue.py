"""
Throughput of a catalogue, as a fraction of that of reading alone, in one process and one run.

    OMP_NUM_THREADS=1 python benchmarks/bench_catalogue.py [--galaxies 200] [--files 40]

Mock galaxies are written as MAPS files of the DR17 schema, read, and measured.
"""

import argparse
import tempfile
import time

from kinmis import Galaxy, measure, mock


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--galaxies", type=int, default=200)
    parser.add_argument("--files", type=int, default=40, help="different files among them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = [str(mock.write_maps(mock.galaxy(pa_stellar=9 * i, pa_gas=7 * i, seed=i), folder))
                 for i in range(arguments.files)]
        files = [files[i % len(files)] for i in range(arguments.galaxies)]
        measure(files[:4], progress=False)
        took = {}
        for name, run in (("reading", lambda: [Galaxy.read(file) for file in files]),
                          ("measure", lambda: measure(files, progress=False)),
                          ("without common footprint",
                           lambda: measure(files, progress=False, common=False))):
            begin = time.perf_counter()
            run()
            took[name] = (time.perf_counter() - begin) / len(files)
    for name, seconds in took.items():
        print(f"{name:26s} {seconds * 1e3:7.2f} ms a galaxy, "
              f"{took['reading'] / seconds:5.2f} of the throughput of reading")


if __name__ == "__main__":
    main()
