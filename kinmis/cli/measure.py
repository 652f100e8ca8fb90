"""``kinmis measure``."""

import sys
import time
from contextlib import contextmanager

from kinmis.cli.errors import UsageError
from kinmis.cli.inputs import list_sources

__all__ = ["run"]

#: Columns that the summary is made from; a whole survey need not be in memory for it.
SUMMED_UP = ("id", "source", "status", "message", "flags", "stellar_flags", "gas_flags",
             "stellar_quality", "gas_quality", "misalignment")


def run(args):
    """Measure, show or write the table, and sum up; return the exit code."""
    if args.table is not None and (args.sources or args.lists):
        raise UsageError("give either files or --table, not both")
    if args.column is not None and args.table is None:
        raise UsageError("--column is for --table")
    if args.workers is not None and args.dask is not None:
        raise UsageError("give either --workers or --dask, not both")
    sources = list_sources(args) if args.table is None else _read_table(args.table)
    if not len(sources):
        raise UsageError("nothing to measure: name files, or give --list or --table "
                         "(kinmis measure --help)")
    from kinmis.catalogue.formats import is_folder_name
    folder = args.out is not None and is_folder_name(args.out)
    if args.retry_failed and not folder:
        raise UsageError("--retry-failed is for a folder: --out catalogue/")
    start = time.perf_counter()
    try:
        with _executor(args, folder) as executor:
            table = _measure(sources, args, folder, executor)
    except FileExistsError as error:
        if folder:
            raise UsageError(error) from None
        raise UsageError(f"{args.out!r} exists; give --overwrite to replace it, or choose "
                         "another name") from None
    except (ValueError, TypeError, KeyError) as error:
        # a galaxy never gets this far: it is an option that does not work
        raise UsageError(error.args[0] if len(error.args) == 1 else error) from error
    seconds = time.perf_counter() - start
    if args.out is None:
        from kinmis.catalogue.summary import brief
        for line in brief(table).pformat(max_lines=-1, max_width=-1, align="<"):
            print(line.rstrip())
        sys.stdout.flush()
    if not args.quiet:
        from kinmis.catalogue.summary import summary
        lines = summary(table, seconds=seconds)
        if args.out is not None:
            lines.append(f"written to {args.out}")
        if folder:
            lines.append(f"kinmis report {args.out} makes a page of it")
        print("\n".join(lines), file=sys.stderr)
    return int("failed" in table["status"])


def _measure(sources, args, folder, executor):
    """Return the table, or of a folder what is needed to sum it up."""
    import astropy.units as u

    from kinmis.catalogue import measure, measure_into, read_table
    from kinmis.catalogue.into import CHUNK_SIZE
    how = {"format": args.format, "clean": args.clean, "weights": args.weights,
           "method": args.method, "threshold": args.threshold * u.deg,
           "classify": {"auto": "auto", "yes": True, "no": False}[args.classify],
           "source_column": args.column, "overwrite": args.overwrite, "executor": executor,
           "chunk_size": args.chunk_size or CHUNK_SIZE,
           "progress": False if args.quiet else args.progress, **dict(args.reader)}
    if not folder:
        return measure(sources, out=args.out, **how)
    done = measure_into(sources, args.out, retry_failed=args.retry_failed, **how)
    return read_table(done.table, SUMMED_UP)


@contextmanager
def _executor(args, folder):
    """Open what measures: worker processes, a cluster, or None for this process."""
    if args.dask is None:
        from kinmis.catalogue.running.workers import usable_cores
        # a process that a galaxy ends must not be the one that keeps the results
        yield args.workers or (usable_cores() if folder else None)
        return
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("a dask cluster needs dask.distributed: pip install 'kinmis[dask]'"
                         ) from None
    try:
        client = Client(args.dask, timeout=10)
    except (OSError, ValueError) as error:
        raise UsageError(f"there is no dask scheduler at {args.dask!r}: {error}") from None
    with client:
        yield client


def _read_table(name):
    from kinmis.catalogue import read_table
    try:
        return read_table(name)
    except FileNotFoundError:
        raise UsageError(f"there is no table {name!r}") from None
