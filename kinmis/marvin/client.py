"""Requests that come to an end: an answer of bounded size, or an error that says what to do."""

import threading
import time
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from kinmis.marvin.deadline import Deadline, DeadlineAdapter
from kinmis.marvin.errors import AnswerError, OutageError
from kinmis.marvin.retry import RetryPolicy, parse_retry_after

__all__ = ["Answer", "Client", "TryAgain"]

_MOST_HOPS = 5
_ERROR_SIZE = 1 << 16
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_FORBIDDEN = (401, 403, 407)
_NETWORK = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError)
# mistakes in an address, which no retry puts right
_MISTAKES = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema,
             requests.exceptions.MissingSchema, requests.exceptions.InvalidProxyURL)


class TryAgain(Exception):
    """Something went wrong that may go well the next time."""

    def __init__(self, reason, *, limited=False, retry_after=None):
        super().__init__(reason)
        self.limited = limited
        self.retry_after = retry_after


class Answer:
    """
    The beginning of an answer, whose content can still be read.

    Parameters
    ----------
    response : `requests.Response`
        The response, with an open connection.
    deadline : `~kinmis.marvin.deadline.Deadline`
        Under which it is read.
    """

    def __init__(self, response, deadline):
        self.status = response.status_code
        self.headers = response.headers
        self.url = response.url
        self._response = response
        self._deadline = deadline

    def read(self, limit):
        """
        Return the content, decompressed.

        Parameters
        ----------
        limit : int
            Size in bytes above which it counts as an error.

        Returns
        -------
        content : bytes
        """
        content = bytearray()
        for piece in self.pieces(limit, decode=True):
            content += piece
        return bytes(content)

    def pieces(self, limit, *, decode=False):
        """
        Give the content piece by piece.

        Parameters
        ----------
        limit : int
            Size in bytes above which it counts as an error.
        decode : bool
            Whether to undo a compression on the way; a file is kept as it is stored.

        Yields
        ------
        piece : bytes

        Raises
        ------
        AnswerError
            If there is more.
        TryAgain
            If it breaks off.
        """
        declared = self.headers.get("Content-Length", "")
        length = int(declared) if declared.isdigit() else None
        size = 0
        if length is None or length <= limit:
            for piece in self._response.raw.stream(1 << 16, decode_content=decode):
                size += len(piece)
                if size > limit:
                    break
                yield piece
        if size > limit or length is not None and length > limit:
            raise AnswerError(f"{self.url} answers with more than {limit >> 20} MiB, which can't "
                              "be right")
        if self._deadline.expired or length is not None and self._response.raw.tell() < length:
            raise TryAgain("the answer breaks off")


class Client:
    """
    A session with a server, shared by threads.

    Nothing is sent along but what a request says: no cookies, and no passwords from a
    ``.netrc`` file. Proxies and certificates come from the environment, as usual.

    Parameters
    ----------
    limiter : `~kinmis.marvin.RateLimiter`, optional
        What holds the requests back.
    timeout : float
        Seconds in which a connection has to be there, and each piece of an answer to come.
    retry : `~kinmis.marvin.RetryPolicy`
        When to try again.
    connections : int
        How many connections are kept.
    """

    def __init__(self, limiter=None, *, timeout=30., retry=RetryPolicy(), connections=8):
        from kinmis import __version__
        self.limiter = limiter
        self.timeout = timeout
        self.retry = retry
        self._session = requests.Session()
        adapter = DeadlineAdapter(pool_maxsize=connections)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.auth = _no_password
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["User-Agent"] = f"kinmis/{__version__}"
        self._lock = threading.Lock()
        self._out_of_order = False

    def request(self, method, url, use, *, data=None, headers=None, total):
        """
        Send a request until it succeeds.

        Parameters
        ----------
        method : str
            ``"GET"`` or ``"POST"``.
        url : str
            The address.
        use : callable
            Called with the `Answer`; what it returns is returned. It may raise `TryAgain`.
        data : dict, optional
            Form to send.
        headers : callable, optional
            Returns the headers of the next try.
        total : float
            Seconds that a try may take.

        Returns
        -------
        result : object

        Raises
        ------
        OutageError
            If it does not succeed.
        AnswerError
            If the server sends too much, or elsewhere.
        ValueError
            If the address makes no sense.
        """
        tried = 0
        while True:
            if self.limiter is not None:
                self.limiter.acquire()
            tried += 1
            try:
                with self._exchange(method, url, data, headers and headers(), total) as answer:
                    _check(answer)
                    result = use(answer)
            except TryAgain as error:
                wait = self._wait(tried, error)
                if wait is None:
                    raise OutageError(self._complaint(url, tried, error)) from error
                if error.limited and self.limiter is not None:
                    self.limiter.hold(wait)     # for every thread
                else:
                    time.sleep(wait)
            else:
                self._out_of_order = False
                return result

    def _wait(self, tried, error):
        """Return how long to wait before the next try, None for giving up."""
        # a server that failed to the end is asked once a request until it works again: what
        # comes after is not to wait as long
        if self._out_of_order and not error.limited:
            return None
        wait = self.retry.wait(tried, limited=error.limited, retry_after=error.retry_after)
        if wait is None:
            self._out_of_order = True
        return wait

    def _complaint(self, url, tried, error):
        host = urlsplit(url).netloc
        times = f"{tried} tries" if tried > 1 else "one try"
        after = "" if error.retry_after is None else (
            f"; the server asks to come back in {error.retry_after:.0f} s")
        return (f"{host} can't be reached or is out of order: {error} ({times}, {url}){after}. "
                "Try again later, or get the data another way with access=")

    @contextmanager
    def _exchange(self, method, url, data, headers, total):
        with Deadline(total) as deadline:
            response = None
            try:
                response = self._follow(method, url, data, headers)
                yield Answer(response, deadline)
            except _MISTAKES as error:
                raise ValueError(f"{url} is no address: {error}") from None
            except _NETWORK as error:
                if isinstance(error, requests.exceptions.SSLError) and not deadline.expired:
                    raise OutageError(f"no safe connection to {url}: {error}") from error
                raise TryAgain(_reason(error, deadline, total, self.timeout)) from error
            finally:
                if response is not None:
                    response.close()

    def _follow(self, method, url, data, headers):
        """Send a request, and go where the server sends it, as long as it stays there."""
        for _ in range(_MOST_HOPS):
            response = self._session.request(
                method, url, data=data, headers=headers, stream=True, allow_redirects=False,
                timeout=(min(self.timeout, 10.), self.timeout))
            if not response.is_redirect:
                return response
            target = urljoin(url, response.headers["Location"])
            response.close()
            old, new = urlsplit(url), urlsplit(target)
            if new.hostname != old.hostname:
                raise AnswerError(f"{url} sends to another host, {target}: not followed")
            if new.scheme != old.scheme and new.scheme != "https":
                raise AnswerError(f"{url} sends to {target}, which is not encrypted: not followed")
            url = target
        raise AnswerError(f"{url} sends from one address to the next without end")


def _no_password(request):
    return request


def _check(answer):
    """Raise an error for a status that says that the server is not working."""
    if answer.status in _FORBIDDEN:
        raise OutageError(f"{urlsplit(answer.url).netloc} refuses access (status {answer.status}, "
                          f"{answer.url}). Public releases need no password, so that it may be "
                          "out of order, or have shut you out for a while; get the data another "
                          "way with access=")
    if answer.status in _PASSING:
        limited = answer.status == 429
        raise TryAgain("too many requests (status 429)" if limited else f"status {answer.status}",
                       limited=limited,
                       retry_after=parse_retry_after(answer.headers.get("Retry-After")))


def _reason(error, deadline, total, timeout):
    """Say in a few words what became of a request."""
    if deadline.expired:
        return f"no whole answer in {total:g} s"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection in {min(timeout, 10.):g} s"
    if isinstance(error, (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError,
                          TimeoutError)):
        return f"nothing came for {timeout:g} s"
    if isinstance(error, (requests.exceptions.ChunkedEncodingError,
                          urllib3.exceptions.ProtocolError)):
        return "the connection broke off"
    cause = error
    while isinstance(cause, Exception) and cause.args and isinstance(cause.args[0], Exception):
        cause = cause.args[0]
    return str(getattr(cause, "reason", None) or cause)
