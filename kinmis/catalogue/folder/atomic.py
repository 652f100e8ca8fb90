"""Files that appear at once and complete, or not at all."""

import os
from contextlib import contextmanager

__all__ = ["atomic_file", "write_atomically"]


@contextmanager
def atomic_file(path):
    """
    Open a file for writing, which gets its name when all is written and on the disk.

    Parameters
    ----------
    path : `~pathlib.Path`
        Name of the file.

    Yields
    ------
    stream : binary file
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_atomically(path, content):
    """Write bytes to a file, which appears at once and complete."""
    with atomic_file(path) as stream:
        stream.write(content)
