"""Writing and reading tables: ECSV, FITS, VOTable and Parquet, chosen by the suffix."""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from astropy.table import QTable, Table

from kinmis.catalogue.encoding import decode_table, encode_table

__all__ = ["check_output", "is_folder_name", "read_table", "suffixes", "write_table"]

#: The table in the folder of a long run.
TABLE = "catalogue.parquet"


@dataclass(frozen=True)
class TableFormat:
    """A format: what it is called, its module and what it can't hold by itself."""

    name: str
    module: str
    encoding: dict


_ECSV = TableFormat("ECSV", "ecsv", {"promote": False, "mixins": True})
_FITS = TableFormat("FITS", "fits", {"text": "ascii", "masked_bool": False})
_VOTABLE = TableFormat("VOTable", "votable", {})
_PARQUET = TableFormat("Parquet", "parquet", {"promote": False})
TABLE_ENCODING = _PARQUET.encoding

SUFFIXES = {".ecsv": _ECSV, ".fits": _FITS, ".fits.gz": _FITS, ".vot": _VOTABLE,
            ".votable": _VOTABLE, ".xml": _VOTABLE, ".parquet": _PARQUET}


def suffixes():
    """Return the suffixes of the formats that tables can be written in."""
    return list(SUFFIXES)


def write_table(table, path, *, overwrite=False):
    """
    Write a table; the suffix of the file name says in what format.

    Units, descriptions, UCDs, masks, types and metadata are kept: `read_table` gives them
    back. The file appears at once and complete, or not at all.

    Parameters
    ----------
    table : `~astropy.table.Table`
        A table of `kinmis.measure`, or any other.
    path : str or os.PathLike
        Name of the file: ``.ecsv``, ``.fits``, ``.fits.gz``, ``.vot``, ``.votable``,
        ``.xml`` (VOTable) or ``.parquet``.
    overwrite : bool
        Whether to replace a file that exists.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is not given.
    FileNotFoundError
        If its folder does not exist.
    ValueError
        If the suffix is unknown.
    ModuleNotFoundError
        If the format needs a package that is missing.
    TypeError
        If a column holds something that a table file can't hold.

    Notes
    -----
    FITS and VOTable hold the metadata as one JSON string (keyword or INFO ``kinmis``). Text
    that a format can't hold, such as accents in FITS, is percent-encoded, column by column;
    the JSON says where. An empty text in a masked column reads back as masked.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import kinmis
    >>> from kinmis.catalogue import read_table, write_table
    >>> table = kinmis.measure(kinmis.mock.galaxy(pa_stellar=40, seed=1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(table, Path(folder) / "galaxies.fits")
    ...     print(read_table(Path(folder) / "galaxies.fits")["stellar_pa"].round())
    [40.] deg
    """
    path, form = check_output(path, overwrite=overwrite)
    plain, document = encode_table(table, **form.encoding)
    suffix = next(end for end in sorted(SUFFIXES, key=len, reverse=True)
                  if path.name.lower().endswith(end))
    part = path.with_name(f".{path.name}.{os.getpid()}.part{suffix}")
    try:
        _module(form).write(plain, document, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_table(path, columns=None):
    """
    Read a table that `write_table` wrote, or any other of these formats.

    Parameters
    ----------
    path : str or os.PathLike
        Name of the file, or a folder that `kinmis.measure` has written to. A suffix that
        `write_table` does not know is left to `astropy.table.QTable.read`.
    columns : list of str, optional
        Read only these. Parquet files, and so folders, are then read only in part.

    Returns
    -------
    table : `~astropy.table.QTable`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModuleNotFoundError
        If the format needs a package that is missing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from kinmis import measure, mock
    >>> from kinmis.catalogue import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "angles.ecsv"
    ...     table = measure(mock.galaxy(pa_stellar=40, seed=1), out=path)
    ...     print(read_table(path)["stellar_pa"].unit)
    deg
    """
    path = Path(path).expanduser()
    if path.is_dir():
        path /= TABLE
        if not path.exists():
            raise FileNotFoundError(f"there is no table '{path}'; a run into the folder has not "
                                    "come to its end, or it is no folder of kinmis")
    if not path.exists():
        raise FileNotFoundError(f"there is no file '{path}'")
    form = _format_of(path)
    if form is None:
        table = QTable.read(path)
    else:
        _require(form)
        chosen = {"columns": columns} if form is _PARQUET else {}
        table = decode_table(*_module(form).read(path, **chosen))
    return table if columns is None else table[list(columns)]


def is_folder_name(path):
    """
    Return whether a name for the output means a folder and not a file.

    Parameters
    ----------
    path : str or os.PathLike
        Any name.

    Returns
    -------
    answer : bool
        True for a folder that exists, a name without a suffix, and one that ends with ``/``.

    Examples
    --------
    >>> from kinmis.catalogue.formats import is_folder_name
    >>> is_folder_name("catalogue"), is_folder_name("sami.dr3/"), is_folder_name("angles.fits")
    (True, True, False)
    """
    text, path = os.fspath(path), Path(path).expanduser()
    return path.is_dir() or not path.suffix or text.endswith((os.sep, os.altsep or os.sep))


def check_output(path, *, overwrite=False):
    """
    Check that a table can be written, before the work that makes it.

    Parameters
    ----------
    path, overwrite
        As for `write_table`.

    Returns
    -------
    path : `~pathlib.Path`
    form : TableFormat

    Raises
    ------
    FileExistsError, FileNotFoundError, ValueError, ModuleNotFoundError
        As `write_table`.
    """
    path = Path(path).expanduser()
    form = _format_of(path)
    if form is None:
        raise ValueError(f"'{path}' has no suffix of a table format; "
                         f"known are {', '.join(SUFFIXES)}; a folder for a long run has none, or "
                         "/ at its end")
    if path.is_dir():
        raise IsADirectoryError(f"'{path}' is a folder; name a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"'{path}' can't be written: there is no folder '{path.parent}'")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"'{path}' can't be written: the folder is not writable")
    if path.exists() and not overwrite:
        raise FileExistsError(f"'{path}' exists; ask for overwrite to replace it, or choose "
                              "another name")
    _require(form)
    return path, form


def rehearse(table, path):
    """Raise what writing the first row of the table would raise, and leave nothing behind."""
    path = Path(path).expanduser()
    trial = path.with_name(f".{path.name}.{os.getpid()}.trial{path.name}")
    try:
        write_table(Table(table[:1]), trial, overwrite=True)
    finally:
        trial.unlink(missing_ok=True)


def _format_of(path):
    name = path.name.lower()
    return next((form for end, form in SUFFIXES.items() if name.endswith(end)), None)


def _require(form):
    if form is _PARQUET and find_spec("pyarrow") is None:
        raise ModuleNotFoundError("Parquet files need the package pyarrow; install it with "
                                  "pip install 'kinmis[parquet]'", name="pyarrow")


def _module(form):
    from importlib import import_module
    return import_module(f"kinmis.catalogue.files_{form.module}")
