"""A chunk of galaxies: what is measured together, and where."""

import threading
import time
from dataclasses import dataclass, field

from kinmis.catalogue.stages import classify_all, clean_all, measure_all, read_one
from kinmis.catalogue.table import column_arrays
from kinmis.marvin.ahead import read_ahead

__all__ = ["Chunk", "measure_chunk", "run_chunk"]

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
    deaths : int
        How often the process that measured it has died.
    """

    number: int
    sources: list
    inputs: list = field(default_factory=list)
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
    with _one_at_a_time:
        times = [time.perf_counter()]
        rows = []
        for source in read_ahead(sources, format=options.format, reader=options.reader):
            rows.append(read_one(source, options))
            if tick is not None:
                tick(rows[-1].galaxy is None)
        times.append(time.perf_counter())
        for stage in (clean_all, measure_all, classify_all):
            stage(rows, options)
            times.append(time.perf_counter())
        arrays = column_arrays([row.values() for row in rows])
        times.append(time.perf_counter())
    return arrays, {name: end - start for name, start, end in zip(STAGES, times, times[1:])}
