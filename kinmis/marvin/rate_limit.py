"""
A limit to the rate of requests, which all threads and processes of a machine share.

A limit that each process kept for itself would be exceeded as soon as there are several, be it
those of `kinmis.measure` or programs that know nothing of each other.
"""

import hashlib
import os
import struct
import tempfile
import threading
import time
from collections import deque
from contextlib import contextmanager
from urllib.parse import urlsplit

try:
    import fcntl
except ImportError:     # not on Windows
    fcntl = None

__all__ = ["RateLimiter", "SharedRateLimiter", "limiter_of"]

# Marvin answers 429 above 400 requests a minute. Requests that left a minute apart may arrive a
# little closer together.
RATE = 360
PERIOD = 60.


class RateLimiter:
    """
    Lets so many requests pass in any interval of a given length, and no more.

    Parameters
    ----------
    rate : int
        Number of requests.
    period : float
        Length of the interval in seconds.

    Raises
    ------
    ValueError
        If one of them is not above 0.

    Examples
    --------
    >>> from kinmis.marvin import RateLimiter
    >>> limiter = RateLimiter(2, 1)
    >>> [round(limiter.acquire()) for _ in range(3)]    # seconds
    [0, 0, 1]
    """

    def __init__(self, rate=RATE, period=PERIOD):
        if not rate >= 1 or not period > 0:
            raise ValueError(f"rate must be at least 1 and period above 0, not {rate} and {period}")
        self.rate, self.period = int(rate), float(period)
        self._lock = threading.Lock()
        self._held = time.monotonic()
        self._passed = deque(maxlen=self.rate)

    def acquire(self):
        """
        Wait until the next request may pass.

        Returns
        -------
        waited : float
            For how long, in seconds.
        """
        begin = time.monotonic()
        while (wait := self._ask()) > 0:
            time.sleep(wait)
        return time.monotonic() - begin

    def hold(self, seconds):
        """Let no request of any thread pass for some seconds."""
        with self._lock:
            self._held = max(self._held, time.monotonic() + seconds)

    def _ask(self):
        """Return how long to wait before asking again; a request that may pass is noted."""
        with self._lock:
            now = time.monotonic()
            free = self._passed[0] + self.period if len(self._passed) == self.rate else now
            wait = max(free, self._held) - now
            if wait <= 0:
                self._passed.append(now)
            return wait


# when everybody has to wait until, and which of the moments that follow is the oldest
_HEAD = struct.Struct("=dq")
_MOMENT = struct.Struct("=d")


class SharedRateLimiter(RateLimiter):
    """
    The same for all processes of one user on one machine.

    The moments of the last requests stand in a small file in the folder for temporary files.
    Where that is not possible (on Windows, or without such a folder), each process keeps to the
    limit by itself.

    Parameters
    ----------
    name : str
        What is limited. Limiters of one name, rate and period are one.
    rate, period
        As for `RateLimiter`.

    Examples
    --------
    >>> from kinmis.marvin.rate_limit import SharedRateLimiter
    >>> limiter = SharedRateLimiter("marvin.example.org", 400, 60)
    >>> limiter.acquire() < 60      # seconds
    True
    """

    def __init__(self, name, rate=RATE, period=PERIOD):
        super().__init__(rate, period)
        key = hashlib.sha256(f"{name} {self.rate} {self.period}".encode()).hexdigest()[:24]
        self._path = fcntl and _own_folder() and os.path.join(_own_folder(), f"rate-{key}")

    def hold(self, seconds):  # noqa: D102 (inherited)
        super().hold(seconds)
        if self._path:
            with self._file() as file:
                now = time.monotonic()
                held, oldest = self._head(file, now)
                os.pwrite(file, _HEAD.pack(max(held, now + seconds), oldest), 0)

    def _ask(self):
        if not self._path:
            return super()._ask()
        with self._file() as file:
            now = time.monotonic()
            held, oldest = self._head(file, now)
            place = _HEAD.size + oldest * _MOMENT.size
            content = os.pread(file, _MOMENT.size, place)
            # of before the machine was started, if it lies in the future
            moment = _MOMENT.unpack(content)[0] if len(content) == _MOMENT.size else None
            free = moment + self.period if moment is not None and moment <= now else now
            wait = max(free, held) - now
            if wait <= 0:
                os.pwrite(file, _MOMENT.pack(now), place)
                os.pwrite(file, _HEAD.pack(held, (oldest + 1) % self.rate), 0)
            return wait

    @contextmanager
    def _file(self):
        """Open the file, for nobody else at a time."""
        with self._lock:
            # opened each time: processes that are forked would share one lock
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
            finally:
                os.close(file)

    def _head(self, file, now):
        content = os.pread(file, _HEAD.size, 0)
        held, oldest = _HEAD.unpack(content) if len(content) == _HEAD.size else (now, 0)
        # no server is waited for longer than that: it is of before the machine was started
        return (held if held - now < 3600 else now), oldest % self.rate


def _own_folder():
    """Return a folder for temporary files that nobody else can write to, or None."""
    folder = os.path.join(tempfile.gettempdir(), f"kinmis-{os.getuid()}")
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        status = os.lstat(folder)
    except OSError:
        return None
    ours = status.st_uid == os.getuid() and not status.st_mode & 0o022
    return folder if ours and os.path.isdir(folder) and not os.path.islink(folder) else None


_limiters = {}
_lock = threading.Lock()


def limiter_of(url, rate=None, period=None):
    """
    Return the limiter of a server, the same one for all who ask for it.

    Parameters
    ----------
    url : str
        An address on the server.
    rate, period : int and float, optional
        The limit, by default 360 requests in 60 s.

    Returns
    -------
    limiter : `SharedRateLimiter`
    """
    key = (urlsplit(url).netloc, RATE if rate is None else rate,
           PERIOD if period is None else period)
    with _lock:
        if key not in _limiters:
            _limiters[key] = SharedRateLimiter(*key)
        return _limiters[key]
