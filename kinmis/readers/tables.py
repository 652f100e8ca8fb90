"""Tables in FITS or text, the files that belong together, and maps made from their rows."""

import os
import re

import astropy.units as u
import numpy as np
from astropy.io import ascii as text_tables
from astropy.table import Table

from kinmis.readers.fits_file import FitsFile

__all__ = ["Columns", "grid_of_spaxels", "read_aperture", "read_columns", "related_file"]


class Columns:
    """
    A table of numbers.

    Parameters
    ----------
    path : str
        The file.
    arrays : dict
        Columns by name.
    units : dict
        Units by name, as text, where there are any.
    header : mapping
        Keywords of the file.
    """

    def __init__(self, path, arrays, units, header):
        self.path = path
        self.arrays = arrays
        self.units = units
        self.header = header

    def __len__(self):
        return len(next(iter(self.arrays.values()), ()))

    def name_of(self, wanted):
        """Return the name of a column as the table has it, None where it is missing."""
        names = {name.upper(): name for name in reversed(self.arrays)}
        for name in wanted if isinstance(wanted, (tuple, list)) else (wanted,):
            if isinstance(name, str) and (name in self.arrays or name.upper() in names):
                return name if name in self.arrays else names[name.upper()]
        return None

    def get(self, wanted, what):
        """Return a column as floating-point numbers, or raise `ValueError`."""
        name = self.name_of(wanted)
        if name is None:
            asked = f"no column {_text(wanted)}" if wanted else "no column named"
            raise ValueError(f"{self.path} has {asked} for {what}; it has "
                             f"{', '.join(self.arrays)}")
        column = self.arrays[name]
        if column.dtype.kind not in "iufb" or column.ndim != 1:
            raise ValueError(f"{self.path}: the column {name} holds no single numbers, and "
                             f"can't be {what}")
        return column.astype(float)


def _text(wanted):
    return " or ".join(wanted) if isinstance(wanted, (tuple, list)) else str(wanted)


def read_columns(path):
    """
    Read the first table of a FITS file, or a text table (ECSV, CSV or columns).

    Parameters
    ----------
    path : str
        The file; FITS may be gzipped.

    Returns
    -------
    table : `Columns`

    Raises
    ------
    OSError
        If the file is truncated or damaged.
    ValueError
        If it holds no table.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path!r}")
    if re.search(r"(?i)\.fits?(\.gz)?$", path):
        with FitsFile.open(path) as file:
            tables = [unit for unit in file.units if not unit.is_image]
            if not tables:
                raise ValueError(f"{path} holds no table; it has {', '.join(file.names)}. For "
                                 "maps give format=\"fits-image\"")
            unit = tables[0]
            header = {**{key: file.primary[key] for key in ("OBJECT",) if key in file.primary},
                      **{key: unit.header[key] for key in ("OBJECT",) if key in unit.header}}
            arrays = {name: np.array(unit.data[name]) for name in unit.columns.names}
            units = {item.name: item.unit for item in unit.columns if item.unit}
        return Columns(path, arrays, units, header)
    try:
        table = Table.read(path, format="ascii.ecsv") if _is_ecsv(path) else text_tables.read(path)
    except (ValueError, text_tables.InconsistentTableError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no table that can be read: "
                         f"{str(error).strip().splitlines()[0]}") from None
    return Columns(path, {name: np.ma.filled(np.ma.asarray(table[name].data, float), np.nan)
                          if table[name].dtype.kind in "iuf" else np.asarray(table[name])
                          for name in table.colnames},
                   {name: str(table[name].unit) for name in table.colnames
                    if table[name].unit is not None}, dict(table.meta))


def _is_ecsv(path):
    with open(path, "rb") as file:
        return file.readline().startswith(b"# %ECSV")


def related_file(path, ending, stem):
    """
    Return the file beside another whose name differs in its end.

    Parameters
    ----------
    path : str
        The file that was given.
    ending : str
        End of the name, such as ``"_table"``, in capitals or not.
    stem : str
        What the names have in common.

    Returns
    -------
    path : str or None
    """
    folder = os.path.dirname(path) or "."
    wanted = {f"{stem}{ending}{kind}".lower() for kind in (".fits", ".fits.gz")}
    found = sorted(name for name in os.listdir(folder) if name.lower() in wanted)
    return os.path.join(os.path.dirname(path), found[0]) if found else None


def read_aperture(aperture, bins):
    """
    Read the spaxels of DYNAMITE from its two files.

    Parameters
    ----------
    aperture : str
        File with the corner, the extent, the rotation and the size of a grid.
    bins : str
        File with the number of the bin of each of its pixels, x running fastest; 0 is none.

    Returns
    -------
    x, y : `~numpy.ndarray`
        Two-dimensional positions in arcsec.
    bin_id : `~numpy.ndarray` of int
        The bins, -1 for none.

    Raises
    ------
    ValueError
        If a file is of another kind, or the two do not fit together.
    """
    numbers = _numbers(aperture)
    if len(numbers) < 7:
        raise ValueError(f"{aperture} is no aperture file of DYNAMITE: it has {len(numbers)} "
                         "numbers, not 7")
    left, bottom, width, height, _, columns, rows = numbers[:7]
    columns, rows = int(columns), int(rows)
    ids = _numbers(bins)
    if len(ids) == 0 or ids[0] != len(ids) - 1 or len(ids) - 1 != columns * rows:
        raise ValueError(f"{bins} does not fit {aperture}: it has {max(len(ids) - 1, 0)} pixels, "
                         f"not {columns} x {rows}")
    y, x = np.indices((rows, columns)) + 0.5
    bin_id = ids[1:].reshape(rows, columns).astype(np.int64)
    return left + x * width / columns, bottom + y * height / rows, np.where(bin_id > 0, bin_id, -1)


def _numbers(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        words = " ".join(line.partition("#")[0] for line in file).split()
    try:
        return np.array([float(word) for word in words])
    except ValueError:
        raise ValueError(f"{path} holds something that is no number") from None


def grid_of_spaxels(x, y):
    """
    Find the regular grid that spaxels lie on.

    Parameters
    ----------
    x, y : `~numpy.ndarray`
        Positions, one-dimensional.

    Returns
    -------
    grid : tuple or None
        Row and column of each spaxel, the positions of the grid (two-dimensional), and its
        step; None where they lie on none, or two on one place.

    Examples
    --------
    >>> import numpy as np
    >>> from kinmis.readers.tables import grid_of_spaxels
    >>> row, column, x, y, step = grid_of_spaxels(np.array([0, .5, .5]), np.array([0, 0, .5]))
    >>> x.shape, step
    ((2, 2), 0.5)
    """
    steps = [np.diff(np.unique(np.round(values, 6))) for values in (x, y)]
    steps = np.concatenate(steps)
    # coordinates in single precision, or computed from pixels, differ by rounding
    steps = steps[steps > 1e-3 * np.max(steps, initial=0)]
    if steps.size == 0:
        return None
    step = np.min(steps)
    column, row = [(values - values.min()) / step for values in (x, y)]
    if (np.abs(column - np.round(column)).max() > 0.1
            or np.abs(row - np.round(row)).max() > 0.1):
        return None
    column, row = np.round(column).astype(int), np.round(row).astype(int)
    shape = row.max() + 1, column.max() + 1
    places = row * shape[1] + column
    if shape[0] * shape[1] > 50 * len(x) + 100 or len(np.unique(places)) < len(places):
        return None
    # a better step than one difference gives, over the whole extent
    spans = [(np.ptp(values), length - 1) for values, length in ((x, shape[1]), (y, shape[0]))]
    step = sum(span for span, _ in spans) / sum(count for _, count in spans)
    rows, columns = np.indices(shape)
    return row, column, x.min() + columns * step, y.min() + rows * step, round(float(step), 6)


def in_arcsec(values, unit, where):
    """Return positions in arcsec; without a unit they are arcsec already."""
    if not unit or not str(unit).strip():
        return values
    unit = u.Unit(str(unit).strip(), parse_strict="silent")
    if not unit.is_equivalent(u.arcsec):
        raise ValueError(f"{where} has positions in {unit}, not in an angle; give "
                         "position_unit=, such as \"arcsec\"")
    return values * unit.to(u.arcsec)
