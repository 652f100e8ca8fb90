"""``kinmis report``."""

from kinmis.cli.errors import UsageError

__all__ = ["run"]


def run(args):
    """Make the page of a catalogue."""
    from kinmis.report import write_report
    try:
        print(write_report(args.catalogue, args.out, count=args.pictures,
                           overwrite=args.overwrite))
    except (FileNotFoundError, FileExistsError, ValueError) as error:
        raise UsageError(error) from error
    return 0
