"""Files of the survey's archive, kept in astropy's cache: whole ones, and nothing else."""

import hashlib
import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

from kinmis.marvin.client import TryAgain
from kinmis.marvin.errors import AnswerError, NotFoundError, OutageError
from kinmis.marvin.verify import verify_fits

__all__ = ["cached_file", "download", "fetch_file"]

_MOST = 2 << 30
# seconds that a try may take; what it got is kept for the next one
_TOTAL = 900.
# a download that got nowhere for this long belongs to nobody any more
_ABANDONED = 3600.
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


def cached_file(url):
    """
    Return the path of a file in astropy's cache.

    Parameters
    ----------
    url : str
        Where it comes from.

    Returns
    -------
    path : str or None
        None where it was not downloaded yet.
    """
    from astropy.config import get_cache_dir
    from astropy.utils.data import download_file, is_url_in_cache
    try:
        # astropy would warn of a cache that is not there yet, and threads must not
        (Path(get_cache_dir()) / "download" / "url").mkdir(parents=True, exist_ok=True)
    except OSError:
        return None     # no place for a cache, so nothing is in it
    return download_file(url, cache=True) if is_url_in_cache(url) else None


def download(client, url, what):
    """
    Return the path of a file in astropy's cache, after downloading it if need be.

    What is in the cache is whole: a download is looked through before it gets there. One that
    broke off goes on where it ended, also in another process.

    Parameters
    ----------
    client : `~kinmis.marvin.client.Client`
        What sends the requests.
    url : str
        Address of a FITS file.
    what : str
        What it is, for messages.

    Returns
    -------
    path : str

    Raises
    ------
    NotFoundError
        If there is no such file.
    OutageError
        If it can't be had.
    AnswerError
        If the server sends something else.
    OSError
        If it can't be written.
    """
    from astropy.utils.data import import_file_to_cache
    path = cached_file(url)
    if path is not None:
        return path
    try:
        partial = _Partial(url)
    except OSError as error:
        raise OSError(f"{what}: no place for downloads: {error}. Set XDG_CACHE_HOME to a folder "
                      "that can be written to, or use access=\"api\"") from error
    with partial:
        fetch_file(client, url, partial.path, what)
        return import_file_to_cache(url, str(partial.path), remove_original=True)


def fetch_file(client, url, path, what):
    """
    Download a FITS file, or the rest of one, and look it through.

    Parameters
    ----------
    client, url, what
        As for `download`.
    path : `~pathlib.Path`
        Where to; what is there already is taken for its beginning.

    Raises
    ------
    NotFoundError, OutageError, AnswerError
        As for `download`. What there is then is left, for another time.
    """
    resumed = path.exists() and path.stat().st_size > 0
    for again in (resumed, False):
        _fetch(client, url, path, what)
        try:
            return verify_fits(path)
        except (OSError, ValueError) as error:
            path.unlink()
            if not again:   # from the beginning to the end, and still not right
                raise AnswerError(f"{url} holds no whole FITS file: {_without(error, path)}"
                                  ) from None


def _without(error, path):
    return str(error).removeprefix(f"{path} ").removeprefix(f"{path}: ")


def _fetch(client, url, path, what):
    """Append to a file what is missing of it."""
    progress = 0
    while True:
        before = path.stat().st_size if path.exists() else 0
        try:
            return client.request("GET", url, lambda answer: _append(answer, path, what),
                                  headers=lambda: _ask_for_rest(path), total=_TOTAL)
        except OutageError:
            progress = path.stat().st_size - before if path.exists() else 0
            if progress < 1 << 20:
                raise
            # slow or shaky, but it comes: go on


def _ask_for_rest(path):
    size = path.stat().st_size if path.exists() else 0
    # as it is stored: some servers would inflate a .gz file
    headers = {"Accept-Encoding": "identity"}
    return headers | {"Range": f"bytes={size}-"} if size else headers


def _append(answer, path, what):
    size = path.stat().st_size if path.exists() else 0
    if size > _MOST:
        raise AnswerError(f"{answer.url} sends more than {_MOST >> 20} MiB, which can't be right")
    if answer.status == 404:
        raise NotFoundError(f"{what}: there is no such file in the archive, {answer.url}. Is the "
                            "plate-IFU right, and does this release have these bins and "
                            "templates?")
    if answer.status == 416:
        # all there, or more than that: looking it through will tell
        return
    begin = 0
    if answer.status == 206:
        match = _RANGE.match(answer.headers.get("Content-Range", ""))
        begin = int(match[1]) if match else -1
        if begin != size:
            path.unlink(missing_ok=True)
            raise TryAgain("the server sends another part than was asked for")
    elif answer.status != 200:
        raise AnswerError(f"{answer.url} answers with status {answer.status}")
    elif answer.headers.get("Content-Type", "").startswith("text/html"):
        raise TryAgain("the answer is a page, not a file")
    with open(path, "ab" if begin else "wb") as file:
        for piece in answer.pieces(_MOST):
            file.write(piece)


class _Partial:
    """
    A file that is being downloaded, in a place that only this thread writes to.

    What somebody else began and left is taken over: renaming succeeds for one only.
    """

    def __init__(self, url):
        from astropy.config import get_cache_dir
        folder = Path(get_cache_dir()) / "kinmis" / urlsplit(url).hostname
        folder.mkdir(parents=True, exist_ok=True)
        self._left = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.part"
        self.path = self._left.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")

    def __enter__(self):
        for candidate in self._abandoned():
            try:
                candidate.rename(self.path)
                break
            except FileNotFoundError:
                pass    # somebody else took it
        return self

    def _abandoned(self):
        yield self._left
        for other in self._left.parent.glob(f"{self._left.stem}.*"):
            try:
                if time.time() - other.stat().st_mtime > _ABANDONED:
                    yield other
            except FileNotFoundError:
                pass

    def __exit__(self, *exception):
        if self.path.exists():
            self.path.replace(self._left)
