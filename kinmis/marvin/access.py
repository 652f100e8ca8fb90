"""The ways to a galaxy of MaNGA, and which of them is taken."""

import threading
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from kinmis.exceptions import FallbackWarning
from kinmis.marvin.errors import AnswerError, NotFoundError, OutageError, RequestError
from kinmis.readers.sas import DEFAULT_RELEASE, RELEASES, find_maps, maps_path

__all__ = ["ACCESS", "Fetched", "Question", "Servers", "build", "fetch"]

ACCESS = ("auto", "api", "sas", "local", "package")
BASE_URL = "https://magrathea.sdss.org/"
SAS_URL = "https://data.sdss.org/sas/"
TIMEOUT = 30.
TRIES = 4


@dataclass(frozen=True)
class Servers:
    """
    Where to ask, and how patiently.

    Parameters
    ----------
    base_url : str or None
        Root of the Marvin server; by default the survey's.
    sas_url : str or None
        Root of the archive; by default the survey's.
    timeout : float
        Seconds in which a connection has to be there, and each piece of an answer to come.
    tries : int
        How often to try each request.
    rate, period : int and float, or None
        No more than ``rate`` requests to the Marvin server in ``period`` seconds; by default
        360 in 60 s. All who ask one server share the limit.
    """

    base_url: str = None
    sas_url: str = None
    timeout: float = TIMEOUT
    tries: int = TRIES
    rate: int = None
    period: float = None

    def __post_init__(self):
        for name, default in (("base_url", BASE_URL), ("sas_url", SAS_URL)):
            object.__setattr__(self, name, _root(name, getattr(self, name) or default))
        if not isinstance(self.timeout, (int, float)) or not self.timeout > 0:
            raise ValueError(f"timeout must be a number of seconds above 0, not {self.timeout!r}")
        if not isinstance(self.tries, int) or self.tries < 1:
            raise ValueError(f"tries must be a whole number above 0, not {self.tries!r}")
        object.__setattr__(self, "timeout", float(self.timeout))

    @property
    def api(self):
        """What asks the Marvin server (`~kinmis.marvin.api.Api`)."""
        return _api(self)

    @property
    def archive(self):
        """What gets files from the archive (`~kinmis.marvin.client.Client`)."""
        return _archive(self)


def _root(name, url):
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{name} must be an address such as {BASE_URL!r}, not {url!r}")
    return url if url.endswith("/") else url + "/"


@lru_cache(maxsize=16)      # connections are used again
def _api(servers):
    from kinmis.marvin.api import Api
    from kinmis.marvin.client import Client
    from kinmis.marvin.rate_limit import limiter_of
    from kinmis.marvin.retry import RetryPolicy
    limiter = limiter_of(servers.base_url, servers.rate, servers.period)
    return Api(Client(limiter, timeout=servers.timeout, retry=RetryPolicy(servers.tries)),
               servers.base_url)


@lru_cache(maxsize=16)
def _archive(servers):
    from kinmis.marvin.client import Client
    from kinmis.marvin.retry import RetryPolicy
    return Client(timeout=servers.timeout, retry=RetryPolicy(servers.tries))


@dataclass(frozen=True)
class Question:
    """
    Which galaxy, and which way to it.

    Parameters
    ----------
    plateifu : str
        Such as ``"8485-1901"``.
    release, bintype, template : str or None
        As for `kinmis.readers.sas.maps_path`.
    line : str
        Emission line of the gas.
    access : str
        One of `ACCESS`.
    servers : `Servers`
        Where to ask.

    Raises
    ------
    ValueError
        If one of them makes no sense.
    """

    plateifu: str
    release: str = None
    bintype: str = None
    template: str = None
    line: str = "Ha-6564"
    access: str = "auto"
    servers: Servers = field(default_factory=Servers)

    def __post_init__(self):
        if self.access not in ACCESS:
            raise ValueError(f"access must be one of {', '.join(ACCESS)}, not {self.access!r}")
        maps_path(self.plateifu, self.release)      # tells what is wrong with either
        release = DEFAULT_RELEASE if self.release is None else str(self.release).upper()
        _, _, bins, templates = RELEASES[release]
        for name, value in (("release", release), ("bintype", self.bintype or bins),
                            ("template", self.template or templates)):
            object.__setattr__(self, name, value)

    @property
    def usual(self):
        """Whether these are the bins and templates that Marvin has of this release."""
        return (self.bintype, self.template) == RELEASES[self.release][2:]

    @property
    def path(self):
        """Where the file lies in the tree of the archive."""
        return maps_path(self.plateifu, self.release, self.bintype, self.template)


@dataclass
class Fetched:
    """
    A galaxy as it came, before it is made into one.

    Parameters
    ----------
    question : `Question`
        What was asked.
    planes : `~kinmis.readers.manga_dap.MapsPlanes`
        What a galaxy is made from.
    source : str
        Where it comes from.
    access : str
        Which way it came.
    instead : str or None
        Why not the way that comes first.
    """

    question: Question
    planes: object
    source: str
    access: str
    instead: str = None


def fetch(question, *, together=True):
    """
    Get what a galaxy is made from, without giving a warning.

    Warnings are given by `build`, since they can't be caught in threads.

    Parameters
    ----------
    question : `Question`
        Which galaxy.
    together : bool
        Whether to ask for several maps at once.

    Returns
    -------
    fetched : `Fetched`

    Raises
    ------
    NotFoundError, FileNotFoundError
        If there is no such observation, or no such file where it was looked for.
    RequestError
        If the server refuses what was asked for.
    OutageError, AnswerError
        If it can't be had.
    """
    if question.access == "auto":
        return _fetch_anyhow(question, together)
    ways = {"api": lambda: _by_api(question, together), "sas": lambda: _by_sas(question),
            "local": lambda: _by_file(question), "package": lambda: _by_package(question)}
    return ways[question.access]()


def _fetch_anyhow(question, together):
    """Try a local file, a downloaded one, the API, and the archive."""
    from kinmis.marvin.download import cached_file
    try:
        return _by_file(question)
    except FileNotFoundError:
        pass    # most have none
    if cached_file(_archived(question)) is not None:
        return _by_sas(question)
    try:
        return _by_api(question, together)
    except (OutageError, AnswerError) as error:
        trouble = error
    except (NotFoundError, RequestError) as error:
        if question.usual:
            raise
        # Marvin has few of the bins and templates that the archive has
        trouble = error
    try:
        fetched = _by_sas(question)
    except (OutageError, AnswerError) as error:
        raise type(trouble)(f"{question.plateifu} can't be had: {trouble}. Nor from the archive: "
                            f"{error}") from trouble
    fetched.instead = str(trouble)
    return fetched


def _archived(question):
    return question.servers.sas_url + question.path


def _by_file(question):
    from kinmis.readers.manga_dap import read_planes
    path = find_maps(question.plateifu, question.release, question.bintype, question.template)
    return Fetched(question, read_planes(path, question.line), path, "local")


def _by_api(question, together):
    from kinmis.marvin.answers import fetch_planes
    api = question.servers.api
    which = question.plateifu, question.release, question.bintype, question.template
    planes = fetch_planes(api, *which, question.line, together=together)
    source = api.address(question.plateifu, question.bintype, question.template)
    return Fetched(question, planes, source, "api")


def _by_sas(question):
    from kinmis.marvin.download import download
    from kinmis.readers.manga_dap import read_planes
    url = _archived(question)
    what = f"{question.plateifu} ({question.release}, {question.bintype}-{question.template})"
    path = download(question.servers.archive, url, what)
    planes = read_planes(path, question.line)
    if planes.primary.get("PLATEIFU") != question.plateifu:
        raise AnswerError(f"{url} is a file of {planes.primary.get('PLATEIFU')}")
    return Fetched(question, planes, url, "sas")


_one_at_a_time = threading.Lock()


def _by_package(question):
    from kinmis.marvin.package import open_maps, planes_of_maps
    with _one_at_a_time:    # the package keeps its state in globals
        maps = open_maps(question)
        return Fetched(question, planes_of_maps(maps, question.line), repr(maps), "package")


def build(fetched, chosen=-1, summary=None):
    """
    Make a galaxy of what came.

    Parameters
    ----------
    fetched : `Fetched`
        From `fetch`.
    chosen : int
        Number with the bits set that make a spaxel bad.
    summary : str, bool or None
        As for `kinmis.marvin.summary.summary_facts`: what the header lacks is taken from there.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`

    Warns
    -----
    FallbackWarning
        If it did not come the way that comes first.
    QualityWarning
        If the pipeline itself calls the data doubtful.
    """
    from kinmis.marvin.summary import summary_facts
    from kinmis.readers.manga_dap import make_galaxy
    question = fetched.question
    if fetched.instead is not None:
        warnings.warn(f"{question.plateifu}: read from {fetched.source}, since "
                      f"{fetched.instead}", FallbackWarning, stacklevel=3)
    facts = summary_facts(question.plateifu, question.release, summary, question.servers.sas_url)
    return make_galaxy(fetched.planes, fetched.source, line=question.line, chosen=chosen,
                       release=question.release, extra={"access": fetched.access}, facts=facts)
