"""A lock on a folder, which goes with the process that holds it, however that ends."""

import os
import socket

__all__ = ["FolderLock", "RunInProgressError"]

# of this process; the lock of the system does not keep a process from itself
_held = set()


class RunInProgressError(RuntimeError):
    """Another run writes to the folder."""


class FolderLock:
    """
    Keeps others from writing to a folder, as a context.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file of the lock; it stays there, empty of meaning when nobody holds it.

    Raises
    ------
    RunInProgressError
        On entering, if another run holds it.
    """

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        self._key = os.fstat(self._file)[1:3]
        if self._key in _held or not _lock(self._file):
            holder = os.read(self._file, 200).decode(errors="replace") or "unknown process"
            if self._key not in _held:      # closing it here would free our own
                os.close(self._file)
            raise RunInProgressError(
                f"another run writes to '{self.path.parent}' ({holder}); wait until it is done, "
                "stop it, or choose another folder")
        _held.add(self._key)
        os.ftruncate(self._file, 0)
        os.write(self._file, f"process {os.getpid()} on {socket.gethostname()}".encode())
        return self

    def __exit__(self, *exception):
        _held.discard(self._key)
        os.ftruncate(self._file, 0)
        os.close(self._file)


def _lock(file):
    """Try to lock an open file; return whether that worked."""
    try:
        try:
            import fcntl
        except ImportError:     # Windows
            import msvcrt
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            # of the process, not of the file: children do not hold on to it
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
