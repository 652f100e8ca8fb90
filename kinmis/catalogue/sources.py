"""What `measure` is given: a list, a table or a single source."""

import os
import warnings

import numpy as np
from astropy.table import QTable, Row, Table

from kinmis.catalogue.columns import column_names
from kinmis.galaxy import Galaxy
from kinmis.velocity_field import VelocityField

__all__ = ["SOURCE_COLUMNS", "Sources", "attach", "source_text"]

SOURCE_COLUMNS = ("source", "path", "file", "filename", "plateifu", "id")


class Sources:
    """
    The sources one by one, how many there are, and the table that they come from.

    Parameters
    ----------
    sources : object
        As for `kinmis.measure`.
    source_column : str, optional
        Column of a table that names the sources.

    Attributes
    ----------
    items : iterable
        The sources.
    total : int or None
        How many; None where that is not known beforehand.
    carried : `~astropy.table.Table` or None
        Columns that go through to the output.
    """

    def __init__(self, sources, source_column=None):
        self.carried = None
        if isinstance(sources, Row):
            sources = sources.table[sources.index:sources.index + 1]
        if isinstance(sources, Table):
            name = _find_column(sources, source_column)
            # fixed-width text comes padded with blanks
            self.items = [item.strip() if isinstance(item, str) else item
                          for item in map(_plain, sources[name])]
            self.carried = sources.copy(copy_data=False)
            if name.lower() == "source" or sources[name].dtype.kind == "O" and not all(
                    isinstance(item, str) for item in self.items):
                # the column source of the output says the same
                self.carried.remove_column(name)
        elif source_column is not None:
            raise TypeError("source_column is for sources that come in a table, "
                            f"not for {type(sources).__name__}")
        elif isinstance(sources, (str, bytes, os.PathLike, Galaxy, VelocityField)):
            self.items = [sources]
        elif isinstance(sources, dict) or not hasattr(sources, "__iter__"):
            raise TypeError("sources must be a path, an identifier, a Galaxy, a VelocityField, "
                            f"a sequence of them or a Table, not {type(sources).__name__}")
        else:
            self.items = sources
        self.total = len(self.items) if hasattr(self.items, "__len__") else None

    def chunks(self, size):
        """Yield lists of ``size`` sources; the last may be shorter."""
        chunk = []
        for item in self.items:
            chunk.append(_plain(item))
            if len(chunk) == size:
                yield chunk
                chunk = []
        if chunk:
            yield chunk


def _find_column(table, name):
    if name is not None:
        if name not in table.colnames:
            raise KeyError(f"the table has no column {name!r}; it has {_names(table)}")
        return name
    lower = {column.lower(): column for column in reversed(table.colnames)}
    for candidate in SOURCE_COLUMNS:
        if candidate in lower:
            return lower[candidate]
    raise KeyError(f"no column of the table says where the galaxies are: name one of "
                   f"{', '.join(SOURCE_COLUMNS)}, or give source_column; it has {_names(table)}")


def _names(table, most=20):
    names = table.colnames
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _plain(value):
    """Return a source as a plain object; a missing one is None."""
    if value is np.ma.masked:
        return None
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if isinstance(value, str):
        return str(value) if value.strip() else None
    return value


def source_text(source):
    """
    Return a source as text.

    Bytes of a file name that are no text appear as in ``\\xe9``.
    """
    if isinstance(source, os.PathLike):
        source = os.fspath(source)
    if isinstance(source, (Galaxy, VelocityField)):
        kind = type(source).__name__
        source = source.meta.get("source") or f"{kind} {source.id or ''}".strip()
    elif source is None:
        source = "none"
    elif not isinstance(source, str):
        source = type(source).__name__
    return os.fsencode(source).decode("utf-8", "backslashreplace")


def attach(table, carried):
    """
    Put the columns of the input table before those that were measured.

    A column whose name is one of the catalogue's own, in upper or lower case, gets
    ``_input`` appended.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The catalogue.
    carried : `~astropy.table.Table`
        The input.

    Returns
    -------
    joined : `~astropy.table.QTable`
    """
    joined = rename_carried(carried)
    joined.meta = table.meta
    for name, column in table.columns.items():
        joined[name] = column
    if carried.meta:
        joined.meta["input"] = dict(carried.meta)
    return joined


def rename_carried(carried):
    """
    Return the input table with the names that its columns have in the output.

    Parameters
    ----------
    carried : `~astropy.table.Table`
        The input.

    Returns
    -------
    renamed : `~astropy.table.QTable`
    """
    own = {name.lower() for name in column_names()}
    taken = own | {name.lower() for name in carried.colnames}
    renamed = QTable(meta=carried.meta)
    for name, column in carried.columns.items():
        if name.lower() in own:
            name += "_input"
            while name.lower() in taken:
                name += "_input"
            taken.add(name.lower())
        with warnings.catch_warnings():
            # a unit that astropy does not know stays with the column as it is
            warnings.filterwarnings("ignore", ".*has a unit but is kept as a")
            renamed[name] = column
    return renamed
