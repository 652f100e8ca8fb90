"""What the ways to run chunks elsewhere have in common."""

import warnings
from concurrent.futures import BrokenExecutor

from kinmis.catalogue.running.workers import Workers, usable_cores
from kinmis.exceptions import KinmisWarning

__all__ = ["check_executor", "make_pool"]


def check_executor(executor):
    """
    Raise an error unless an executor is one.

    Parameters
    ----------
    executor : object
        As for `kinmis.measure`.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    if executor is None or hasattr(executor, "submit"):
        return
    if isinstance(executor, bool) or not isinstance(executor, int):
        raise TypeError("executor must be None, a number of processes, or have a method submit "
                        f"(concurrent.futures, dask.distributed), not {type(executor).__name__}")
    if executor < 1:
        raise ValueError(f"executor must be a number of processes above 0, not {executor}")


def make_pool(executor, tick=None):
    """
    Return the pool of an executor, as a context.

    Parameters
    ----------
    executor : int or object with ``submit``
        Number of worker processes, or who has them.
    tick : callable, optional
        Called with whether it failed for each galaxy.
    """
    if isinstance(executor, int):
        return _OwnPool(executor, tick)
    if type(executor).__module__.partition(".")[0] == "distributed":
        return _DaskPool(executor, tick)
    return _OtherPool(executor, tick)


class _OwnPool:
    """Worker processes of our own; they count galaxies as they go."""

    def __init__(self, size, tick):
        self._workers = Workers(size, tick)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._workers.shutdown()

    def submit(self, function, *arguments):
        return self._workers.submit(function, *arguments)

    def capacity(self):
        """Number of chunks to have under way: one in waiting for each that is worked on."""
        return 2 * self._workers.size

    def renew(self, error):
        """Make up for what was lost; the workers do so themselves."""

    def count(self, arrays):
        """Count galaxies that have not been counted while they were measured."""


class _OtherPool:
    """An executor that was given; it is not ended here."""

    def __init__(self, executor, tick):
        self._executor, self._tick, self._mine = executor, tick, None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._mine is not None:
            self._mine.shutdown()

    def submit(self, function, *arguments):
        try:
            return self._executor.submit(function, *arguments)
        except BrokenExecutor as error:
            self.renew(error)
            return self._executor.submit(function, *arguments)

    def capacity(self):
        return 2 * getattr(self._executor, "_max_workers", usable_cores())

    def renew(self, error):
        # a pool of concurrent.futures is of no use once one of its processes has died
        if isinstance(error, BrokenExecutor) and self._mine is None:
            size = getattr(self._executor, "_max_workers", usable_cores())
            warnings.warn(f"a process of the executor died, which ends {self._executor!r}; the "
                          f"run goes on with {size} worker processes of its own (executor={size} "
                          "has them from the start)", KinmisWarning, stacklevel=2)
            self._executor = self._mine = Workers(size)

    def count(self, arrays):
        if self._tick is not None:
            for status in arrays["status"]:
                self._tick(status == "failed")


class _DaskPool(_OtherPool):
    """A client of dask.distributed, which restarts lost work by itself."""

    def submit(self, function, *arguments):
        # the same galaxies twice are two chunks
        return self._executor.submit(function, *arguments, pure=False)

    def capacity(self):
        return 2 * max(1, sum(self._executor.nthreads().values()))
