"""Who does the work makes no difference to the table, nor does it when workers die."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import psutil
import pytest
from survey_files import assert_same_tables, write_survey

from kinmis import measure
from kinmis.catalogue.running import schedule
from kinmis.catalogue.running.workers import WorkerDiedError, Workers
from kinmis.exceptions import KinmisWarning

COUNT, CHUNK = 14, 3
HOW = {"chunk_size": CHUNK, "progress": False, "classify": False}


class Deadly:
    """A path that ends the process that it is sent to."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path

    def __reduce__(self):
        return os._exit, (7,)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    files = write_survey(tmp_path_factory.mktemp("survey"), COUNT)
    return [*files[:5], "missing.fits", *files[5:]]


@pytest.fixture(scope="module")
def expected(sources):
    return measure(sources, **HOW)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Address of a dask scheduler with two workers, all processes of their own."""
    folder = tmp_path_factory.mktemp("dask")
    started = []

    def start(kind, *arguments):
        log = open(folder / f"{kind}{len(started)}.log", "wb")
        started.append(subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", "127.0.0.1",
             "--no-dashboard", "--scheduler-file", str(folder / "scheduler.json"), *arguments],
            stdout=log, stderr=log, start_new_session=True))
        log.close()
    start("scheduler", "--port", "0", "--no-show")
    while not (folder / "scheduler.json").exists():
        assert started[0].poll() is None, (folder / "scheduler0.log").read_text()
        time.sleep(0.05)
    for _ in range(2):
        start("worker", "--nthreads", "1", "--local-directory", str(folder), "--death-timeout",
              "60")
    yield folder / "scheduler.json"
    for process in reversed(started):
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_worker_processes(sources, expected, workers):
    assert_same_tables(measure(sources, executor=workers, **HOW), expected)


def test_classification_is_the_same_in_every_process(sources):
    how = {**HOW, "classify": True}
    some = sources[:5]
    assert_same_tables(measure(some, executor=2, **how), measure(some, **how))


def test_pool_of_processes(sources, expected):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert_same_tables(measure(sources, executor=pool, **HOW), expected)


def test_pool_of_threads(sources, expected):
    with ThreadPoolExecutor(3) as pool:
        assert_same_tables(measure(sources, executor=pool, **HOW), expected)


class Backwards:
    """Does the work when asked for the result, and the last first."""

    _max_workers = 4

    def __init__(self):
        self.waiting = []

    def submit(self, function, *arguments):
        future = Future()
        self.waiting.append((future, function, arguments))
        if len(self.waiting) == 5:
            while self.waiting:
                last, work, with_these = self.waiting.pop()
                last.set_result(work(*with_these))
        return future


def test_anything_that_submits(sources, expected):
    # five chunks: all are done at the fifth, from the last to the first
    assert_same_tables(measure(sources, executor=Backwards(), **HOW), expected)


def test_dask(sources, expected, cluster, tmp_path):
    from distributed import Client
    with Client(scheduler_file=str(cluster), set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        assert_same_tables(measure(sources, executor=client, **HOW), expected)
        pids = list(client.run(os.getpid).values())
        # the same files again and again, so that it takes long enough to be disturbed
        many = sources * 8
        killer = threading.Timer(0.3, os.kill, (pids[0], signal.SIGKILL))
        killer.start()
        table = measure(many, executor=client, out=tmp_path / "run", **HOW)
        killer.join()
        client.wait_for_workers(2, timeout=60)
        assert pids[0] not in client.run(os.getpid).values()
    assert_same_tables(table, measure(many, **HOW))


def test_workers_that_are_killed(sources, expected):
    ended = []

    def kill():
        mine = psutil.Process()
        while len(ended) < 3 and threading.main_thread().is_alive():
            for child in mine.children():
                if child.cpu_times().user > 0.3 and child.pid not in ended:
                    ended.append(child.pid)
                    child.kill()
                    break
            time.sleep(0.02)
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    many = sources * 6
    table = measure(many, executor=2, **HOW)
    killer.join(10)
    assert ended
    assert_same_tables(table, measure(many, **HOW))


@pytest.mark.parametrize("executor", [2, "processes"])
def test_deadly_galaxies_are_left_out(sources, expected, executor, tmp_path):
    mixed = list(sources)
    mixed[1], mixed[7] = Deadly(sources[1]), Deadly(sources[7])
    if executor == "processes":
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            with pytest.warns(KinmisWarning, match="goes on with 1 worker processes of its own"):
                table = measure(mixed, executor=pool, **HOW)
    else:
        table = measure(mixed, executor=executor, out=tmp_path / "run", **HOW)
    assert list(table["source"]) == sources
    for place in (1, 7):
        assert table["status"][place] == "failed"
        assert table["message"][place] == (
            "ProcessDiedError: the process that measured this galaxy, and no other, came to an "
            "end 2 times in a row; it is left out")
    kept = [place for place in range(len(sources)) if place not in (1, 7)]
    assert list(table["status"][kept]) == list(expected["status"][kept])


def test_processes_that_always_die_end_the_run(sources, monkeypatch, tmp_path):
    real = schedule._survives

    def dies_with_others(sources, options, pool):
        return None if len(sources) > 1 else real(sources, options, pool)
    monkeypatch.setattr(schedule, "_survives", dies_with_others)
    monkeypatch.setattr(schedule, "TRIES", 1)
    mixed = [*sources[:3], Deadly(sources[3]), *sources[4:]]
    with pytest.raises(RuntimeError, match="not because of any one galaxy"):
        measure(mixed, executor=1, out=tmp_path / "run", **HOW)
    assert len(list((tmp_path / "run" / "shards").glob("*.parquet"))) == 4


@pytest.mark.parametrize("executor, error, match", [
    (0, ValueError, "above 0, not 0"), (-1, ValueError, "above 0"),
    (True, TypeError, "not bool"), ("4", TypeError, "not str"), (2.5, TypeError, "not float"),
])
def test_executors_of_no_use(executor, error, match):
    with pytest.raises(error, match=match):
        measure([], executor=executor)


def test_mistake_in_a_worker_is_raised(sources, monkeypatch):
    with Workers(1) as workers:
        with pytest.raises(ZeroDivisionError) as caught:
            workers.submit(divmod, 1, 0).result()
        assert "in a worker process" in caught.value.__notes__[0]
        assert workers.submit(divmod, 7, 2).result() == (3, 1)
        with pytest.raises(WorkerDiedError, match="code 3"):
            workers.submit(os._exit, 3).result()
        assert workers.submit(divmod, 7, 2).result() == (3, 1)
        print_in_worker = workers.submit(print, "between the messages")
        assert print_in_worker.result() is None
        pids = workers.pids
    assert pids and not any(psutil.pid_exists(pid) for pid in pids)


def test_workers_end_with_their_parent(tmp_path):
    code = ("import sys, time\nfrom kinmis.catalogue.running.workers import Workers\n"
            "workers = Workers(2)\nfirst = [workers.submit(divmod, 7, 2) for _ in range(2)]\n"
            "[future.result() for future in first]\n"
            "workers.submit(time.sleep, 0.2)\nprint(*workers.pids, flush=True)\ntime.sleep(60)\n")
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pids = list(map(int, parent.stdout.readline().split()))
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 20
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert pids and not any(psutil.pid_exists(pid) for pid in pids)


def test_progress_counts_all(sources, capsys, tmp_path):
    measure(sources, executor=2, chunk_size=CHUNK, progress=True, classify=False)
    assert f"{len(sources)}/{len(sources)}" in (err := capsys.readouterr().err)
    assert "failed=1" in err
    with ThreadPoolExecutor(1) as pool:
        measure(sources, executor=pool, chunk_size=CHUNK, progress=True, classify=False)
    assert "failed=1" in capsys.readouterr().err
    for _ in range(2):
        measure(sources, out=tmp_path / "run", chunk_size=CHUNK, progress=True, classify=False)
        assert f"{len(sources)}/{len(sources)}" in capsys.readouterr().err
