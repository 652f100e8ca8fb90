"""`measure_into`: a long run, into a folder that keeps what is done."""

import time
from contextlib import contextmanager
from importlib.util import find_spec

from kinmis.catalogue.folder import Folder
from kinmis.catalogue.folder.identity import ABSENT
from kinmis.catalogue.options import options_of
from kinmis.catalogue.progress import Progress
from kinmis.catalogue.provenance import provenance
from kinmis.catalogue.running import Chunk, run_chunks
from kinmis.catalogue.running.pools import check_executor
from kinmis.catalogue.sources import Sources
from kinmis.marvin.ahead import MANNERS

__all__ = ["CHUNK_SIZE", "check_chunk_size", "measure_into"]

#: Chunks are cut at fixed places, so that the table does not depend on how they are shared out.
CHUNK_SIZE = 256


def check_chunk_size(size):
    """Raise an error unless a number of galaxies is one."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"chunk_size must be a whole number above 0, not {size!r}")


def measure_into(sources, folder, *, source_column=None, executor=None, resume=True,
                 retry_failed=False, overwrite=False, progress="auto", chunk_size=CHUNK_SIZE,
                 **options):
    """
    Measure many galaxies into a folder; memory does not grow with their number.

    `kinmis.measure` does this too, and returns the whole table.

    Parameters
    ----------
    sources : object
        As for `kinmis.measure`.
    folder : str or os.PathLike
        Where to; it is made. Whatever interrupts the run, the same call goes on with it.
    source_column, executor, resume, retry_failed, overwrite, progress, chunk_size
        As for `kinmis.measure`.
    **options
        How to read and measure, as for `kinmis.measure`.

    Returns
    -------
    folder : object
        ``folder.path``, and ``folder.table``, the path of the table, which
        `kinmis.catalogue.read_table` reads.

    Raises
    ------
    ValueError, FileExistsError, RuntimeError, ModuleNotFoundError
        As `kinmis.measure`.

    Examples
    --------
    >>> import tempfile
    >>> from kinmis import mock
    >>> from kinmis.catalogue import measure_into, read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     survey = measure_into([mock.galaxy(pa_stellar=40, seed=1)], folder, classify=False)
    ...     print(read_table(survey.table)["stellar_pa"].round())
    [40.] deg
    """
    check_chunk_size(chunk_size)
    check_executor(executor)
    if find_spec("pyarrow") is None:
        raise ModuleNotFoundError("a run into a folder needs the package pyarrow; install it with "
                                  "pip install 'kinmis[parquet]'", name="pyarrow")
    sources = Sources(sources, source_column)
    options = options_of(**options)
    facts = provenance(options.plain())
    versions = {name: text for name, text in facts["versions"].items() if name != "python"}
    # which way galaxies come, and how patiently they are asked for, does not change them
    reader = {name: value for name, value in facts["options"]["reader"].items()
              if name not in MANNERS}
    key = {"versions": versions, "options": {**facts["options"], "reader": reader},
           "chunk_size": chunk_size}
    folder, run = Folder(folder), _Run(retry_failed)
    with folder.open(key, resume=resume, overwrite=overwrite):
        with Progress(progress, sources.total) as tick:
            chunks = run.to_do(folder, sources.chunks(chunk_size), tick)
            for chunk, arrays, seconds in run_chunks(chunks, options, executor, tick):
                with _kept(folder):
                    folder.add(chunk.number, arrays, chunk.inputs, chunk.places)
                run.note(chunk, seconds)
        meta = {"kinmis": {**facts, "date": folder.manifest.created}}
        with _kept(folder):
            folder.finish(run.count, meta, sources.carried)
            folder.note_run(run.report())
    return folder


@contextmanager
def _kept(folder):
    """Say, where the disk is full, that nothing is lost."""
    try:
        yield
    except OSError as error:
        raise OSError(f"'{folder.path}' can't be written: {error.strerror or error}. What is done "
                      "is kept: make room, and the same command goes on") from error


def _all_here(inputs, failed):
    """Whether all sources but those that failed can be had again without the network."""
    return all(state != ABSENT for place, (_, state) in enumerate(inputs) if place not in failed)


class _Run:
    """Which chunks a run has met, and what became of them."""

    def __init__(self, retry_failed):
        self.retry_failed = retry_failed
        self.count = self.kept = self.galaxies = 0
        self.seconds = {}
        self._start = time.perf_counter()

    def to_do(self, folder, chunks, tick):
        """Yield the chunks that are not there yet, or not any more."""
        for number, sources in enumerate(chunks):
            self.count += 1
            inputs = folder.inputs(sources)
            table = folder.valid(number, inputs)
            if table is None:
                yield Chunk(number, sources, inputs)
                continue
            failed = [place for place, status in enumerate(table["status"].to_pylist())
                      if status == "failed" and self.retry_failed]
            if not failed:
                self.kept += 1
                tick.skip(len(sources))
            elif _all_here(inputs, failed):
                # sums in the order of a run in which nothing failed: the same to the bit
                yield Chunk(number, sources, inputs)
            else:
                tick.skip(len(sources) - len(failed))
                yield Chunk(number, [sources[i] for i in failed], [inputs[i] for i in failed],
                            failed)

    def note(self, chunk, seconds):
        """Note what a chunk took."""
        self.galaxies += len(chunk.sources)
        for stage, value in seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.) + value

    def report(self):
        """Return what can be said of the run, as plain values."""
        return {"chunks": self.count, "chunks_kept": self.kept,
                "galaxies_measured": self.galaxies,
                "seconds": round(time.perf_counter() - self._start, 3),
                "seconds_of_stages": {stage: round(value, 3)
                                      for stage, value in self.seconds.items()}}
