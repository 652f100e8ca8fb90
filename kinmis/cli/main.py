"""The command: its subcommands, and what becomes of errors."""

import os
import sys

from kinmis.cli.errors import UsageError
from kinmis.cli.parsers import make_parser

__all__ = ["main"]

INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv=None):
    """
    Run the command.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    code : int
        0 if all went well, 1 if a galaxy or the command failed, 2 for wrong usage.
    """
    parser = make_parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    try:
        code = args.run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("kinmis: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read the output has left; without this Python complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except UsageError as error:
        if args.debug and error.__cause__ is not None:
            raise
        print(f"kinmis: error: {error}", file=sys.stderr)
        return 2
    except Exception as error:  # any other is told in a line as well; --debug shows where from
        return _complain(error, args)


def _complain(error, args):
    if args.debug:
        raise error
    from kinmis.catalogue.row import error_text
    text = error_text(error)
    if isinstance(error, (OSError, ValueError, TypeError, KeyError, ImportError)):
        # the class of an error about input says nothing that its text does not
        text = text.partition(": ")[2] or text
    print(f"kinmis: error: {text}", file=sys.stderr)
    return 1
