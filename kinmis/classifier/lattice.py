"""
A galaxy as a small square picture of fixed size, whatever its grid, spaxels or bins.

The lattice spans the footprint of both fields, North up and East to the right. Each of its
points takes the value of the spaxel or bin that lies there, so that nothing is smoothed and a
masked spaxel leaves a hole.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from kinmis._input import number_bins

__all__ = ["LATTICE", "Lattice", "make_lattice"]

#: Points along a side. A multiple of the sizes of the network's images.
LATTICE = 96

#: Of a bin in a list, in mean distances to its three nearest neighbours.
REACH = 0.8


@dataclass
class Lattice:
    """
    Both fields of a galaxy on a common square lattice.

    Parameters
    ----------
    velocity : `~numpy.ndarray` of float32, shape (2, LATTICE, LATTICE)
        Stars and gas in km/s, zero where there is nothing.
    bins : `~numpy.ndarray` of int32, shape (2, LATTICE, LATTICE)
        Number of the spaxel or bin that lies there, from 0; -1 where there is nothing.
    step : float
        Distance of two points, arcsec.
    n_bins : tuple of int
        Number of independent data of each field.
    psf : float or None
        FWHM of the point-spread function, arcsec.
    """

    velocity: np.ndarray
    bins: np.ndarray
    step: float
    n_bins: tuple
    psf: float | None = None

    @property
    def present(self):
        """Which components have at least one valid point, shape (2,)."""
        return (self.bins >= 0).any(axis=(1, 2))


def make_lattice(stellar, gas):
    """
    Put the fields of a galaxy on a lattice.

    Parameters
    ----------
    stellar, gas : `~kinmis.VelocityField` or None

    Returns
    -------
    lattice : `Lattice` or None
        None if no field has a valid spaxel.
    """
    valid = {i: _Valid(field) for i, field in enumerate((stellar, gas))
             if field is not None and not field.mask.all()}
    if not valid:
        return None
    points = np.concatenate([entry.points for entry in valid.values()])
    low, high = points.min(axis=0), points.max(axis=0)
    center = (low + high) / 2
    radius = (np.sqrt(((points - center) ** 2).sum(axis=1).max())
              + max(entry.reach for entry in valid.values()) / np.sqrt(2))
    step = 2 * radius / LATTICE
    axis = (np.arange(LATTICE) - (LATTICE - 1) / 2) * step
    velocity = np.zeros((2, LATTICE, LATTICE), np.float32)
    bins = np.full((2, LATTICE, LATTICE), -1, np.int32)
    n_bins = [0, 0]
    for i, entry in valid.items():
        index = entry.lookup(center[0] + axis, center[1] + axis)
        inside = index >= 0
        velocity[i][inside] = entry.velocity[index[inside]]
        bins[i][inside] = entry.bin[index[inside]]
        n_bins[i] = int(entry.bin.max()) + 1
    psf = next((field.meta["psf_fwhm"] for field in (stellar, gas)
                if field is not None and field.meta.get("psf_fwhm") is not None), None)
    return Lattice(velocity, bins, float(step), tuple(n_bins),
                   None if psf is None else float(psf.to_value("arcsec")))


class _Valid:
    """The valid spaxels of a field, and which of them lies at a place."""

    def __init__(self, field):
        self.good = ~field.mask
        self.east, self.north = field.east.value, field.north.value
        self.points = np.stack([self.east[self.good], self.north[self.good]], axis=1)
        self.velocity = np.asarray(field.data, float)[self.good]
        if field.bin_id is None:
            self.bin = np.arange(len(self.velocity))
        else:
            self.bin = np.unique(number_bins(field.bin_id[self.good]), return_inverse=True)[1]
        self.grid = _Grid.of(self.east, self.north) if field.data.ndim == 2 else None
        if self.grid is None:
            self.tree = cKDTree(self.points)
            self.reaches = REACH * _spacing(self.tree, field.meta.get("spaxel"))
            self.reach = float(np.median(self.reaches))
        else:
            self.reach = self.grid.step

    def lookup(self, east, north):
        """Return the index of the valid spaxel at each point of a grid of axes, -1 for none."""
        if self.grid is not None:
            return self.grid.lookup(east, north, self.good)
        where = np.stack(np.meshgrid(east, north), axis=-1)
        distance, index = self.tree.query(where)
        return np.where(distance <= self.reaches[index], index, -1)


def _spacing(tree, spaxel):
    """Return the mean distance of each bin of a list to its three nearest neighbours."""
    n = len(tree.data)
    if n < 2:
        return np.full(n, 1.0 if spaxel is None else float(spaxel.to_value("arcsec")))
    near = np.arange(2, min(n, 4) + 1)
    return np.maximum(tree.query(tree.data, k=near)[0].mean(axis=1), 1e-3)


class _Grid:
    """A regular grid, turned and mirrored in whatever way: position from row and column."""

    def __init__(self, origin, matrix, shape):
        self.origin, self.shape = origin, shape
        self.inverse = np.linalg.inv(matrix)
        self.step = float(np.sqrt(abs(np.linalg.det(matrix))))

    @classmethod
    def of(cls, east, north):
        """Return the grid of a map's positions, None if they are no regular grid."""
        shape = east.shape
        finite = np.isfinite(east) & np.isfinite(north)
        if min(shape) < 2 or finite.sum() < 3:
            return None
        if finite.all():
            corner, across, down = (0, 0), (0, shape[1] - 1), (shape[0] - 1, 0)
            at = {key: np.array([east[key], north[key]]) for key in (corner, across, down)}
            origin = at[corner]
            matrix = np.stack([(at[down] - origin) / down[0],
                               (at[across] - origin) / across[1]], axis=1)
        else:
            row, column = np.nonzero(finite)
            design = np.stack([np.ones(len(row)), row, column], axis=1)
            solution = np.linalg.lstsq(
                design, np.stack([east[finite], north[finite]], axis=1), rcond=None)[0]
            origin, matrix = solution[0], solution[1:].T
        if abs(np.linalg.det(matrix)) < 1e-12:
            return None
        grid = cls(origin, matrix, shape)
        rows, columns = np.mgrid[:shape[0], :shape[1]]
        fitted = (origin[:, None, None] + matrix[:, 0, None, None] * rows
                  + matrix[:, 1, None, None] * columns)
        off = np.hypot(fitted[0] - east, fitted[1] - north)[finite].max()
        # positions are single precision here and there, and real WCSs bend a little
        return grid if off < 0.3 * grid.step else None

    def lookup(self, east, north, good):
        number = np.full(self.shape, -1)
        number[good] = np.arange(np.count_nonzero(good))
        east, north = east - self.origin[0], north - self.origin[1]
        row = np.rint(self.inverse[0, 0] * east + (self.inverse[0, 1] * north)[:, None])
        column = np.rint(self.inverse[1, 0] * east + (self.inverse[1, 1] * north)[:, None])
        inside = ((row >= 0) & (row < self.shape[0])
                  & (column >= 0) & (column < self.shape[1]))
        index = np.full(inside.shape, -1)
        index[inside] = number[row[inside].astype(int), column[inside].astype(int)]
        return index
