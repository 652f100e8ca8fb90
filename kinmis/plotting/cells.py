"""
What a spaxel or a bin covers on the sky, as a polygon.

A map is a regular grid, whichever way its axes run: its spaxels are parallelograms. A list
of bins has no grid: its bins cover what lies nearest to them (their Voronoi cells).
"""

import numpy as np
from scipy.spatial import ConvexHull, Delaunay, QhullError

# of a Voronoi cell; every 5 deg, so that the corners of square spaxels are among them
DIRECTIONS = np.radians(np.arange(0, 360, 5))


def cells(field):
    """
    Return the outline of each spaxel or bin on the sky.

    Parameters
    ----------
    field : `~kinmis.VelocityField`

    Returns
    -------
    polygons : `~numpy.ndarray`, shape (n, k, 2)
        Vertices: offsets to the East and North in arcsec.
    index : `~numpy.ndarray` of int, shape (n,)
        Which element of the flattened field each polygon shows. Elements without a
        position have none, and of several at one position only one does.
    """
    points = np.stack([field.east.value.ravel(), field.north.value.ravel()], axis=1)
    points = points.astype(float)
    placed = np.isfinite(points).all(axis=1)
    if field.data.ndim == 2:
        corners = _grid_corners(points, placed, field.shape)
        if corners is not None:
            index = np.flatnonzero(placed)
            return points[index, None] + corners, index
    # valid data first, so that they win where a masked one has the same position
    order = np.argsort(field.mask.ravel(), kind="stable")
    order = order[placed[order]]
    points = points[order]
    if len(points):
        # the triangulation would drop points that are the same but for rounding
        grain = 1e-6 * max(np.ptp(points, axis=0).max(), 1e-6)
        first = np.unique(np.round(points / grain), axis=0, return_index=True)[1]
        points, order = points[first], order[first]
    return _voronoi_cells(points, _spaxel(field)), order


def footprint(field, polygons, index):
    """
    Return which of the cells lie where the instrument measured something.

    A map is a rectangle in which a hexagonal or round field of view sits. Nothing says where
    that ends, so it is taken to be the convex hull of all that was measured: valid spaxels of
    the field and of its partner, those in a bin, and those with a value under the mask (a
    survey writes NaN or zero where there is nothing).

    Parameters
    ----------
    field : `~kinmis.VelocityField`
    polygons, index : `~numpy.ndarray`
        As `cells` returns them.

    Returns
    -------
    inside : `~numpy.ndarray` of bool, shape (n,)
    """
    if field.data.ndim == 1 or not len(index):
        return np.ones(len(index), bool)
    measured = ~field.mask | (np.isfinite(field.data) & (field.data != 0))
    if field.uncertainty is not None:
        measured &= field.uncertainty.array > 0
    if field.partner is not None and field.partner.shape == field.shape:
        measured |= ~field.partner.mask
    if field.bin_id is not None:
        measured |= field.bin_id >= 0
    measured = measured.ravel()[index]
    centers = polygons.mean(axis=1)
    try:
        hull = ConvexHull(centers[measured]).equations
    except (QhullError, ValueError):
        # fewer than three spaxels, or all on one line
        return measured
    size = np.sqrt(np.ptp(polygons[0], axis=0).prod())
    # the steps of a slanting edge are no gaps
    return measured | (centers @ hull[:, :2].T + hull[:, 2] < -0.6 * size).all(axis=1)


def corners_only(polygons):
    """
    Leave out the vertices that lie on a straight edge, which would only make a file heavy.

    Parameters
    ----------
    polygons : `~numpy.ndarray`, shape (n, k, 2)

    Returns
    -------
    polygons : `~numpy.ndarray` or list of `~numpy.ndarray`, shape (at most k, 2)
    """
    if polygons.shape[1] == 4:
        return polygons
    before = polygons - np.roll(polygons, 1, axis=1)
    after = np.roll(before, -1, axis=1)
    turn = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    size = np.linalg.norm(before, axis=2) * np.linalg.norm(after, axis=2)
    return [polygon[corner] for polygon, corner in zip(polygons, np.abs(turn) > 1e-6 * size)]


def _spaxel(field):
    spaxel = field.meta.get("spaxel")
    return 1. if spaxel is None else float(spaxel.to_value("arcsec"))


def _grid_corners(points, placed, shape):
    """
    Return the corners of a spaxel about its centre, shape (4, 2), or None if there is no grid.

    A linear fit of the positions on row and column takes any rotation, handedness and shear.
    """
    row, column = (axis.ravel()[placed] for axis in np.indices(shape))
    design = np.stack([np.ones(len(row)), column, row], axis=1)
    if not placed.any():
        return None
    steps, _, rank, _ = np.linalg.lstsq(design, points[placed], rcond=None)
    if rank < 3:
        return None
    size = np.linalg.norm(steps[1:], axis=1).min()
    if np.abs(design @ steps - points[placed]).max() > 0.2 * size:
        return None
    return np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) @ steps[1:]


def _voronoi_cells(points, size):
    """
    Return the Voronoi cells of different points, kept finite at the edge.

    The cell of a point ends, in the direction u, at the least |d|^2 / (2 d.u) over its
    Delaunay neighbours, at d from it. At the edge of the field, where no neighbour ends it,
    it is made as wide outwards as it is inwards, and nowhere wider than the distance of its
    neighbours. (Square spaxels come out as squares, a hexagonal packing as hexagons.)
    """
    n = len(points)
    if n == 0:
        return np.empty((0, len(DIRECTIONS), 2))
    unit = np.stack([np.cos(DIRECTIONS), np.sin(DIRECTIONS)], axis=1)
    # a far frame of extra points makes the triangulation work for one point, or for a line
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    frame = middle + 10 * (np.ptp(points, axis=0).max() + size) * unit[::9]
    every = np.concatenate([points, frame])
    start, neighbour = Delaunay(every - middle).vertex_neighbor_vertices
    owner = np.repeat(np.arange(n), np.diff(start[:n + 1]))
    neighbour, start = neighbour[:start[n]], start[:n]
    away = every[neighbour] - points[owner]
    distance = np.linalg.norm(away, axis=1)
    along = away @ unit.T
    with np.errstate(divide="ignore"):
        ends = np.where(along > 0, distance[:, None] ** 2 / (2 * along), np.inf)
    reach = np.minimum.reduceat(ends, start, axis=0)

    real = np.split(np.where(neighbour < n, distance, np.inf), start[1:])
    widest = np.array([np.median(near[np.isfinite(near)]) if n > 1 else size / 2
                       for near in real])[:, None]
    # at the edge, which way is out? There the only neighbours are far ones, or none.
    ends[distance > 1.2 * widest[owner, 0]] = np.inf
    open_ = np.minimum.reduceat(ends, start, axis=0) > widest
    outward = (open_ & (reach > widest).any(axis=1, keepdims=True)).astype(float) @ unit
    opposite = np.roll(reach, len(DIRECTIONS) // 2, axis=1)
    reach = np.where(outward @ unit.T > 1e-6, np.minimum(reach, opposite), reach)
    reach = np.minimum(reach, widest)
    return points[:, None] + reach[..., None] * unit
