"""A chunk of galaxies: what is measured together, and where."""

import threading
import time
from dataclasses import dataclass, field
from itertools import islice

from kinmis.catalogue.stages import classify_all, clean_all, measure_all, read_one
from kinmis.catalogue.table import column_arrays
from kinmis.marvin.ahead import read_ahead

__all__ = ["Chunk", "measure_chunk", "run_chunk"]

#: Galaxies that are in memory at a time: enough to share the cost of a fit, and no more, however
#: large the chunk.
BATCH = 64

#: The stages, in order.
STAGES = ("read", "clean", "measure", "classify", "tabulate")

# how warnings are dealt with belongs to the whole process, so that two threads can't each
# collect those of their galaxies
_one_at_a_time = threading.Lock()


@dataclass
class Chunk:
    """
    Galaxies that are measured together.

    Parameters
    ----------
    number : int
        Its place among the chunks.
    sources : list
        What `~kinmis.catalogue.stages.read_one` takes.
    inputs : list
        What identifies the sources.
    places : list of int, optional
        Rows of the shard that these galaxies take the place of; by default they are all of it.
    deaths : int
        How often the process that measured it has died.
    """

    number: int
    sources: list
    inputs: list = field(default_factory=list)
    places: list | None = None
    deaths: int = 0


def measure_chunk(sources, options, tick=None):
    """
    Measure a chunk of galaxies.

    It stands alone: sources that are paths or identifiers, options and result can be sent
    to and from another process.

    Parameters
    ----------
    sources : list
        What `~kinmis.catalogue.stages.read_one` takes.
    options : `~kinmis.catalogue.options.Options`
        How to measure.
    tick : callable, optional
        Called with whether it failed after each galaxy is read.

    Returns
    -------
    arrays : dict of `~numpy.ma.MaskedArray`
        One for each column, as `~kinmis.catalogue.table.make_table` takes them.
    """
    return run_chunk(sources, options, tick)[0]


def run_chunk(sources, options, tick=None):
    """
    Measure a chunk of galaxies, and say how long each stage took.

    Parameters
    ----------
    sources, options, tick
        As for `measure_chunk`.

    Returns
    -------
    arrays : dict of `~numpy.ma.MaskedArray`
        As `measure_chunk` returns.
    seconds : dict
        For each of `STAGES`.
    """
    seconds, values = dict.fromkeys(STAGES, 0.), []
    with _one_at_a_time:
        ahead = read_ahead(sources, format=options.format, reader=options.reader)
        while rows := _timed(seconds, "read", _read, islice(ahead, BATCH), options, tick):
            for name, stage in (("clean", clean_all), ("measure", measure_all),
                                ("classify", classify_all)):
                _timed(seconds, name, stage, rows, options)
            values += _timed(seconds, "tabulate", list, (row.values() for row in rows))
        arrays = _timed(seconds, "tabulate", column_arrays, values)
    return arrays, seconds


def _read(sources, options, tick):
    rows = []
    for source in sources:
        rows.append(read_one(source, options))
        if tick is not None:
            tick(rows[-1].galaxy is None)
    return rows


def _timed(seconds, name, function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    seconds[name] += time.perf_counter() - start
    return result
