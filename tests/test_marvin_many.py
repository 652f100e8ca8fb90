"""Many galaxies: threads, processes, the limit of requests, outages in the middle."""

import random
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from functools import partial

import numpy as np
import pytest
from marvin_server import fake as fake_module
from marvin_server import maps_tree

from kinmis import Galaxy, measure
from kinmis.marvin import RateLimiter, RetryPolicy, access, rate_limit, retry
from kinmis.marvin.ahead import Ahead, read_ahead

N = 500


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Answers about galaxies that rotate differently."""
    folder = tmp_path_factory.mktemp("sas")
    return [fake_module.answers_of(maps_tree.write_mock(
        folder, f"{8000 + number}-1901", pa_stellar=10. * number, pa_gas=10. * number + 30,
        seed=number, size=12.5, bins=60)) for number in range(3)]


@pytest.fixture
def fake(monkeypatch, tmp_path):
    monkeypatch.setattr(retry, "RetryPolicy",
                        partial(RetryPolicy, base=0.01, base_limited=0.02))
    monkeypatch.setattr(rate_limit, "_own_folder", lambda: str(tmp_path))
    monkeypatch.setattr(rate_limit, "_limiters", {})
    monkeypatch.delenv("SAS_BASE_DIR", raising=False)
    for cached in (access._api, access._archive):
        cached.cache_clear()
    from astropy.config import set_temp_cache
    with fake_module.fake_server() as fake, set_temp_cache(tmp_path):
        yield fake


def serve(fake, answers, count):
    """Serve so many galaxies, and return their names."""
    names = [f"{8000 + number}-1901" for number in range(count)]
    for number, name in enumerate(names):
        some = answers[number % len(answers)]
        head = dict(some[""]["data"], plateifu=name)
        head["header"] = head["header"].replace(f"'{8000 + number % len(answers)}-1901'",
                                                f"'{name}'")
        fake.serve_for(name, some | {"": some[""] | {"data": head}})
    return names


def until(true, most=30.):
    """Wait until something is true."""
    end = time.monotonic() + most
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def settle(fake):
    """Wait until no more requests come."""
    before = -1
    while before != len(fake.requests):
        before = len(fake.requests)
        time.sleep(0.5)


def most_in(times, period):
    """Return the largest number of requests in an interval."""
    times = np.sort(times)
    return int(np.max(np.searchsorted(times, times + period, "left") - np.arange(len(times))))


def test_500_galaxies_from_a_server_that_fails_and_limits(fake, answers):
    """All are measured, and the limit is kept: no request is turned away."""
    names = serve(fake, answers, N)
    limit, period = 330, 0.5
    random_faults = random.Random(1)
    seen, turned_away = Counter(), []

    def faults(path, number):
        with fake.lock:
            recent = [moment for moment, *_ in fake.requests[-limit - 50:]]
            if sum(moment > recent[-1] - period for moment in recent) > limit:
                turned_away.append(number)
                return ("limited", "1")
            if random_faults.random() < 0.05:
                fault = random_faults.choice([("status", 500), ("status", 503), ("status", 504),
                                              "cut", "page", "hang_up"])
                seen[str(fault)] += 1
                return fault
        return None
    fake.faults = faults
    start = time.monotonic()
    table = measure(names, base_url=fake.url, access="api", rate=300, period=period, tries=8,
                    timeout=5, classify=False, progress=False)
    seconds = time.monotonic() - start
    assert set(table["status"]) == {"ok"} and len(table) == N
    assert list(table["id"]) == names and list(table["source"]) == names
    assert not turned_away
    assert most_in([moment for moment, *_ in fake.requests], period) <= limit
    assert sum(seen.values()) > 0.03 * len(fake.requests) and len(seen) == 6
    # no galaxy is another
    by_kind = np.array(table["stellar_pa"].filled(np.nan))[:498].reshape(-1, len(answers))
    assert np.isfinite(by_kind).all() and (by_kind == by_kind[0]).all()
    assert len(set(by_kind[0])) == len(answers)
    assert seconds < 120


def test_rows_are_those_of_one_after_the_other(fake, answers):
    names = serve(fake, answers, 12)
    together = measure(names, base_url=fake.url, access="api", classify=False)
    one_by_one = measure([Galaxy.from_marvin(name, base_url=fake.url, access="api")
                          for name in names], classify=False)
    for name in together.colnames:
        if name != "source":
            assert list(together[name]) == list(one_by_one[name]) or all(
                np.ma.is_masked(item) for item in together[name])


def test_an_outage_in_the_middle(fake, answers):
    """Galaxies that can't be had are rows that say so; the others do not suffer."""
    names = serve(fake, answers, 30)
    down = set(names[10:20])
    fake.faults = lambda path, number: ("status", 503) if path.split("/")[4] in down else None
    table = measure(names, base_url=fake.url, access="api", tries=2, classify=False)
    failed = table["status"] == "failed"
    assert set(table["source"][failed]) == down
    assert all("OutageError" in text and "503" in text for text in table["message"][failed])
    assert set(table["status"][~failed]) == {"ok"}


def test_retry_failed(fake, answers, tmp_path):
    """The same call goes on with what failed, once the server works again."""
    pytest.importorskip("pyarrow")
    names = serve(fake, answers, 12)
    fake.faults = lambda path, number: ("status", 503) \
        if path.split("/")[4] in names[8:] else None
    options = {"base_url": fake.url, "access": "api", "tries": 2, "classify": False,
               "out": tmp_path / "catalogue/", "chunk_size": 4}
    table = measure(names, **options)
    assert Counter(table["status"]) == {"ok": 8, "failed": 4}
    fake.faults = lambda path, number: None
    before = len(fake.requests)
    # another patience is no other catalogue
    table = measure(names, retry_failed=True, **{**options, "tries": 3, "rate": 300})
    assert Counter(table["status"]) == {"ok": 12}
    assert {path.split("/")[4] for path in fake.paths()[before:]} == set(names[8:])


def test_a_fallback_stands_in_the_row(fake, answers, tmp_path):
    from kinmis.readers.sas import maps_path
    names = serve(fake, answers, 2)
    for number, name in enumerate(names):
        folder = tmp_path / "tree"
        fake.files[maps_path(name)] = maps_tree.write_mock(
            folder, name, seed=number, size=12.5).read_bytes()
    fake.faults = lambda path, number: ("status", 503) if path.startswith("/marvin") else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = measure(names, base_url=fake.url, sas_url=f"{fake.url}sas", tries=1,
                        classify=False)
    assert set(table["status"]) == {"ok"}
    assert all("read from" in text and "status 503" in text for text in table["message"])


def test_files_and_plate_ifus_and_mistakes(fake, answers, tmp_path):
    names = serve(fake, answers, 2)
    path = maps_tree.write_mock(tmp_path, "8100-1901", size=12.5)
    table = measure([path, names[0], "missing.fits", names[1], "9999-1901"],
                    base_url=fake.url, access="api", classify=False, format=None)
    assert list(table["status"][[1, 3]]) == ["ok", "ok"]
    assert "no option" in table["message"][0]   # of a file, that there is another server
    assert "no such observation" in table["message"][4]
    assert fake.paths().count(f"/marvin/api/maps/9999-1901/{fake_module.KIND}/") == 1


def test_local_files_are_not_asked_for(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("SAS_BASE_DIR", str(tmp_path))
    names = ["8000-1901", "8001-1901"]
    for name in names:
        maps_tree.write_mock(tmp_path, name, size=12.5)
    assert not any(isinstance(item, Ahead) for item in read_ahead(names))
    assert set(measure(names, base_url=fake.url, classify=False)["status"]) == {"ok"}
    assert not fake.requests


def test_order_and_number_are_kept(fake, answers):
    names = serve(fake, answers, 40)
    mixed = [item for name in names for item in (name, f"{name}.fits", None)]
    options = {"base_url": fake.url, "access": "api"}
    given = []
    for item in read_ahead(mixed, reader=options, threads=3):
        assert isinstance(item, Ahead) == (item in names)
        given.append(item)
    assert given == mixed


def test_no_more_than_a_few_are_held_ready(fake, answers):
    """Memory does not grow with the number of galaxies."""
    names = serve(fake, answers, 40)
    given = read_ahead(names, reader={"base_url": fake.url, "access": "api"}, threads=2)
    item = next(given)
    # four are asked for beside the one that was handed out
    until(lambda: len({path.split("/")[4] for path in fake.paths()}) >= 4)
    item.fetched()
    settle(fake)
    assert len({path.split("/")[4] for path in fake.paths()}) <= 5
    given.close()
    settle(fake)
    before = len(fake.requests)
    time.sleep(0.3)
    assert len(fake.requests) == before     # nobody goes on for nobody


def test_latency_is_hidden(fake, answers):
    """A server that takes 50 ms an answer: 24 galaxies take 8.4 s one by one."""
    names = serve(fake, answers, 24)
    fake.faults = lambda path, number: time.sleep(0.05)
    start = time.monotonic()
    table = measure(names, base_url=fake.url, access="api", classify=False, rate=10_000)
    assert set(table["status"]) == {"ok"}
    assert time.monotonic() - start < 7


# the limit

def test_threads_share_the_limit():
    limiter = RateLimiter(20, 0.25)
    times = []

    def work():
        for _ in range(12):
            limiter.acquire()
            times.append(time.monotonic())
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 72
    # noted a moment after they passed
    assert most_in(times, 0.25 - 0.02) <= 20
    assert 0.75 <= max(times) - min(times) < 2


SCRIPT = """
import sys, time
from kinmis.marvin import rate_limit
rate_limit._own_folder = lambda: sys.argv[1]
limiter = rate_limit.limiter_of("https://host/", 40, 0.5)
print(time.monotonic(), flush=True)
sys.stdin.readline()
times = []
for _ in range(50):
    limiter.acquire()
    times.append(time.monotonic())
print(*times)
"""


def test_processes_share_the_limit(tmp_path):
    processes = [subprocess.Popen([sys.executable, "-c", SCRIPT, tmp_path], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                 for _ in range(3)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    times = [float(part) for process in processes
             for part in process.communicate(timeout=60)[0].split()]
    assert len(times) == 150
    assert most_in(times, 0.5 - 0.03) <= 40
    assert max(times) - min(times) >= 1.5


def test_the_limit_survives_a_new_start_of_the_machine(tmp_path, monkeypatch):
    """Clocks begin anew; what lies in the future is no moment of ours."""
    monkeypatch.setattr(rate_limit, "_own_folder", lambda: str(tmp_path))
    limiter = rate_limit.SharedRateLimiter("host", 2, 0.2)
    limiter.acquire(), limiter.acquire(), limiter.hold(10)
    now = time.monotonic()
    monkeypatch.setattr(rate_limit.time, "monotonic", lambda: now - 1e6)
    again = rate_limit.SharedRateLimiter("host", 2, 0.2)
    assert again.acquire() < 0.1


def test_without_a_folder_each_process_keeps_the_limit(monkeypatch):
    monkeypatch.setattr(rate_limit, "_own_folder", lambda: None)
    limiter = rate_limit.SharedRateLimiter("host", 2, 0.5)
    waits = [limiter.acquire() for _ in range(3)]
    assert max(waits[:2]) < 0.1 < waits[2]
    limiter.hold(0.3)
    assert limiter.acquire() > 0.2


def test_folders_of_others_are_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(rate_limit.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = tmp_path / f"kinmis-{rate_limit.os.getuid()}"
    assert rate_limit._own_folder() == str(folder)
    folder.chmod(0o777)
    assert rate_limit._own_folder() is None
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    assert rate_limit._own_folder() is None


def test_one_limiter_for_each_server():
    some, other = "https://a.example/x/", "https://a.example/y/"
    assert rate_limit.limiter_of(some) is rate_limit.limiter_of(other)
    assert rate_limit.limiter_of(some) is not rate_limit.limiter_of("https://b.example/")
    assert (rate_limit.limiter_of(some).rate, rate_limit.limiter_of(some).period) == (360, 60)
