"""
Galaxies a second over the network, against plain requests one after the other.

    OMP_NUM_THREADS=1 python benchmarks/bench_marvin.py [--galaxies 100] [--latency 0 0.1 0.3]

The server runs in a process of its own on this machine, and answers as Marvin does about a model
galaxy of 48 x 48 spaxels. The latency is added to each answer. The limit of requests is off but for
the last line.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import requests

from kinmis import Galaxy, measure
from kinmis.marvin.rate_limit import PERIOD, RATE

TESTS = Path(__file__).parents[1] / "tests"
KIND = "HYB10/MILESHC-MASTARSSP"
MAPS = ("stellar_vel/None", "emline_gvel/ha_6564", "binid/stellar_continua",
        "binid/em_line_models", "spx_skycoo/on_sky_x", "spx_skycoo/on_sky_y")


def serve(pipe, names, latency):
    """Serve until the other end of the pipe says so."""
    sys.path.insert(0, str(TESTS))
    from marvin_server import fake, maps_tree
    with tempfile.TemporaryDirectory() as folder, fake.fake_server() as server:
        answers = fake.answers_of(maps_tree.write_mock(Path(folder), names[0]))
        server.faults = lambda path, number: time.sleep(latency.value)
        for name in names:
            head = dict(answers[""]["data"], plateifu=name)
            head["header"] = head["header"].replace(f"'{names[0]}'", f"'{name}'")
            server.serve_for(name, answers | {"": answers[""] | {"data": head}})
        pipe.send(server.url)
        pipe.recv()


def plainly(url, name):
    """Ask for a galaxy with plain requests, and return its maps."""
    form = {"release": "DR17", "compression": "json"}
    base = f"{url}marvin/api/maps/{name}/{KIND}/"
    header = requests.post(base, data=form, timeout=60).json()["data"]
    maps = [requests.post(f"{base}map/{part}/", data=form, timeout=60).json()["data"]
            for part in MAPS]
    return header, [np.array(item[key]) for item in maps for key in ("value", "ivar", "mask")
                    if item[key] is not None]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--galaxies", type=int, default=100)
    parser.add_argument("--latency", type=float, nargs="+", default=[0., 0.1, 0.3])
    arguments = parser.parse_args()
    names = [f"{8000 + number}-1901" for number in range(arguments.galaxies)]
    spawn = multiprocessing.get_context("spawn")
    latency, (here, there) = spawn.Value("d", 0.), spawn.Pipe()
    server = spawn.Process(target=serve, args=(there, names, latency), daemon=True)
    server.start()
    url = here.recv()
    options = {"access": "api", "base_url": url, "rate": 1_000_000}
    measure(names[:2], classify=False, progress=False, **options)
    print(f"{'latency':>8} {'plain requests':>15} {'from_marvin':>12} {'measure':>9}   "
          "galaxies a second")
    for latency.value in arguments.latency:
        few = names[:max(5, min(len(names), int(10 / (7 * latency.value + 0.05))))]
        rates = [rate(lambda: [plainly(url, name) for name in few], few),
                 rate(lambda: [Galaxy.from_marvin(name, **options) for name in few], few),
                 rate(lambda: measured(names, options), names)]
        print(f"{latency.value:6.2f} s {rates[0]:15.2f} {rates[1]:12.2f} {rates[2]:9.2f}")
    print(f"\nthe limit of {RATE} requests in {PERIOD:g} s allows "
          f"{RATE / PERIOD / (1 + len(MAPS)):.2f} galaxies a second")
    here.send("stop")
    server.join()


def measured(names, options):
    table = measure(names, classify=False, progress=False, **options)
    assert set(table["status"]) == {"ok"}


def rate(run, names):
    start = time.perf_counter()
    run()
    return len(names) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
