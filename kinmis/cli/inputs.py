"""The sources that a command line names."""

import os
import sys

from kinmis.cli.errors import UsageError

__all__ = ["list_sources", "refuse_folders"]


def list_sources(args):
    """Return the sources of the arguments and of the lists, in order."""
    sources = list(args.sources)
    for name in args.lists:
        sources += _read_list(name)
    refuse_folders(sources, args.command)
    return sources


def refuse_folders(sources, command):
    """Raise an error that says what to do about the first folder among the sources."""
    for source in sources:
        if os.path.isdir(source):
            raise UsageError(f"{source!r} is a folder; name its files, as in: "
                             f"kinmis {command} {os.path.join(source, '*.fits.gz')}")


def _read_list(name):
    if name == "-":
        text = sys.stdin.read()
    else:
        try:
            # file names may hold any bytes
            with open(name, encoding="utf-8", errors="surrogateescape") as stream:
                text = stream.read()
        except FileNotFoundError:
            raise UsageError(f"there is no list {name!r}") from None
        except OSError as error:
            raise UsageError(f"the list {name!r} can't be read: {error.strerror}") from None
        if "\0" in text[:10_000]:
            raise UsageError(f"the list {name!r} is no text; name it without --list if it is "
                             "a galaxy, or with --table if it is a table")
    lines = text.removeprefix("\ufeff").splitlines()
    sources = [line.split("#", 1)[0].strip() for line in lines]
    sources = [source for source in sources if source]
    if not sources:
        raise UsageError(f"the list {name!r} names no source")
    return sources
