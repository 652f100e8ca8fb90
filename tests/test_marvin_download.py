"""Files of the archive: downloaded whole, kept in astropy's cache, or not at all."""

import gzip
import os
import time
from functools import partial
from pathlib import Path

import pytest
from astropy.utils.data import get_cached_urls
from marvin_server import fake as fake_module
from marvin_server import maps_tree

from kinmis import Galaxy, mock
from kinmis.marvin import (AnswerError, NotFoundError, OutageError, RetryPolicy, access, download,
                           retry)
from kinmis.marvin.verify import verify_fits
from kinmis.readers.sas import maps_path

PLATEIFU = "8485-1901"


@pytest.fixture(scope="module")
def maps_file(tmp_path_factory):
    return maps_tree.write_mock(tmp_path_factory.mktemp("sas"), size=12.5)


@pytest.fixture(autouse=True)
def cache(tmp_path):
    """An empty cache of astropy."""
    from astropy.config import set_temp_cache
    with set_temp_cache(tmp_path):
        yield tmp_path


@pytest.fixture
def fake(maps_file, monkeypatch):
    monkeypatch.setattr(retry, "RetryPolicy",
                        partial(RetryPolicy, base=0.01, base_limited=0.02))
    monkeypatch.delenv("SAS_BASE_DIR", raising=False)
    for cached in (access._api, access._archive):
        cached.cache_clear()
    with fake_module.fake_server() as fake:
        fake.files[maps_path(PLATEIFU)] = maps_file.read_bytes()
        yield fake


def read(fake, way="sas", **options):
    return Galaxy.from_marvin(PLATEIFU, access=way, base_url=fake.url,
                              sas_url=f"{fake.url}sas/", timeout=0.4, **options)


def ranges(fake):
    """Where each request asked to begin."""
    return [int(headers.get("Range", "bytes=0-")[6:-1]) for *_, headers in fake.requests]


def partials(cache):
    return [path for path in Path(cache).rglob("*") if path.is_file() and "kinmis" in path.parts]


def first(*faults):
    return lambda path, number: faults[number - 1] if number <= len(faults) else None


def test_a_file_is_downloaded_once(fake, cache, maps_file):
    for _ in range(2):
        galaxy = read(fake)
        assert galaxy.meta["access"] == "sas"
        assert galaxy.meta["source"] == f"{fake.url}sas/{maps_path(PLATEIFU)}"
    assert len(fake.requests) == 1 and get_cached_urls() == [galaxy.meta["source"]]
    assert not partials(cache)
    path = download.cached_file(galaxy.meta["source"])
    assert Path(path).read_bytes() == maps_file.read_bytes()
    expected = Galaxy.read(maps_file)
    assert galaxy.stellar.data.tobytes() == expected.stellar.data.tobytes()
    # what is there needs no server
    fake.faults = lambda path, number: ("status", 503)
    assert read(fake, "auto").meta["access"] == "sas"
    assert len(fake.requests) == 1


def test_files_come_as_they_are_stored(fake):
    """A server may take .gz for a compression of the transfer, and want it undone."""
    def faults(path, number):
        return None
    fake.faults = faults
    usual = fake_module._Handler.send_header

    def with_encoding(handler, name, value):
        usual(handler, name, value)
        if name == "Content-Type":
            usual(handler, "Content-Encoding", "x-gzip")
    fake_module._Handler.send_header = with_encoding
    try:
        galaxy = read(fake)
    finally:
        fake_module._Handler.send_header = usual
    assert galaxy.id == PLATEIFU
    assert Path(download.cached_file(galaxy.meta["source"])).read_bytes()[:2] == b"\x1f\x8b"
    assert fake.requests[0][3]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("fault", ["cut", "stall", ("status", 503), "hang_up", "page"])
def test_broken_downloads_go_on(fake, cache, maps_file, fault):
    fake.faults = first(fault)
    galaxy = read(fake)
    assert galaxy.id == PLATEIFU and len(fake.requests) == 2
    begun = len(maps_file.read_bytes()) // 2 if fault == "cut" else 0
    assert ranges(fake) == [0, begun]
    assert not partials(cache)


def test_a_download_goes_on_another_time(fake, cache, maps_file):
    fake.faults = lambda path, number: ("cut", 0.3) if number == 1 else ("status", 503)
    with pytest.raises(OutageError, match="status 503"):
        read(fake, tries=2)
    left, = partials(cache)
    assert left.suffix == ".part" and left.stat().st_size == int(0.3 * len(maps_file.read_bytes()))
    assert not get_cached_urls()
    fake.faults = first()
    assert read(fake).id == PLATEIFU
    assert ranges(fake)[2] == int(0.3 * len(maps_file.read_bytes()))
    assert not partials(cache)


def test_what_a_dead_process_left_is_taken_over(fake, cache, maps_file):
    url = f"{fake.url}sas/{maps_path(PLATEIFU)}"
    with download._Partial(url) as partial_file:
        partial_file.path.write_bytes(maps_file.read_bytes()[:1000])
        busy = download._Partial(url)
        with busy:      # somebody writes to it now
            assert not busy.path.exists()
        old = time.time() - 2 * download._ABANDONED
        os.utime(partial_file.path, (old, old))
        assert read(fake).id == PLATEIFU
    assert ranges(fake) == [1000]


def test_a_server_without_ranges(fake, cache, maps_file):
    usual = fake_module._Handler.content

    def whole(handler):
        del handler.headers["Range"]
        return usual(handler)
    fake_module._Handler.content = whole
    fake.faults = first("cut")
    try:
        assert read(fake).id == PLATEIFU
    finally:
        fake_module._Handler.content = usual
    assert ranges(fake) == [0, 0] or len(fake.requests) == 2


@pytest.mark.parametrize("spoil", [
    lambda data: data[:-5000] + bytes(5000), lambda data: data[:-7],
    lambda data: gzip.compress(gzip.decompress(data)[:-2880], 1),
    lambda data: gzip.compress(swapped(gzip.decompress(data)), 1)],
    ids=["damaged", "truncated", "one block less", "checksum"])
def test_damaged_files_are_not_kept(fake, cache, spoil):
    name = maps_path(PLATEIFU)
    good, fake.files[name] = fake.files[name], spoil(fake.files[name])
    with pytest.raises(AnswerError, match="8485-1901-MAPS-.* holds no whole FITS file: is "):
        read(fake)
    assert not get_cached_urls() and not partials(cache)
    fake.files[name] = good
    assert read(fake).id == PLATEIFU


def swapped(data):
    """Change data of the last extension but not its length."""
    place = len(data) - 2 * 2880
    return data[:place] + data[place:place + 4][::-1] + data[place + 4:place + 8] \
        + bytes([data[place + 8] ^ 1]) + data[place + 9:]


def test_a_wrong_beginning_is_found_out(fake, cache, maps_file):
    """A resumed file that does not fit together is downloaded anew."""
    url = f"{fake.url}sas/{maps_path(PLATEIFU)}"
    with download._Partial(url) as begun:
        begun.path.write_bytes(b"x" * 500)
    assert read(fake).id == PLATEIFU
    assert ranges(fake) == [500, 0]


def test_more_than_there_is(fake, cache, maps_file):
    url = f"{fake.url}sas/{maps_path(PLATEIFU)}"
    with download._Partial(url) as begun:
        begun.path.write_bytes(maps_file.read_bytes() + b"x" * 500)
    assert read(fake).id == PLATEIFU


def test_complete_but_not_kept_yet(fake, cache, maps_file):
    url = f"{fake.url}sas/{maps_path(PLATEIFU)}"
    with download._Partial(url) as begun:
        begun.path.write_bytes(maps_file.read_bytes())
    assert read(fake).id == PLATEIFU
    assert len(fake.requests) == 1      # answered that there is no more


def test_a_file_that_is_not_there(fake, cache):
    with pytest.raises(NotFoundError, match="9999-1901 .DR17, HYB10-MILESHC-MASTARSSP.: there is "
                                            "no such file in the archive"):
        Galaxy.from_marvin("9999-1901", access="sas", sas_url=f"{fake.url}sas/")
    assert len(fake.requests) == 1 and not partials(cache)


def test_a_page_instead_of_a_file(fake, cache):
    fake.faults = lambda path, number: "page"
    with pytest.raises(OutageError, match="a page, not a file"):
        read(fake, tries=2)
    assert not partials(cache) and not get_cached_urls()


def test_what_is_not_fits(fake, cache):
    fake.files[maps_path(PLATEIFU)] = b"something else, with enough letters"
    with pytest.raises(AnswerError, match="holds no whole FITS file: is no FITS file"):
        read(fake)
    assert not partials(cache) and not get_cached_urls()


def test_without_a_place_for_a_cache(fake, monkeypatch):
    def nowhere(*args, **kwargs):
        raise OSError("read-only")
    monkeypatch.setattr(Path, "mkdir", nowhere)
    assert download.cached_file("https://data.sdss.org/sas/x") is None
    with pytest.raises(OSError, match="8485-1901 .*no place for downloads.*read-only.*XDG_CACHE"):
        read(fake)


def test_local_files_come_first(fake, maps_file, monkeypatch):
    monkeypatch.setenv("SAS_BASE_DIR", str(maps_file.parents[9]))
    for way in ("auto", "local"):
        galaxy = read(fake, way)
        assert galaxy.meta["access"] == "local" and galaxy.meta["source"] == str(maps_file)
    assert not fake.requests
    assert Galaxy.read(PLATEIFU).meta["access"] == "local"
    with pytest.raises(FileNotFoundError, match="SAS_BASE_DIR is"):
        Galaxy.from_marvin("9999-1901", access="local")


@pytest.mark.parametrize("name", ["galaxy.fits.gz", "galaxy.fits"])
def test_verification_of_whole_files(tmp_path, name):
    path = mock.write_maps(mock.galaxy(seed=1, size=12.5), tmp_path / name)
    verify_fits(path)
    data = path.read_bytes()
    for part in (len(data) - 1, len(data) // 2, 5000):
        path.write_bytes(data[:part])
        with pytest.raises(OSError, match="truncated|damaged"):
            verify_fits(path)
