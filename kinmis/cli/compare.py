"""``kinmis compare``."""

from pathlib import Path

from kinmis.cli.errors import UsageError

__all__ = ["run"]


def run(args):
    """Compare two catalogues: print what differs, write table and picture."""
    from kinmis.catalogue import compare, read_table, write_table
    tables = []
    for name in (args.old, args.new):
        try:
            tables.append(read_table(name))
        except FileNotFoundError as error:
            raise UsageError(error) from None
    for path in filter(None, (args.out, args.plot)):
        if Path(path).exists() and not args.overwrite:
            raise UsageError(f"{path!r} exists; give --overwrite to replace it, or choose "
                             "another name")
    try:
        comparison = compare(*tables, by=args.by)
        if args.out is not None:
            write_table(comparison.table, args.out, overwrite=args.overwrite)
        if args.plot is not None:
            comparison.plot().savefig(args.plot)
    except (KeyError, ValueError) as error:
        raise UsageError(error.args[0]) from error
    print("\n".join(comparison.summary()))
    return 0
