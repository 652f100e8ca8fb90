"""``kinmis measure``."""

import sys
import time

from kinmis.cli.errors import UsageError
from kinmis.cli.inputs import list_sources

__all__ = ["run"]


def run(args):
    """Measure, show or write the table, and sum up; return the exit code."""
    if args.table is not None and (args.sources or args.lists):
        raise UsageError("give either files or --table, not both")
    if args.column is not None and args.table is None:
        raise UsageError("--column is for --table")
    sources = list_sources(args) if args.table is None else _read_table(args.table)
    if not len(sources):
        raise UsageError("nothing to measure: name files, or give --list or --table "
                         "(kinmis measure --help)")
    import astropy.units as u

    from kinmis.catalogue import measure
    from kinmis.catalogue.summary import brief, summary
    start = time.perf_counter()
    try:
        table = measure(
            sources, format=args.format, clean=args.clean, weights=args.weights,
            method=args.method, threshold=args.threshold * u.deg, source_column=args.column,
            out=args.out, overwrite=args.overwrite,
            progress=False if args.quiet else args.progress, **dict(args.reader))
    except FileExistsError:
        raise UsageError(f"{args.out!r} exists; give --overwrite to replace it, or choose "
                         "another name") from None
    except (ValueError, TypeError, KeyError) as error:
        # a galaxy never gets this far: it is an option that does not work
        raise UsageError(error.args[0] if len(error.args) == 1 else error) from error
    seconds = time.perf_counter() - start
    if args.out is None:
        for line in brief(table).pformat(max_lines=-1, max_width=-1, align="<"):
            print(line.rstrip())
        sys.stdout.flush()
    if not args.quiet:
        lines = summary(table, seconds=seconds)
        if args.out is not None:
            lines.append(f"written to {args.out}")
        print("\n".join(lines), file=sys.stderr)
    return int("failed" in table["status"])


def _read_table(name):
    from kinmis.catalogue import read_table
    try:
        return read_table(name)
    except FileNotFoundError:
        raise UsageError(f"there is no table {name!r}") from None
