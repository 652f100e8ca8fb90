"""The table: what was measured, as masked arrays and as a QTable with units and UCDs."""

import numpy as np
from astropy.table import Column, MaskedColumn, QTable
from astropy.utils.masked import Masked

from kinmis.catalogue.columns import COLUMNS

__all__ = ["column_arrays", "join_arrays", "make_table"]


def column_arrays(rows):
    """
    Turn measured galaxies into one masked array a column.

    Parameters
    ----------
    rows : list of dict
        A dict from column name to value for each galaxy; None, NaN and what is absent
        becomes masked.

    Returns
    -------
    arrays : dict of `~numpy.ma.MaskedArray`
    """
    arrays = {}
    for column in COLUMNS:
        values = [row.get(column.name) for row in rows]
        if column.dtype is float:
            data = np.array([np.nan if value is None else value for value in values], float)
            arrays[column.name] = np.ma.MaskedArray(data, np.isnan(data))
            continue
        mask = np.array([value is None for value in values], bool)
        blank = "" if column.dtype is str else 0
        # text stays an object until the longest is known
        dtype = object if column.dtype is str else column.dtype
        data = np.array([blank if value is None else value for value in values], dtype)
        arrays[column.name] = np.ma.MaskedArray(data, mask)
    return arrays


def join_arrays(chunks):
    """Join the dicts of `column_arrays` of several chunks, in order, into one."""
    chunks = list(chunks) or [column_arrays([])]
    return {name: np.ma.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def make_table(arrays, meta=None):
    """
    Make the table from its columns.

    Parameters
    ----------
    arrays : dict of `~numpy.ma.MaskedArray`
        As `column_arrays` returns.
    meta : dict, optional
        Metadata of the table.

    Returns
    -------
    table : `~astropy.table.QTable`
        Every column that may lack values is masked, whether or not it does, so that code
        that uses it need not tell the two apart.
    """
    table = QTable(meta=meta)
    for column in COLUMNS:
        data, mask = arrays[column.name].data, np.ma.getmaskarray(arrays[column.name])
        if column.dtype is str:
            data = data.astype(str)
        if column.required:
            table[column.name] = Column(data)
        elif column.unit is None:
            table[column.name] = MaskedColumn(data, mask=mask)
        else:
            table[column.name] = Masked(data << column.unit, mask=mask)
        info = table[column.name].info
        info.description, info.meta = column.description, {"ucd": column.ucd}
    return table
