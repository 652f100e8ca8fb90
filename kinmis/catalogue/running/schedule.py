"""
Chunks on their way through an executor.

A process that dies costs its chunk another try. A chunk that loses several is looked into on its
own, and what is found to end processes again and again is left out, with a row that says so.
"""

import queue
from concurrent.futures import BrokenExecutor, CancelledError

from kinmis.catalogue.running.chunk import run_chunk
from kinmis.catalogue.running.pools import make_pool
from kinmis.catalogue.running.workers import WorkerDiedError
from kinmis.catalogue.sources import source_text
from kinmis.catalogue.stages import LeftOut

__all__ = ["run_chunks"]

#: Processes that a chunk may cost before its galaxies are looked at one by one.
TRIES = 3

#: Processes that one galaxy alone must cost to be left out.
TRIES_ALONE = 2

#: Times that a chunk is looked into, before the run is given up.
ROUNDS = 4


def run_chunks(chunks, options, executor=None, tick=None):
    """
    Measure chunks, as many at a time as the executor takes.

    Parameters
    ----------
    chunks : iterable of `~kinmis.catalogue.running.chunk.Chunk`
        Taken one by one, no faster than they are measured.
    options : `~kinmis.catalogue.options.Options`
        How to measure.
    executor : None, int or object with ``submit``
        As for `kinmis.measure`.
    tick : callable, optional
        Called with whether it failed for each galaxy.

    Yields
    ------
    chunk : `~kinmis.catalogue.running.chunk.Chunk`
        In the order in which they are done.
    arrays : dict
        Its columns.
    seconds : dict
        Time of each stage.

    Raises
    ------
    RuntimeError
        If processes die whatever they are at.
    """
    if executor is None:
        for chunk in chunks:
            yield chunk, *run_chunk(chunk.sources, options, tick)
        return
    with make_pool(executor, tick) as pool:
        suspects = []
        yield from _run(iter(chunks), options, pool, suspects)
        for chunk in suspects:
            yield chunk, *_look_into(chunk, options, pool)


def _run(chunks, options, pool, suspects):
    """Measure all but those that lose too many processes, which are added to the suspects."""
    again, flying, done = [], {}, queue.SimpleQueue()
    try:
        while True:
            while len(flying) < pool.capacity():
                chunk = again.pop() if again else next(chunks, None)
                if chunk is None:
                    break
                future = pool.submit(run_chunk, chunk.sources, options)
                flying[future] = chunk
                future.add_done_callback(done.put)
            if not flying:
                return
            future = done.get()
            chunk = flying.pop(future)
            result = _result(future, pool)
            if result is not None:
                pool.count(result[0])
                yield chunk, *result
                continue
            chunk.deaths += 1
            (again if chunk.deaths < TRIES else suspects).append(chunk)
    finally:
        for future in flying:
            future.cancel()


def _result(future, pool):
    """Return the result, or None if the process died."""
    try:
        return future.result()
    except CancelledError as error:
        raise RuntimeError("the executor has given up its work (was its cluster shut down?); run "
                           "it again to go on") from error
    except Exception as error:
        if not _died(error):
            raise
        pool.renew(error)
        return None


def _died(error):
    """Whether an error says that a process came to an end, and not that something is wrong."""
    # dask is not imported for the sake of a class
    return (isinstance(error, (WorkerDiedError, BrokenExecutor))
            or type(error).__name__ == "KilledWorker")


def _look_into(chunk, options, pool):
    """Measure a chunk alone; leave out what ends processes again and again."""
    sources = list(chunk.sources)
    for _ in range(ROUNDS):
        survived = _survives(sources, options, pool)
        if survived is not None:
            pool.count(survived[0])
            return survived
        for place in _culprits(list(range(len(sources))), sources, options, pool):
            sources[place] = LeftOut(source_text(chunk.sources[place]), TRIES_ALONE)
    raise RuntimeError(
        f"the processes that measure chunk {chunk.number} (from {chunk.sources[0]!r} on) die "
        "again and again, and not because of any one galaxy: is there enough memory for so many "
        "workers, or for so large a chunk? What has been measured is kept")


def _survives(sources, options, pool):
    """Return the result, or None if the process died."""
    return _result(pool.submit(run_chunk, sources, options), pool)


def _culprits(places, sources, options, pool):
    """Return which of the galaxies end the process, knowing that one of them does."""
    if len(places) == 1:
        alone = [sources[places[0]]]
        dead = all(_survives(alone, options, pool) is None for _ in range(TRIES_ALONE))
        return places if dead else []
    found = []
    for half in (places[:len(places) // 2], places[len(places) // 2:]):
        if len(half) == 1 or _survives([sources[i] for i in half], options, pool) is None:
            found += _culprits(half, sources, options, pool)
    return found
