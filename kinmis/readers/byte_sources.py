"""The bytes of a file, plain or gzipped, from the front and no further than is asked for."""

from isal import igzip_lib

__all__ = ["FileSource", "GzipSource", "open_source"]

# bytes read or inflated at a time: large enough that calls cost little, small enough that the
# memory stays in the cache of the processor and is used again and again
_PIECE = 1 << 18


class FileSource:
    """
    The bytes of a plain file.

    Calls go forward: none asks for what lies before the start of an earlier one.

    Parameters
    ----------
    file : `io.FileIO`
        The open file; `close` closes it.
    """

    def __init__(self, file):
        self.file = file
        self.path = file.name

    def fetch(self, start, stop, *, ahead=True):
        """
        Return a few bytes.

        Parameters
        ----------
        start, stop : int
            Offsets.
        ahead : bool, optional
            More behind ``stop`` will be asked for.

        Returns
        -------
        data : bytes
            Fewer at the end of the file.
        """
        self.file.seek(start)
        data = self.file.read(stop - start)
        while len(data) < stop - start and (more := self.file.read(stop - start - len(data))):
            data += more
        return data

    def pieces(self, start, stop, *, ahead=True):
        """
        Give many bytes, piece by piece.

        Parameters
        ----------
        start, stop : int
            Offsets.
        ahead : bool, optional
            More behind ``stop`` will be asked for.

        Yields
        ------
        piece : bytes-like
            Of any length; together they are shorter than asked for at the end of the file.
        """
        self.file.seek(start)
        while start < stop and (piece := self.file.read(min(_PIECE, stop - start))):
            yield piece
            start += len(piece)

    def reaches(self, place):
        """Return whether the file is at least that long, after all before was asked for."""
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

    def fetch(self, start, stop, *, ahead=True):  # noqa: D102 (inherited)
        while self._end < stop and self._inflate(start, None if ahead else stop):
            pass
        if start >= self._offset:
            return self._last[start - self._offset:stop - self._offset]
        return b"".join(piece[max(start - offset, 0):stop - offset]
                        for offset, piece in self._pieces
                        if offset < stop and offset + len(piece) > start)

    def pieces(self, start, stop, *, ahead=True):  # noqa: D102 (inherited)
        while start < stop:
            if start >= self._end and not self._inflate(start, None if ahead else stop):
                return
            for offset, piece in self._pieces:
                if offset <= start < offset + len(piece):
                    part = memoryview(piece)[start - offset:stop - offset]
                    yield part
                    start += len(part)

    def reaches(self, place):  # noqa: D102 (inherited)
        return self._end >= place

    def _inflate(self, start, stop=None):
        """Inflate a piece, not beyond ``stop``; forget what ends before ``start``."""
        if self._inflater.eof and not self._next_member():
            return False
        packed = self.file.read(_PIECE) if self._inflater.needs_input else b""
        if not packed and self._inflater.needs_input:
            raise OSError(f"{self.path} is truncated: its .gz stream breaks off after {self._end} "
                          "inflated bytes. Get the file anew.")
        piece = self._take(packed, _PIECE if stop is None else min(stop - self._end, _PIECE))
        if piece:
            self._pieces = [item for item in self._pieces if item[0] + len(item[1]) > start]
            self._offset, self._last = self._end, piece
            self._end += len(piece)
            self._pieces.append((self._offset, piece))
        return True

    def _take(self, packed, most):
        try:
            return self._inflater.decompress(packed, most)
        except igzip_lib.error as error:
            raise OSError(f"{self.path} is damaged: its .gz stream can't be inflated beyond byte "
                          f"{self._end} ({error}). Get the file anew.") from None

    def _next_member(self):
        """Go on to the next member of the stream; return whether there is one."""
        rest = self._inflater.unused_data
        while len(rest) < 2 and (more := self.file.read(_PIECE)):
            rest += more
        if not rest.startswith(b"\x1f\x8b"):     # nothing, or padding
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
