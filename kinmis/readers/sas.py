"""
Where MaNGA keeps its MAPS files: the tree of the SDSS Science Archive Server (SAS).

A local copy of the tree lies under the folder that the environment variable ``SAS_BASE_DIR``
names.
"""

import os
import re

__all__ = ["DEFAULT_RELEASE", "RELEASES", "find_maps", "is_plateifu", "maps_path"]

DEFAULT_RELEASE = "DR17"

# release -> (version of the reduction, version of the analysis, default bins, default templates)
RELEASES = {
    "DR15": ("v2_4_3", "2.2.1", "HYB10", "GAU-MILESHC"),
    "DR16": ("v2_4_3", "2.2.1", "HYB10", "GAU-MILESHC"),
    "DR17": ("v3_1_1", "3.1.0", "HYB10", "MILESHC-MASTARSSP"),
}

_PLATEIFU = re.compile(r"(\d{4,5})-(\d{3,5})")


def is_plateifu(source):
    """
    Return whether something is a plate-IFU, the name of an observation of MaNGA.

    Parameters
    ----------
    source : object
        Anything.

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> from kinmis.readers.sas import is_plateifu
    >>> is_plateifu("8485-1901"), is_plateifu("1-209232")
    (True, False)
    """
    return isinstance(source, str) and _PLATEIFU.fullmatch(source) is not None


def maps_path(plateifu, release=None, bintype=None, template=None):
    """
    Return the path of a MAPS file in the tree, from its root on.

    Parameters
    ----------
    plateifu : str
        Such as ``"8485-1901"``.
    release : {"DR15", "DR16", "DR17"}, optional
        Data release; the default is DR17.
    bintype : str, optional
        Bins, such as ``"HYB10"`` (the default), ``"VOR10"`` or ``"SPX"``.
    template : str, optional
        Templates of the stars, with those of the gas where they differ, such as
        ``"MILESHC-MASTARSSP"`` (the default of DR17).

    Returns
    -------
    path : str
        With ``/`` between folders.

    Raises
    ------
    ValueError
        If the plate-IFU is none, or the release is unknown.

    Examples
    --------
    >>> from kinmis.readers.sas import maps_path
    >>> print(maps_path("8485-1901", "DR15"))
    dr15/manga/spectro/analysis/v2_4_3/2.2.1/HYB10-GAU-MILESHC/8485/1901/manga-8485-1901-MAPS-HYB10-GAU-MILESHC.fits.gz
    """
    match = _PLATEIFU.fullmatch(plateifu)
    if match is None:
        raise ValueError(f"{plateifu!r} is no plate-IFU; one looks like '8485-1901'")
    plate, ifu = match.groups()
    release = DEFAULT_RELEASE if release is None else str(release).upper()
    if release not in RELEASES:
        raise ValueError(f"release must be one of {', '.join(RELEASES)}, not {release!r}")
    drp, dap, bins, templates = RELEASES[release]
    kind = f"{bintype or bins}-{template or templates}"
    return (f"{release.lower()}/manga/spectro/analysis/{drp}/{dap}/{kind}/{plate}/{ifu}/"
            f"manga-{plate}-{ifu}-MAPS-{kind}.fits.gz")


def find_maps(plateifu, release=None, bintype=None, template=None):
    """
    Return the local MAPS file of a plate-IFU.

    Parameters
    ----------
    plateifu, release, bintype, template
        As for `maps_path`.

    Returns
    -------
    path : str
        Of the ``.fits.gz`` file, or of the unpacked one beside it.

    Raises
    ------
    FileNotFoundError
        If ``SAS_BASE_DIR`` is not set, or the file is not there.
    ValueError
        If the plate-IFU is none, or the release is unknown.
    """
    relative = maps_path(plateifu, release, bintype, template)
    base = os.environ.get("SAS_BASE_DIR")
    if not base:
        raise FileNotFoundError(
            f"{plateifu}: the environment variable SAS_BASE_DIR is not set, so there is no local "
            f"tree in which to look for {relative}. Set it, or give the path of the MAPS file.")
    path = os.path.join(os.path.expanduser(base), *relative.split("/"))
    for candidate in (path, path.removesuffix(".gz")):
        if os.path.isfile(candidate):
            return candidate
    raise FileNotFoundError(
        f"{plateifu}: there is no file {path} (SAS_BASE_DIR is {base}). Other releases, bins and "
        "templates are chosen with release=, bintype= and template=.")
