"""
The independent data of a velocity field, as rows for a fit.

Spaxels of one bin repeat one measurement, so a bin is one row; a spaxel that is in no bin
is a row of its own. Fields with the same spaxels and bins share one `Layout`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from kinmis._input import number_bins
from kinmis.position_angle import basis

#: Sectors of azimuth, and how many in a row may be empty.
SECTORS, EMPTY_SECTORS = 36, 9


@dataclass
class Layout:
    """
    Where the rows of a field lie.

    Spaxels are sorted by row: those of row ``i`` begin at ``start[i]``.

    Parameters
    ----------
    east, north : `~numpy.ndarray`
        Offsets of the spaxels from the centre of the fit, arcsec.
    spaxel : `~numpy.ndarray` of int
        Index of the spaxels in the flattened field.
    start : `~numpy.ndarray` of int, or None
        First spaxel of each row; None where each spaxel is a row.
    n_valid : int
        Number of valid spaxels of the field, in the radial range or not.
    shape : tuple of int
        Shape of the field.
    """

    east: np.ndarray
    north: np.ndarray
    spaxel: np.ndarray
    start: np.ndarray | None
    n_valid: int
    shape: tuple

    @cached_property
    def area(self):
        """Number of spaxels of each row, as floating-point numbers."""
        if self.start is None:
            return np.ones(len(self.spaxel))
        return np.diff(self.start, append=len(self.spaxel)).astype(float)

    @cached_property
    def outer(self):
        """Largest radius of a spaxel, arcsec."""
        return max(np.sqrt(np.max(self.east**2 + self.north**2)), np.finfo(float).tiny)

    @cached_property
    def columns(self):
        """The basis functions, averaged over the spaxels of each row."""
        return self.mean(basis.columns(self.east, self.north, self.outer))

    @cached_property
    def place(self):
        """Offsets of the rows to the East and North, shape (N, 2)."""
        return np.column_stack([self.mean(self.east), self.mean(self.north)])

    @cached_property
    def neighbours(self):
        """Pairs of rows that touch; in a list, each with its three nearest ones."""
        if len(self.shape) == 2:
            row = np.full(self.shape, -1)
            row.ravel()[self.spaxel] = self.row_of_spaxel()
            first = np.concatenate([row[:, :-1].ravel(), row[:-1].ravel()])
            second = np.concatenate([row[:, 1:].ravel(), row[1:].ravel()])
            touch = (first >= 0) & (second >= 0) & (first != second)
            return first[touch], second[touch]
        near = cKDTree(self.place).query(self.place, k=min(4, len(self.place)))[1]
        return np.repeat(near[:, 0], near.shape[1] - 1), near[:, 1:].ravel()

    @cached_property
    def has_gap(self):
        """Whether more than a quarter of the azimuth holds no spaxel."""
        angle = np.arctan2(self.east.astype(np.float32), self.north.astype(np.float32))
        sector = (angle * np.float32(SECTORS / (2 * np.pi)) + np.float32(SECTORS)).astype(int)
        count = np.bincount(sector, minlength=2 * SECTORS)
        filled = np.flatnonzero(count[:SECTORS] + count[SECTORS:2 * SECTORS])
        gaps = np.diff(filled, append=filled[0] + SECTORS) - 1
        return bool(gaps.max() >= EMPTY_SECTORS)

    def row_of_spaxel(self):
        """Return the row of each of the spaxels."""
        if self.start is None:
            return np.arange(len(self.spaxel))
        return np.repeat(np.arange(len(self.start)), self.area.astype(int))

    def mean(self, values):
        """Return the mean over the spaxels of each row, along the last axis."""
        if self.start is None:
            return values
        return np.add.reduceat(values, self.start, axis=-1) / self.area


@dataclass
class FieldRows:
    """
    The rows of one field.

    Parameters
    ----------
    layout : `Layout`
        Where they lie; its attributes are those of the rows too.
    velocity, ivar : `~numpy.ndarray`
        Of each row; ``ivar`` is None for a field without errors.
    """

    layout: Layout
    velocity: np.ndarray
    ivar: np.ndarray | None

    def __len__(self):
        return len(self.velocity)

    def __getattr__(self, name):
        if name == "layout":    # not there yet: unpickling
            raise AttributeError(name)
        return getattr(self.layout, name)


def field_rows(field, center=(0., 0.), rmin=None, rmax=None, known=None):
    """
    Return the rows of a field within a range of radius.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        The field.
    center : pair of float
        Centre of the fit, arcsec to the East and North of the field's own.
    rmin, rmax : float, optional
        Range of radius in arcsec, both included.
    known : dict, optional
        Layouts found so far, for the same centre and range; a new one is added.

    Returns
    -------
    rows : `FieldRows`
    """
    known = {} if known is None else known
    mask, bin_id = field.mask, field.bin_id
    # who shares the very memory of the positions is on one grid
    key = (field.east.ctypes.data, field.east.strides, field.north.ctypes.data, mask.tobytes(),
           None if bin_id is None else bin_id.tobytes())
    if key not in known:
        known[key] = _layout(field, center, rmin, rmax)
    layout = known[key]
    velocity, ivar = field.data.ravel()[layout.spaxel].astype(float), None
    if field.uncertainty is not None:
        ivar = layout.mean(field.uncertainty.array.ravel()[layout.spaxel].astype(float))
    return FieldRows(layout, layout.mean(velocity), ivar)


def _layout(field, center, rmin, rmax):
    valid = np.flatnonzero(~field.mask.ravel())
    n_valid = len(valid)
    east = field.east.value.ravel()[valid].astype(float) - center[0]
    north = field.north.value.ravel()[valid].astype(float) - center[1]
    if rmin is not None or rmax is not None:
        radius = np.hypot(east, north)
        inside = (radius >= (rmin or 0.)) & (radius <= (np.inf if rmax is None else rmax))
        east, north, valid = east[inside], north[inside], valid[inside]
    start = None
    if field.bin_id is not None and len(valid):
        order, start = _sort_by_bin(field.bin_id.ravel()[valid])
        if start is not None:
            east, north, valid = east[order], north[order], valid[order]
    return Layout(east, north, valid, start, n_valid, field.shape)


def _sort_by_bin(bin_id):
    """Return the order that sorts by bin and where bins begin; None if none repeats."""
    bin_id = number_bins(bin_id)
    order = np.argsort(bin_id, kind="stable")
    new = np.empty(len(order), bool)
    new[0] = True
    in_order = bin_id[order]
    np.not_equal(in_order[1:], in_order[:-1], out=new[1:])
    return (order, None) if new.all() else (order, np.flatnonzero(new))
