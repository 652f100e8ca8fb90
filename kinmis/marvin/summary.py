"""
The summary tables of the survey: redshift and photometry of every galaxy.

``drpall`` and ``dapall`` are FITS files with a row an observation. What they say of a galaxy stands
in the header of its MAPS file as well, but for those that the pipeline had no photometry of.

References
----------
Columns are those of the data models of drpall and dapall of DR15 to DR17,
https://data.sdss.org/datamodel/; they come from the NASA-Sloan Atlas.
"""

import functools
import os

import astropy.units as u
import numpy as np

from kinmis.readers.sas import DEFAULT_RELEASE, RELEASES

__all__ = ["download_summary", "find_summary", "read_summary", "summary_facts", "summary_path"]

# what is missing is -9999
_MISSING = -999
_COLUMNS = {"z": ("nsa_z", "z"), "reff": ("nsa_elpetro_th50_r", "nsa_sersic_th50"),
            "ratio": ("nsa_elpetro_ba", "nsa_sersic_ba"),
            "photometric_pa": ("nsa_elpetro_phi", "nsa_sersic_phi")}
_UNITS = {"reff": u.arcsec, "photometric_pa": u.deg}
TABLES = ("drpall", "dapall")


def summary_path(table, release=None):
    """
    Return the path of a summary table in the tree of the archive.

    Parameters
    ----------
    table : {"drpall", "dapall"}
        Which one.
    release : str, optional
        Data release; the default is DR17.

    Returns
    -------
    path : str
        With ``/`` between folders.

    Raises
    ------
    ValueError
        If there is no such table or release.

    Examples
    --------
    >>> from kinmis.marvin.summary import summary_path
    >>> summary_path("drpall")
    'dr17/manga/spectro/redux/v3_1_1/drpall-v3_1_1.fits'
    >>> summary_path("dapall", "DR15")
    'dr15/manga/spectro/analysis/v2_4_3/2.2.1/dapall-v2_4_3-2.2.1.fits'
    """
    release = DEFAULT_RELEASE if release is None else str(release).upper()
    if release not in RELEASES:
        raise ValueError(f"release must be one of {', '.join(RELEASES)}, not {release!r}")
    if table not in TABLES:
        raise ValueError(f"table must be one of {', '.join(TABLES)}, not {table!r}")
    drp, dap = RELEASES[release][:2]
    root = f"{release.lower()}/manga/spectro"
    if table == "drpall":
        return f"{root}/redux/{drp}/drpall-{drp}.fits"
    return f"{root}/analysis/{drp}/{dap}/dapall-{drp}-{dap}.fits"


def find_summary(release=None, sas_url=None):
    """
    Return the path of a summary table that is here already.

    Parameters
    ----------
    release : str, optional
        Data release.
    sas_url : str, optional
        Root of the archive that it was downloaded from.

    Returns
    -------
    path : str or None
        In the local tree ``$SAS_BASE_DIR``, or downloaded by `download_summary`.
    """
    from kinmis.marvin.access import SAS_URL
    from kinmis.marvin.download import cached_file
    base = os.environ.get("SAS_BASE_DIR")
    for table in TABLES:
        relative = summary_path(table, release)
        path = base and os.path.join(os.path.expanduser(base), *relative.split("/"))
        if path and os.path.isfile(path):
            return path
        if (path := cached_file((sas_url or SAS_URL) + relative)) is not None:
            return path
    return None


def download_summary(table="drpall", release=None, **servers):
    """
    Download a summary table into astropy's cache, from where it is then used.

    Parameters
    ----------
    table : {"drpall", "dapall"}, optional
        Which one.
    release : str, optional
        Data release; the default is DR17.
    **servers
        ``sas_url``, ``timeout`` and ``tries``, as for `kinmis.marvin.reader.read_marvin`.

    Returns
    -------
    path : str

    Raises
    ------
    NotFoundError, OutageError, AnswerError
        If it can't be had.

    Examples
    --------
    >>> from kinmis.marvin.summary import download_summary
    >>> path = download_summary()    # doctest: +SKIP
    """
    from kinmis.marvin.access import Servers
    from kinmis.marvin.download import download
    servers = Servers(**servers)
    url = servers.sas_url + summary_path(table, release)
    return download(servers.archive, url, f"{table} of {release or DEFAULT_RELEASE}")


def read_summary(path):
    """
    Read what a summary table says of each galaxy.

    Parameters
    ----------
    path : str
        A ``drpall`` or ``dapall`` file.

    Returns
    -------
    summary : dict
        From plate-IFU to a dict with those of ``z``, ``reff``, ``ellipticity`` and
        ``photometric_pa`` that there are.

    Raises
    ------
    OSError
        If there is no such file, or it is damaged.
    ValueError
        If it is no such table.
    """
    path = os.fspath(path)
    return _read(path, os.stat(path).st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _read(path, _):
    from astropy.io import fits
    with fits.open(path) as units:
        for unit in units:
            columns = getattr(unit, "columns", None)
            names = {name.lower(): name for name in columns.names} if columns else {}
            if "plateifu" in names and "nsa_z" in names:
                return _facts(unit.data, names)
    raise ValueError(f"{path} is no drpall or dapall file: none of its tables has the columns "
                     "plateifu and nsa_z")


def _facts(data, names):
    plateifus = [str(name).strip() for name in data[names["plateifu"]]]
    values = {key: _first_there([np.asarray(data[names[column]], dtype=float)
                                 for column in columns if column in names], len(plateifus))
              for key, columns in _COLUMNS.items()}
    found = {}
    for row, plateifu in enumerate(plateifus):
        facts = {key: float(value[row]) for key, value in values.items()
                 if np.isfinite(value[row])}
        if "ratio" in facts:
            facts["ellipticity"] = 1 - facts.pop("ratio")
        found[plateifu] = {key: value * _UNITS[key] if key in _UNITS else value
                           for key, value in facts.items()}
    return found


def _first_there(columns, length):
    """Return the first of several columns that has a value, row by row."""
    values = np.full(length, np.nan)
    for column in columns:
        fill = ~np.isfinite(values) & np.isfinite(column) & (column > _MISSING)
        values[fill] = column[fill]
    return values


def summary_facts(plateifu, release=None, summary=None, sas_url=None):
    """
    Return what a summary table says of a galaxy.

    Parameters
    ----------
    plateifu : str
        Such as ``"8485-1901"``.
    release : str, optional
        Data release.
    summary : str, bool or None
        Path of a table, None for one that is here already, False for none.
    sas_url : str, optional
        As for `find_summary`.

    Returns
    -------
    facts : dict
        As `read_summary` gives; with the path as ``summary``. Empty where there is nothing.
    """
    path = find_summary(release, sas_url) if summary is None else summary
    if not path:
        return {}
    facts = read_summary(path).get(plateifu)
    return {**facts, "summary": os.fspath(path)} if facts else {}
