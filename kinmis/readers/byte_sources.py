"""The bytes of a file, plain or gzipped, from the front and no further than is asked for."""

from isal import igzip_lib

__all__ = ["FileSource", "GzipSource", "open_source"]

_READ = 1 << 17     # compressed bytes read at a time
_STEP = 1 << 17     # bytes inflated at a time, at least: small steps cost more than they spare


class FileSource:
    """
    The bytes of a plain file.

    Parameters
    ----------
    file : `io.FileIO`
        The open file; `close` closes it.
    """

    def __init__(self, file):
        self.file = file
        self.path = file.name

    def fetch(self, start, stop, *, exact=False):
        """
        Return the bytes from ``start`` up to ``stop``, fewer at the end of the file.

        Parameters
        ----------
        start, stop : int
            Offsets. A later call never starts before an earlier one did.
        exact : bool, optional
            Nothing behind ``stop`` will be asked for.

        Returns
        -------
        data : bytes
        """
        self.file.seek(start)
        data = self.file.read(stop - start)
        while len(data) < stop - start and (more := self.file.read(stop - start - len(data))):
            data += more
        return data

    def reaches(self, place):
        """Return whether the file is at least that long; all before was asked for."""
        return self.file.seek(0, 2) >= place

    def close(self):
        """Close the file."""
        self.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class GzipSource(FileSource):
    """
    The bytes of a gzipped file, inflated as they are asked for.

    Parameters
    ----------
    file : `io.FileIO`
        The open file, at its beginning; `close` closes it.
    """

    def __init__(self, file):
        super().__init__(file)
        self._inflater = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        self._pieces = []   # (offset, bytes) of what may still be asked for
        self._offset = 0    # of the last piece
        self._last = b""
        self._end = 0       # where the last piece ends
        self._done = False

    def fetch(self, start, stop, *, exact=False):  # noqa: D102 (inherited)
        if start >= self._offset and stop <= self._end:
            return self._last[start - self._offset:stop - self._offset]
        if stop > self._end and not self._done:
            self._pieces = [(offset, piece) for offset, piece in self._pieces
                            if offset + len(piece) > start]
            self._inflate(stop if exact else max(stop, self._end + _STEP))
        return b"".join([piece[max(start - offset, 0):stop - offset]
                         for offset, piece in self._pieces
                         if offset < stop and offset + len(piece) > start])

    def reaches(self, place):  # noqa: D102 (inherited)
        return self._end >= place

    def _inflate(self, stop):
        while self._end < stop and not self._done:
            if self._inflater.eof and not self._next_member():
                return
            packed = self.file.read(_READ) if self._inflater.needs_input else b""
            if not packed and self._inflater.needs_input:
                raise OSError(f"{self.path} is truncated: its .gz stream breaks off after "
                              f"{self._end} inflated bytes. Get the file anew.")
            self._take(packed, stop - self._end)

    def _take(self, packed, most):
        try:
            piece = self._inflater.decompress(packed, most)
        except igzip_lib.error as error:
            raise OSError(f"{self.path} is damaged: its .gz stream can't be inflated beyond "
                          f"byte {self._end} ({error}). Get the file anew.") from None
        if piece:
            self._offset, self._last = self._end, piece
            self._end += len(piece)
            self._pieces.append((self._offset, piece))

    def _next_member(self):
        """Go on to the next member of the stream; return whether there is one."""
        rest = self._inflater.unused_data or self.file.read(_READ)
        while len(rest) < 2 and (more := self.file.read(_READ)):
            rest += more
        if not rest.startswith(b"\x1f\x8b"):     # nothing, or padding
            self._done = True
            return False
        self._inflater = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        self._take(rest, 0)
        return True


def open_source(path):
    """
    Open a FITS file, gzipped or not, whatever it is called.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    source : `FileSource` or `GzipSource`
        A context manager that closes the file.

    Raises
    ------
    OSError
        If there is no such file, or it can't be read.
    ValueError
        If it is empty, or neither FITS nor gzipped.
    """
    file = open(path, "rb", buffering=0)
    try:
        magic = file.read(10)
        file.seek(0)
        if magic.startswith(b"\x1f\x8b"):
            return GzipSource(file)
        if magic.startswith(b"SIMPLE  ="):
            return FileSource(file)
        raise ValueError(f"{path} is no FITS file: it " + (
            f"begins with {magic!r}" if magic else "is empty"))
    except BaseException:
        file.close()
        raise
