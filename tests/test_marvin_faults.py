"""Everything that can go wrong on the way to Marvin, each with its outcome."""

import time
import warnings
from functools import partial

import numpy as np
import pytest
from marvin_server import fake as fake_module
from marvin_server import maps_tree

from kinmis import Galaxy
from kinmis.exceptions import FallbackWarning
from kinmis.marvin import (AnswerError, NotFoundError, OutageError, RequestError, RetryPolicy,
                           access, api, rate_limit, retry)
from kinmis.readers.sas import maps_path

PLATEIFU = "8485-1901"
BIG = 1 << 20


@pytest.fixture(scope="module")
def maps_file(tmp_path_factory):
    return maps_tree.write_mock(tmp_path_factory.mktemp("sas"), size=12.5)


@pytest.fixture(scope="module")
def answers(maps_file):
    return fake_module.answers_of(maps_file)


@pytest.fixture(scope="module")
def truth(maps_file):
    return Galaxy.read(maps_file)


@pytest.fixture
def fake(answers, maps_file, monkeypatch):
    """A server that has one galaxy; waits between tries are short."""
    monkeypatch.setattr(retry, "RetryPolicy",
                        partial(RetryPolicy, base=0.01, base_limited=0.02))
    monkeypatch.setattr(rate_limit, "_limiters", {})
    monkeypatch.delenv("SAS_BASE_DIR", raising=False)
    for cached in (access._api, access._archive):
        cached.cache_clear()
    with fake_module.fake_server() as fake:
        fake.serve_for(PLATEIFU, answers)
        fake.files[maps_path(PLATEIFU)] = maps_file.read_bytes()
        yield fake


@pytest.fixture
def cache(tmp_path):
    """An empty cache of astropy."""
    from astropy.config import set_temp_cache
    with set_temp_cache(tmp_path):
        yield tmp_path


def read(fake, access="api", **options):
    options = {"timeout": 0.4, "base_url": fake.url, "sas_url": f"{fake.url}sas/", **options}
    return Galaxy.from_marvin(PLATEIFU, access=access, **options)


def first(*faults):
    """Let the first requests fail, one with each of these faults, and no other."""
    return lambda path, number: faults[number - 1] if number <= len(faults) else None


def always(fault, where="/marvin/"):
    return lambda path, number: fault if path.startswith(where) else None


def on(part, fault):
    """Let the requests for one map fail."""
    return lambda path, number: fault if f"/{part}/" in path else None


def assert_same(galaxy, truth):
    for component, field in galaxy.fields.items():
        other = truth.fields[component]
        for name in ("data", "mask", "bin_id", "ivar", "east", "north"):
            some, same = (np.asarray(getattr(item, name)) for item in (field, other))
            assert some.dtype == same.dtype and some.tobytes() == same.tobytes()


def wrong_status(answer):
    answer.update(status=-1, error="could not connect to the database", data=None)


def error_beside_1(answer):
    answer.update(status=1, error="something is not right")


def nothing(answer):
    answer.update(data=None)


def a_list(answer):
    return [answer]


PASSING = {
    "429": ("status", 429), "429 Retry-After": ("limited", "0"), "500": ("status", 500),
    "502": ("status", 502), "503": ("status", 503), "504": ("status", 504),
    "stall": "stall", "stall in the headers": ("stall", b"HTTP/1.1 200 OK\r\nContent-"),
    "cut": "cut", "cut at once": ("cut", 0), "cut, no length": "cut_unannounced",
    "hung up": "hang_up", "HTML for JSON": "page", "status -1": ("json", wrong_status),
    "error beside status 1": ("json", error_beside_1), "no data": ("json", nothing),
    "another JSON": ("json", a_list), "endless brackets": ("text", 100_000 * b"[")}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_faults_that_pass_are_tried_again(fake, truth, fault):
    fake.faults = first(fault)
    galaxy = read(fake)
    assert_same(galaxy, truth)
    assert len(fake.requests) == 8      # a header and six maps, one of them twice


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_faults_that_stay_are_an_outage(fake, fault):
    fake.faults = always(fault)
    with pytest.raises(OutageError, match=r"127.0.0.1:\d+ can't be reached or is out of order: "
                                          r".*\(2 tries, http://127.*Try again later"):
        read(fake, tries=2, timeout=0.2)
    assert len(fake.requests) == 2


@pytest.mark.parametrize("fault", [("status", 503), "stall", "cut", ("json", wrong_status)])
def test_an_outage_in_the_middle_gives_no_half_field(fake, fault):
    fake.faults = on("emline_gvel/ha_6564", fault)
    with pytest.raises(OutageError, match="emline_gvel"):
        read(fake, tries=2, timeout=0.2)


@pytest.mark.parametrize("fault", [("status", 503), "stall", "cut", "page", ("status", 403),
                                   ("json", wrong_status), ("status", 404),
                                   ("send_to", "https://elsewhere.example/")])
def test_the_archive_helps_out(fake, cache, truth, fault):
    fake.faults = always(fault)
    with pytest.warns(FallbackWarning, match=rf"{PLATEIFU}: read from {fake.url}sas/dr17/.*since "):
        galaxy = read(fake, "auto", tries=2, timeout=0.2)
    assert_same(galaxy, truth)
    assert galaxy.meta["access"] == "sas"
    assert galaxy.meta["source"] == f"{fake.url}sas/{maps_path(PLATEIFU)}"


def test_both_out_of_order(fake, cache):
    fake.faults = always(("status", 503), "/")
    with pytest.raises(OutageError, match="8485-1901 can't be had: .*status 503.*archive: .*503"):
        read(fake, "auto", tries=2)


def test_nobody_there(cache):
    with pytest.raises(OutageError, match="can't be reached.*refused.*archive: .*refused"):
        Galaxy.from_marvin(PLATEIFU, base_url="http://127.0.0.1:9/", sas_url="http://127.0.0.1:9/",
                           tries=1)


def test_no_such_host(fake):
    # a name that is never given to a host, RFC 6761
    with pytest.raises(OutageError, match="nowhere.invalid can't be reached"):
        Galaxy.from_marvin(PLATEIFU, access="api", base_url="https://nowhere.invalid/", tries=1)


@pytest.mark.parametrize("access", ["auto", "api"])
def test_a_wrong_id_is_asked_for_once(fake, cache, access):
    with pytest.raises(NotFoundError, match="9999-1901 .DR17.*no such observation"):
        Galaxy.from_marvin("9999-1901", access=access, base_url=fake.url, sas_url=fake.url)
    assert len(fake.requests) == 1


def test_unusual_bins_come_from_the_archive(fake, cache, maps_file):
    """Marvin has few of them, and says that there is no such observation."""
    fake.files[maps_path(PLATEIFU, bintype="SPX")] = maps_file.read_bytes()
    with pytest.warns(FallbackWarning, match="failed to retrieve"):
        galaxy = read(fake, "auto", bintype="SPX")
    assert galaxy.meta["access"] == "sas"
    with pytest.raises(NotFoundError, match="no such file in the archive"):
        read(fake, "auto", bintype="VOR10")


def test_refusals_are_no_outage(fake, cache):
    fake.faults = always(("status", 409))
    with pytest.raises(RequestError, match="refuses this .status 409: .*Does it have this release"):
        read(fake, "auto")
    assert len(fake.requests) == 1


def test_forbidden_is_not_tried_again(fake):
    fake.faults = always(("status", 403))
    with pytest.raises(OutageError, match="refuses access .status 403"):
        read(fake)
    assert len(fake.requests) == 1


def test_no_marvin_there(fake):
    fake.faults = always(("status", 404))
    with pytest.raises(AnswerError, match="status 404.*is it the address of a Marvin server"):
        read(fake)


# answers that can't be right

def shorter(answer):
    answer["data"]["value"] = answer["data"]["value"][1:]


def ragged(answer):
    answer["data"]["value"][3] = answer["data"]["value"][3][1:]


def words(answer):
    answer["data"]["value"][3][3] = "many"


def no_ivar(answer):
    answer["data"]["ivar"] = None


def halves(answer):
    answer["data"]["mask"][3][3] = 0.5


def too_large(answer):
    answer["data"]["mask"][3][3] = 1 << 70


def no_values(answer):
    answer["data"]["value"] = None


@pytest.mark.parametrize("change, said", [
    (shorter, r"a map of the shape \(\d+, \d+\), where the header says"), (ragged, "no map of"),
    (words, "no map of numbers"), (no_ivar, r"of the shape \(\)"), (halves, "no whole numbers"),
    (too_large, "no whole numbers"), (no_values, "without values")])
def test_maps_that_make_no_sense(fake, change, said):
    fake.faults = on("stellar_vel", ("json", change))
    with pytest.raises(AnswerError, match=said):
        read(fake)


@pytest.mark.parametrize("part, value, said", [
    ("plateifu", "8485-1902", "answers with 8485-1902"),
    ("bintype", "SPX", "answers with 8485-1901 with SPX-MILESHC"),
    ("shape", [0, 3], "no shape of a map"), ("shape", None, "no shape of a map"),
    ("header", None, "no FITS header as 'header'"), ("wcs", "\N{DEGREE SIGN}", "as 'wcs'"),
    ("header", "PLATEIFU= '8485-1902'".ljust(80), "the header that Marvin gives is of 8485-1902")])
def test_headers_that_make_no_sense(fake, part, value, said):
    fake.faults = lambda path, number: ("json", lambda answer: answer["data"].update(
        {part: value})) if "/map/" not in path else None
    with pytest.raises(AnswerError, match=said):
        read(fake)


def as_floats(answer):
    """Some servers write masks as floating-point numbers."""
    mask = answer["data"]["mask"]
    mask[:] = [[float(value) for value in row] for row in mask]
    mask[20][20:22] = float(1 << 30), float(1 << 40)


def as_integers(answer):
    answer["data"]["mask"][20][20:22] = 1 << 30, 1 << 62


@pytest.mark.parametrize("change", [as_floats, as_integers])
def test_masks_keep_every_bit(fake, truth, change):
    """Bit 30, DONOTUSE, is lost in 16 bits."""
    fake.faults = on("stellar_vel", ("json", change))
    expected = truth.stellar.mask.copy()
    assert not expected[20, 20:22].any()
    expected[20, 20:22] = True
    np.testing.assert_array_equal(read(fake).stellar.mask, expected)
    assert read(fake, mask_bits=("DONOTUSE",)).stellar.mask[20, 20:22].tolist() == [True, False]


# time and size

@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX-Header: " + 1000 * b"x"])
def test_a_slow_drip_comes_to_an_end(fake, monkeypatch, begin):
    """Each byte is in time; all together are not."""
    monkeypatch.setattr(api, "_TOTAL", 0.5)
    fake.faults = always(("drip", begin))
    start = time.monotonic()
    with pytest.raises(OutageError, match="no whole answer in 0.5 s"):
        read(fake, tries=1)
    assert time.monotonic() - start < 2


def test_a_stall_comes_to_an_end(fake):
    fake.faults = always("stall")
    start = time.monotonic()
    with pytest.raises(OutageError, match="nothing came for 0.2 s"):
        read(fake, tries=1, timeout=0.2)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("fault", ["endless", ("announce", 1 << 40), ("bomb", 4 * BIG)])
def test_huge_answers_are_not_read(fake, monkeypatch, fault):
    monkeypatch.setattr(api, "_MOST", BIG)
    fake.faults = always(fault)
    with pytest.raises(AnswerError, match="more than 1 MiB"):
        read(fake)
    assert len(fake.requests) == 1


# where it sends to

@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_other_hosts_are_not_followed(fake, status):
    with fake_module.fake_server() as other:
        target = other.url.replace("127.0.0.1", "localhost")
        fake.faults = always(("send_to", target, status))
        with pytest.raises(AnswerError, match=f"sends to another host, {target}: not followed"):
            read(fake)
        assert not other.requests


def test_encryption_is_not_given_up(fake, monkeypatch):
    """https that sends to http, as far as that can be had without a certificate."""
    from kinmis.marvin.client import Client

    class Response:
        is_redirect = True
        headers = {"Location": "http://magrathea.sdss.org/marvin/"}

        def close(self):
            pass
    client = Client()
    monkeypatch.setattr(client._session, "request", lambda *args, **kwargs: Response())
    with pytest.raises(AnswerError, match="sends to http://.*not encrypted: not followed"):
        client.request("GET", "https://magrathea.sdss.org/marvin/", None, total=5)


def test_the_same_host_is_followed(fake, truth):
    def faults(path, number):
        return ("send_to", path.removeprefix("/old"), 308) if path.startswith("/old") else None
    fake.faults = faults
    galaxy = read(fake, base_url=f"{fake.url}old")
    assert_same(galaxy, truth)
    assert {method for _, method, _, _ in fake.requests} == {"POST"}


def test_a_circle_of_addresses(fake):
    fake.faults = lambda path, number: ("send_to", path, 307)
    with pytest.raises(AnswerError, match="without end"):
        read(fake)


# manners

def test_what_is_sent(fake):
    read(fake)
    for _, method, path, headers in fake.requests:
        assert method == "POST" and headers["User-Agent"].startswith("kinmis/")
        assert "Cookie" not in headers and "Authorization" not in headers
    assert len({path for path in fake.paths()}) == 7


def test_passwords_and_cookies_stay_here(fake, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login sdss password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    usual = fake_module._Handler.send_header

    def with_cookie(handler, name, value):
        usual(handler, "Set-Cookie", "a=b")
        usual(handler, name, value)
    monkeypatch.setattr(fake_module._Handler, "send_header", with_cookie)
    read(fake)
    assert not any({"Cookie", "Authorization"} & set(headers)
                   for _, _, _, headers in fake.requests)


def test_connections_are_used_again(fake, monkeypatch):
    connected = []
    usual = fake_module._Handler.setup
    monkeypatch.setattr(fake_module._Handler, "setup",
                        lambda handler: (connected.append(1), usual(handler)))
    for _ in range(3):
        read(fake)
    assert len(fake.requests) == 21 and len(connected) <= 3


def test_retry_after_holds_everybody(fake):
    fake.faults = first(None, ("limited", "1"))
    start = time.monotonic()
    read(fake)
    assert time.monotonic() - start >= 1
    times = [moment for moment, *_ in fake.requests]
    limited = times[1]
    # what was on its way already may still arrive
    assert not [moment for moment in times if limited + 0.3 < moment < limited + 0.9]


def test_a_server_that_wants_to_be_left_alone_for_long(fake):
    fake.faults = always(("limited", "3600"))
    with pytest.raises(OutageError, match="too many requests.*asks to come back in 3600 s"):
        read(fake)
    assert len(fake.requests) == 1


def test_after_an_outage_nobody_waits_long(fake, truth):
    """Each further galaxy costs one try until the server works again."""
    fake.faults = always(("status", 503))
    for expected in (3, 4, 5):
        with pytest.raises(OutageError):
            read(fake, tries=3)
        assert len(fake.requests) == expected
    fake.faults = lambda path, number: None
    assert_same(read(fake, tries=3), truth)
    fake.faults = first(*5 * [None], *7 * [None], ("status", 503))
    assert_same(read(fake, tries=3), truth)


@pytest.mark.parametrize("options, said", [
    ({"access": "ftp"}, "access must be one of auto, api"), ({"timeout": 0}, "timeout must be"),
    ({"timeout": "long"}, "timeout must be"), ({"tries": 0}, "tries must be"),
    ({"base_url": "magrathea"}, "base_url must be an address such as 'https://magra"),
    ({"base_url": "ftp://host/"}, "base_url must be"), ({"sas_url": "file:///etc"}, "sas_url must"),
    ({"release": "DR99"}, "release must be one of DR15"), ({"rate": 0}, "rate must be at least 1"),
    ({"mask_bits": ("NOBIT",)}, "mask_bits has 'NOBIT'")])
def test_wrong_arguments(fake, options, said):
    with pytest.raises(ValueError, match=said):
        read(fake, **options)
    assert not fake.requests


@pytest.mark.parametrize("plateifu", ["1-209232", "8485", "", "8485-1901\n", 3, None])
def test_what_is_no_plateifu(plateifu):
    with pytest.raises((ValueError, TypeError), match="plate-IFU"):
        Galaxy.from_marvin(plateifu)


def test_defaults_are_the_surveys_own_servers_and_encrypted():
    servers = access.Servers()
    assert servers.base_url == "https://magrathea.sdss.org/"
    assert servers.sas_url == "https://data.sdss.org/sas/"
    assert rate_limit.RATE < 400 and rate_limit.PERIOD == 60


def test_no_warning_without_reason(fake, cache):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(fake, "auto").meta["access"] == "api"


def test_waits_double_and_are_partly_random():
    policy = RetryPolicy(tries=9, base=1, base_limited=10, longest=60)
    for tried, most in ((1, 1), (2, 2), (3, 4), (7, 60), (8, 60)):
        waits = [policy.wait(tried) for _ in range(200)]
        assert most / 2 <= min(waits) < 0.6 * most and 0.9 * most < max(waits) <= most
    assert 5 <= policy.wait(1, limited=True) <= 10
    assert policy.wait(9) is None and policy.wait(9, retry_after=1) is None
    assert policy.wait(1, retry_after=60) == 60 and policy.wait(1, retry_after=61) is None
    with pytest.raises(ValueError, match="tries must be at least 1"):
        RetryPolicy(0)


@pytest.mark.parametrize("text, seconds", [
    ("0", 0), ("-3", 0), (" 7 ", 7), ("1.5", 1.5), ("soon", None), ("", None), (None, None),
    ("nan", None), ("inf", None), ("Fri, 31 Dec 1999 23:59:59 GMT", 0), ("Fri, 99 Dec", None)])
def test_retry_after(text, seconds):
    assert retry.parse_retry_after(text) == seconds


def test_retry_after_as_a_date():
    from email.utils import formatdate
    assert 28 <= retry.parse_retry_after(formatdate(time.time() + 30, usegmt=True)) <= 30
