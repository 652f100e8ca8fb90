"""MAPS files of many galaxies, from the archive into a folder."""

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from kinmis.marvin.access import Question, Servers

__all__ = ["fetch_maps"]

_AT_ONCE = 3


def fetch_maps(plateifus, folder, *, release=None, bintype=None, template=None, tree=False,
               overwrite=False, sas_url=None, timeout=30., tries=4):
    """
    Download MAPS files from the survey's archive into a folder.

    Each is looked through before it gets its name. Those that are there already are left; one
    that broke off goes on where it ended.

    Parameters
    ----------
    plateifus : sequence of str
        Such as ``["8485-1901"]``.
    folder : str or os.PathLike
        Where to; it is made.
    release, bintype, template : str, optional
        Which file of each, as for `kinmis.Galaxy.from_marvin`.
    tree : bool, optional
        Whether to lay them out as the archive does, so that the folder can be
        ``$SAS_BASE_DIR``.
    overwrite : bool, optional
        Download also what is there already.
    sas_url, timeout, tries
        As for `kinmis.marvin.reader.read_marvin`.

    Yields
    ------
    plateifu : str
        One after the other, in the order in which they come.
    path : `~pathlib.Path` or Exception
        The file, or why there is none.

    Raises
    ------
    ValueError
        If an argument has a value that it can't have.

    Examples
    --------
    >>> from kinmis.marvin import fetch_maps
    >>> for plateifu, path in fetch_maps(["8485-1901"], "maps"):    # doctest: +REMOTE_DATA
    ...     print(path.name)
    manga-8485-1901-MAPS-HYB10-MILESHC-MASTARSSP.fits.gz
    """
    servers = Servers(sas_url=sas_url, timeout=timeout, tries=tries)
    questions = [Question(plateifu, release, bintype, template, servers=servers)
                 for plateifu in dict.fromkeys(plateifus)]
    folder = Path(folder)
    executor = ThreadPoolExecutor(_AT_ONCE)
    try:
        futures = {executor.submit(_fetch, question, folder, tree, overwrite): question.plateifu
                   for question in questions}
        for future in as_completed(futures):
            error = future.exception()
            yield futures[future], future.result() if error is None else error
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _fetch(question, folder, tree, overwrite):
    from kinmis.marvin.download import fetch_file
    parts = question.path.split("/")
    path = folder.joinpath(*(parts if tree else parts[-1:]))
    if path.exists() and not overwrite:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(path.name + ".part")
    what = f"{question.plateifu} ({question.release}, {question.bintype}-{question.template})"
    fetch_file(question.servers.archive, question.servers.sas_url + question.path, begun, what)
    os.replace(begun, path)
    return path
