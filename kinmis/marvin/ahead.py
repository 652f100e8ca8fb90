"""
Galaxies that come over the network, got by threads before it is their turn.

Threads do nothing but wait for answers. Warnings are collected where the galaxies are made, one
after the other, since how a program deals with warnings can't be told for each thread.
"""

import os
import queue
import threading
from collections import deque
from concurrent.futures import Future
from itertools import islice

from kinmis.readers.sas import find_maps, is_plateifu

__all__ = ["MANNERS", "THREADS", "Ahead", "read_ahead"]

#: Options of the reader that change nothing of a galaxy.
MANNERS = ("access", "timeout", "tries", "rate", "period")

#: Requests under way at a time: enough for the rate that Marvin allows, if each takes a second.
THREADS = 8


class Ahead(str):
    """
    A plate-IFU whose data are on their way.

    It is the plate-IFU to everybody but the reader, which asks it for the data.

    Parameters
    ----------
    source : str
        The plate-IFU.
    future : `concurrent.futures.Future`
        What the data will be.
    """

    def __new__(cls, source, future):
        """Make one."""
        self = super().__new__(cls, source)
        self._future = future
        return self

    def fetched(self):
        """Return the data, or raise what came in the way; wait until then."""
        return self._future.result()


def read_ahead(sources, *, format=None, reader=None, threads=THREADS):
    """
    Give sources in their order, while those that come over the network are being fetched.

    Parameters
    ----------
    sources : iterable
        What `kinmis.readers.read` takes.
    format : str, optional
        Format of the sources, if it is given.
    reader : dict, optional
        Options of the reader.
    threads : int, optional
        How many galaxies to ask for at a time. The limit of requests holds for all of them
        together.

    Yields
    ------
    source : object
        The same, but for plate-IFUs that are not here yet: those are of the type `Ahead`.

    Examples
    --------
    >>> from kinmis.marvin.ahead import read_ahead
    >>> list(read_ahead(["a.fits", "b.fits"]))
    ['a.fits', 'b.fits']
    """
    reader = dict(reader or {})
    waiting, crew = deque(), None
    sources = iter(sources)
    try:
        while True:
            for source in islice(sources, 1 if len(waiting) < 2 * threads else 0):
                question = _question(source, format, reader)
                if question is not None:
                    crew = crew or _Crew(threads)
                    source = Ahead(source, crew.fetch(question))
                waiting.append(source)
                break
            else:
                if not waiting:
                    return
                yield waiting.popleft()
                continue
            # whatever needs no waiting for is not kept from its turn
            while waiting and not isinstance(waiting[0], Ahead):
                yield waiting.popleft()
    finally:
        if crew is not None:
            crew.leave()


def _question(source, format, reader):
    """Return what to ask the network for, or None where that is not needed."""
    if (format not in (None, "marvin") or not is_plateifu(source) or os.path.exists(source)
            or reader.get("access", "auto") in ("local", "package")):
        return None
    from kinmis.marvin.reader import question_of
    try:
        question = question_of(source, **reader)
    except (ValueError, TypeError):
        return None     # the reader will say it, in the row of the galaxy
    if question.access == "auto":
        try:
            find_maps(source, question.release, question.bintype, question.template)
            return None
        except FileNotFoundError:
            pass
    return question


class _Crew:
    """Threads that fetch; they keep nobody from leaving, as those of an executor do."""

    def __init__(self, size):
        self._work = queue.SimpleQueue()
        self._size = size
        self._left = threading.Event()
        for _ in range(size):
            threading.Thread(target=self._serve, daemon=True).start()

    def fetch(self, question):
        future = Future()
        self._work.put((future, question))
        return future

    def leave(self):
        """Let what was not begun be."""
        self._left.set()
        for _ in range(self._size):
            self._work.put(None)

    def _serve(self):
        from kinmis.marvin.access import fetch
        while (work := self._work.get()) is not None and not self._left.is_set():
            future, question = work
            try:
                future.set_result(fetch(question, together=False))
            except BaseException as error:  # raised again where the galaxy is read
                future.set_exception(error)
