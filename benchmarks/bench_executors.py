"""
Who does the work: one process and two, of each kind, and what becomes of it when one is killed.

    OMP_NUM_THREADS=1 python benchmarks/bench_executors.py [--galaxies 4096] [--rounds 3]
        [--out docs/measured/executors.json]

Mock galaxies in MAPS files are measured into folders by workers of kinmis itself, by a pool of
`concurrent.futures`, and by a dask cluster: scheduler and workers are processes of their own on
127.0.0.1. Start-up is not counted. All tables must be the same, that of a dask cluster one worker
of which is killed in the middle of the run among them.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from bench_catalogue import survey
from distributed import Client
from kill_catalogue import same

from kinmis.catalogue import measure_into


@contextmanager
def cluster(size, folder):
    """Start a scheduler and so many workers of one thread; give a client."""
    started = []

    def start(kind, *arguments):
        with open(folder / f"{kind}.log", "ab") as log:
            started.append(subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", "127.0.0.1",
                 "--no-dashboard", "--scheduler-file", str(folder / "scheduler.json"), *arguments],
                stdout=log, stderr=log))
    try:
        start("scheduler", "--port", "0", "--no-show")
        while not (folder / "scheduler.json").exists():
            time.sleep(0.05)
        for _ in range(size):
            start("worker", "--nthreads", "1", "--local-directory", str(folder))
        with Client(scheduler_file=str(folder / "scheduler.json")) as client:
            client.wait_for_workers(size, timeout=60)
            yield client
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
        (folder / "scheduler.json").unlink(missing_ok=True)


def executors(size, folder):
    """Return the contexts that give each kind of executor."""
    return {"workers of kinmis": nullcontext(size),
            "concurrent.futures": ProcessPoolExecutor(size, mp_context=get_context("spawn")),
            "dask": cluster(size, folder)}


def run(names, out, executor):
    """Measure into a folder that is empty; return the seconds."""
    shutil.rmtree(out, ignore_errors=True)
    start = time.perf_counter()
    measure_into(names, out, executor=executor, progress=False, classify=False, chunk_size=128)
    return time.perf_counter() - start


def disturbed(names, folder, after):
    """Measure with two workers of dask, one of which is killed after so many seconds."""
    with cluster(2, folder) as client:
        victim = next(iter(client.run(os.getpid).values()))
        run(names[:256], folder / "out", client)
        killer = threading.Timer(after, os.kill, (victim, signal.SIGKILL))
        killer.start()
        seconds = run(names, folder / "out", client)
        killer.join()
        client.wait_for_workers(2, timeout=60)
        assert victim not in client.run(os.getpid).values(), "no worker was killed"
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--galaxies", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file for the documentation")
    arguments = parser.parse_args()
    told = {"date": date.today().isoformat(), "script": Path(__file__).name,
            "galaxies": arguments.galaxies, "rates": []}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "files").mkdir()
        names = survey(folder / "files", arguments.galaxies, 256)
        run(names, folder / "expected", None)
        seconds = {}
        for _ in range(arguments.rounds):
            for size in (1, 2):
                for kind, context in executors(size, folder).items():
                    with context as executor:
                        # processes start and import while nothing is counted
                        run(names[:256], folder / "out", executor)
                        seconds.setdefault((kind, size), []).append(
                            run(names, folder / "out", executor))
                    assert same(folder / "out", folder / "expected"), f"{kind}: another table"
        for kind in ("workers of kinmis", "concurrent.futures", "dask"):
            one, two = (arguments.galaxies / statistics.median(seconds[kind, size])
                        for size in (1, 2))
            told["rates"].append({"kind": kind, "one": one, "two": two, "scaling": two / one})
        killed = disturbed(names, folder, statistics.median(seconds["dask", 2]) / 2)
        assert same(folder / "out", folder / "expected"), "another table"
        told["killed"] = arguments.galaxies / killed
    told["output"] = "\n".join([
        *("{kind:18s}: {one:.0f} galaxies a second by one process, {two:.0f} by two, {scaling:.2f} "
          "times as many".format(**one) for one in told["rates"]),
        f"dask, one of two workers killed in the middle: {told['killed']:.0f} galaxies a second",
        "all tables are the same"])
    print(told["output"])
    if arguments.out:
        arguments.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
