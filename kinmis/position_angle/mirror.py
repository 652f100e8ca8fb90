"""
The mirror images of a field: linear interpolation at reflected positions.

The points are triangulated once (`scipy.spatial.Delaunay`) and every image is looked up in that
triangulation. A reflected point moves along a circle when the axis turns; looking up its images
in the order of the angles makes each search begin next to its goal, which is what makes this
fast.
"""

import numpy as np
from scipy import sparse
from scipy.spatial import Delaunay, QhullError, cKDTree

#: A triangle with an edge longer than this many spacings bridges a gap and holds no data.
LONGEST_EDGE = 4.

#: Queries that are looked up at a time, which bounds the memory for large maps.
CHUNK = 500_000


class Triangulation:
    """
    A triangulation of scattered points, without the triangles that bridge gaps.

    Parameters
    ----------
    east, north : `~numpy.ndarray`
        Positions, shape (N,).

    Raises
    ------
    ValueError
        If the points lie on one line, or fewer than three differ.
    """

    def __init__(self, east, north):
        self.points = np.column_stack([east, north])
        if len(self.points) < 4:
            raise ValueError("fewer than four points can't be triangulated")
        try:
            self.mesh = Delaunay(self.points)
        except QhullError:
            raise ValueError("the points lie on one line and can't be triangulated") from None
        east, north = np.moveaxis(self.points[self.mesh.simplices], -1, 0)
        self._east, self._north = east[:, 1:] - east[:, :1], north[:, 1:] - north[:, :1]
        self._area = self._east[:, 0] * self._north[:, 1] - self._east[:, 1] * self._north[:, 0]
        longest = np.hypot(east - np.roll(east, 1, axis=1),
                           north - np.roll(north, 1, axis=1)).max(axis=1)
        # the spacing of bins grows outward, so that it is taken at the corners
        spacing = cKDTree(self.points).query(self.points, k=2)[0][:, 1]
        self.bridges = longest > LONGEST_EDGE * spacing[self.mesh.simplices].max(axis=1)
        # points on one line, along the edge of a grid
        self.bridges |= np.abs(self._area) <= 1e-9 * longest**2

    def planes(self, values):
        """
        Return the interpolating plane of each triangle.

        Parameters
        ----------
        values : `~numpy.ndarray`
            At the points, shape (N,).

        Returns
        -------
        planes : `~numpy.ndarray`
            Value at (0, 0) and the two slopes, shape (3, triangles + 1); NaN for bridges and
            for the last, which stands for "outside".
        """
        first, second, third = self.mesh.simplices.T
        base = values[first]
        (x1, x2), (y1, y2) = self._east.T, self._north.T
        rise1, rise2 = values[second] - base, values[third] - base
        area = np.where(self.bridges, np.nan, self._area)
        planes = np.full((3, len(area) + 1), np.nan)
        planes[1, :-1] = (rise1 * y2 - rise2 * y1) / area
        planes[2, :-1] = (rise2 * x1 - rise1 * x2) / area
        planes[0, :-1] = (base - planes[1, :-1] * self.points[first, 0]
                          - planes[2, :-1] * self.points[first, 1])
        return planes

    def find(self, east, north):
        """Return the triangle of each position, -1 for none or a bridge; any shape."""
        where = self.mesh.find_simplex(np.stack([east, north], axis=-1).reshape(-1, 2),
                                       tol=1e-9)
        where[np.append(self.bridges, False)[where]] = -1
        return where.reshape(np.shape(east))

    def corners(self, east, north):
        """
        Return the interpolation at some positions as weights of points.

        Parameters
        ----------
        east, north : `~numpy.ndarray`
            Positions, shape (M,).

        Returns
        -------
        point : `~numpy.ndarray` of int
            Corners of their triangles, shape (M, 3).
        weight : `~numpy.ndarray`
            Weights of the corners, shape (M, 3); zero outside.
        """
        where = self.find(east, north)
        transform = self.mesh.transform[where]
        offset = np.column_stack([east, north]) - transform[:, 2]
        weight = np.empty((len(where), 3))
        np.einsum("ijk,ik->ij", transform[:, :2], offset, out=weight[:, :2])
        weight[:, 2] = 1. - weight[:, 0] - weight[:, 1]
        weight[where < 0] = 0.
        return self.mesh.simplices[where], weight


def reflect(east, north, axis):
    """
    Return positions mirrored about an axis through the origin.

    Parameters
    ----------
    east, north : `~numpy.ndarray`
        Positions.
    axis : float or `~numpy.ndarray`
        Position angle of the axis in deg, North through East; broadcast against the positions.

    Returns
    -------
    east, north : `~numpy.ndarray`
    """
    cosine, sine = np.cos(np.radians(2 * axis)), np.sin(np.radians(2 * axis))
    return sine * north - cosine * east, sine * east + cosine * north


def mirrored_values(mesh, values, axes):
    """
    Return the values at the mirror images of every point, for many axes.

    Parameters
    ----------
    mesh : `Triangulation`
        Of N points.
    values : `~numpy.ndarray`
        At the points, shape (N,).
    axes : `~numpy.ndarray`
        Position angles of A axes in deg.

    Yields
    ------
    part : slice
        Points that the images belong to.
    images : `~numpy.ndarray`
        Values at the images about each axis, shape (points, A); NaN where there is none.
    turned : `~numpy.ndarray`
        Values at the points turned by 180 deg, shape (points, 1).
    """
    planes = mesh.planes(values)

    def look_up(east, north):
        where = mesh.find(east, north)
        found, slope_east, slope_north = (plane[where] for plane in planes)
        slope_east *= east
        slope_north *= north
        found += slope_east
        found += slope_north
        return found

    step = max(1, CHUNK // len(axes))
    for first in range(0, len(values), step):
        part = slice(first, first + step)
        east, north = mesh.points[part].T[:, :, None]
        yield part, look_up(*reflect(east, north, axes)), look_up(-east, -north)


def residual_matrix(mesh, axes):
    """
    Return the matrix that gives what is not bi-antisymmetric about some axes.

    Parameters
    ----------
    mesh : `Triangulation`
        Of N points.
    axes : `~numpy.ndarray`
        Position angles of A axes in deg.

    Returns
    -------
    matrix : `~scipy.sparse.csr_array`
        Shape (N A, N): the value at a point minus the mean of it and its images about an axis.
    """
    east, north = mesh.points.T
    here = np.reshape(reflect(east[:, None], north[:, None], np.asarray(axes)), (2, -1))
    # what is turned by 180 deg is the same for all axes
    turned = [np.repeat(part, len(axes), axis=0) for part in mesh.corners(-east, -north)]
    images = [mesh.corners(*here), mesh.corners(*-here), turned]
    there = [weight.any(axis=1) for _, weight in images]
    share = 1. / (1 + np.sum(there, axis=0))[:, None]
    itself = np.repeat(np.arange(len(east)), len(axes))[:, None]
    column = np.hstack([itself, *(point for point, _ in images)])
    value = np.hstack([1. - share, *(-sign * share * weight for sign, (_, weight)
                                     in zip((1, -1, -1), images))])
    rows, entries = value.shape
    # corners that coincide stay separate entries, which products add up
    return sparse.csr_array((value.ravel(), column.ravel(), np.arange(rows + 1) * entries),
                            shape=(rows, len(east)))
