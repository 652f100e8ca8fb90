"""
An end to an exchange over the network, however slowly the other side talks.

The time limits of HTTP libraries hold for each piece that arrives. A server that sends a byte
now and then stays below them for ever, be it in the handshake, the headers or the data. Here the
connection is shut down when the time is over, which wakes whoever waits for it.
"""

import socket
import threading
import time

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

__all__ = ["Deadline", "DeadlineAdapter"]

_here = threading.local()


class Deadline:
    """
    A context in which the connections of this thread are shut down after some time.

    Parameters
    ----------
    seconds : float
        The time.

    Attributes
    ----------
    expired : bool
        Whether the time is over.

    Examples
    --------
    >>> from kinmis.marvin.deadline import Deadline
    >>> with Deadline(60) as deadline:
    ...     deadline.expired
    False
    """

    def __init__(self, seconds):
        self.expired = False
        self._end = time.monotonic() + seconds
        self._handles = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    @property
    def left(self):
        """Seconds that are left, at least a thousandth."""
        return max(self._end - time.monotonic(), 1e-3)

    def guard(self, handle):
        """Shut down this socket, too, when the time is over."""
        with self._lock:
            self._handles.append(handle)
            if self.expired:
                _shut(handle)

    def _expire(self):
        with self._lock:
            self.expired = True
            for handle in self._handles:
                _shut(handle)

    def __enter__(self):
        self._outer = getattr(_here, "deadline", None)
        _here.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *exception):
        self._timer.cancel()
        _here.deadline = self._outer
        # a timer that has begun ends before the connection goes to somebody else
        with self._lock:
            self._handles.clear()


def _shut(handle):
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass    # the other side was faster


class _Guarded:
    """A connection that stands under the deadline of the thread that uses it."""

    _handle = None

    def _new_conn(self):
        connection = super()._new_conn()
        # of its own, since TLS takes the socket over and is not to be disturbed by others
        self._handle = connection.dup()
        _guard(self._handle)
        return connection

    def putrequest(self, *args, **kwargs):
        if self._handle is not None:
            _guard(self._handle)
        return super().putrequest(*args, **kwargs)

    def close(self):
        super().close()
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def _guard(handle):
    deadline = getattr(_here, "deadline", None)
    if deadline is not None:
        deadline.guard(handle)


class _Connection(_Guarded, HTTPConnection):
    pass


class _SecureConnection(_Guarded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class DeadlineAdapter(HTTPAdapter):
    """What makes a session of requests use connections that keep to a `Deadline`."""

    _pools = {"http": _Pool, "https": _SecurePool}

    def init_poolmanager(self, *args, **kwargs):
        """Make the pools of connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args, **kwargs):
        """Make the pools of connections through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager
