"""
The independent data of velocity fields, as rows for a fit.

Spaxels of one bin repeat one measurement, so a bin is one row; a spaxel that is in no bin
is a row of its own. The rows of many fields lie one after the other in flat arrays, so that
what follows works on all of them at once.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class FieldRows:
    """
    The rows of one field.

    Spaxels are sorted by row: those of row ``i`` begin at ``start[i]``.

    Parameters
    ----------
    east, north : `~numpy.ndarray`
        Offsets of the spaxels from the centre of the fit, arcsec.
    spaxel : `~numpy.ndarray` of int
        Index of the spaxels in the flattened field.
    start : `~numpy.ndarray` of int, or None
        First spaxel of each row; None where each spaxel is a row.
    velocity, ivar : `~numpy.ndarray`
        Of each row; ``ivar`` is None for a field without errors.
    area : `~numpy.ndarray`
        Number of spaxels of each row.
    n_valid : int
        Number of valid spaxels of the field, in the radial range or not.
    """

    east: np.ndarray
    north: np.ndarray
    spaxel: np.ndarray
    start: np.ndarray | None
    velocity: np.ndarray
    ivar: np.ndarray | None
    area: np.ndarray
    n_valid: int

    def __len__(self):
        return len(self.velocity)

    def row_of_spaxel(self):
        """Return the row of each of the spaxels."""
        if self.start is None:
            return np.arange(len(self.spaxel))
        return np.repeat(np.arange(len(self)), self.area.astype(int))

    def mean(self, values):
        """Return the mean over the spaxels of each row, along the last axis."""
        if self.start is None:
            return values
        return np.add.reduceat(values, self.start, axis=-1) / self.area


def field_rows(field, center=(0., 0.), rmin=None, rmax=None):
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

    Returns
    -------
    rows : `FieldRows`
    """
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
    velocity = field.data.ravel()[valid].astype(float)
    ivar = None
    if field.uncertainty is not None:
        ivar = field.uncertainty.array.ravel()[valid].astype(float)
    if start is None:
        area = np.ones(len(valid))
    else:
        area = np.diff(start, append=len(valid)).astype(float)
        velocity = np.add.reduceat(velocity, start) / area
        if ivar is not None:
            ivar = np.add.reduceat(ivar, start) / area
    return FieldRows(east, north, valid, start, velocity, ivar, area, n_valid)


def _sort_by_bin(bin_id):
    """Return the order that sorts by bin and where bins begin; None if none repeats."""
    binned = bin_id >= 0
    if not binned.all():
        # what is in no bin stands alone: give it numbers that nobody else has
        bin_id = bin_id.astype(np.int64)
        bin_id[~binned] = bin_id.max(initial=0) + 1 + np.arange(np.count_nonzero(~binned))
    order = np.argsort(bin_id, kind="stable")
    new = np.empty(len(order), bool)
    new[0] = True
    in_order = bin_id[order]
    np.not_equal(in_order[1:], in_order[:-1], out=new[1:])
    return (order, None) if new.all() else (order, np.flatnonzero(new))
