"""
The bisymmetric engine: the axis about which a field is most nearly (anti)symmetric.

After Krajnovic et al. 2006, MNRAS 366, 787, Appendix C. In coordinates (x, y) with x along the
trial axis, the field is compared with its bi-antisymmetric part,

    V'(x, y) = [V(x, y) + V(x, -y) - V(-x, y) - V(-x, -y)] / 4,

and the angle with the smallest chi-square wins. Values at mirrored positions are interpolated
linearly. What is done differently from the paper, and why:

* One triangulation serves all angles, and an image about one axis is also the image, turned by
  180 deg, about the axis at right angles.
* A position whose image falls outside the data, or in a gap of them, is compared with the mean
  of the images that there are. The chi-square of each angle is divided by what noise alone
  would give with just these images; otherwise the angle with the fewest images would win.
* The systemic velocity is fitted at each angle. Taken as given it spoils the angle as soon as
  the footprint is lopsided.
* Interpolation averages noise differently at each angle, so that chi-square jitters. The
  minimum is that of a parabola through all angles within 9 + 3 sqrt(2 N) of it, not of the
  smallest value: twice as accurate for noisy fields, the same for others.
* The error is that of this minimum, by linear propagation from every datum.
"""

from functools import partial

import numpy as np
from scipy import sparse
from scipy.ndimage import uniform_filter1d

from kinmis.flags import flag_bits
from kinmis.position_angle.axis import (LARGEST_ERROR, Axis, AxisPosterior, describe, failure,
                                        free_fit, widening)
from kinmis.position_angle.circular import wrap_180
from kinmis.position_angle.mirror import Triangulation, mirrored_values, residual_matrix
from kinmis.position_angle.result import PositionAngle
from kinmis.position_angle.rows import field_rows

#: Half the width of the parabola in deg, at least and at most.
NARROWEST, WIDEST = 1., 20.

#: Part of the variance that is left where noise is interpolated linearly in a triangle.
INTERPOLATED = 0.5

#: Rows of an interpolation matrix made at a time, which bounds the memory for large maps.
CHUNK = 500_000


def fit_bisymmetric(field, *, weights="bins", center=(0., 0.), rmin=None, rmax=None, steps=361):
    """
    Fit the position angle of one field by its bi-antisymmetry.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        The field.
    weights : {"bins", "area"}
        "bins": each bin is one point at its mean position, with its inverse variance where it
        has one, limited by a fitted intrinsic scatter. "area": all spaxels alike.
    center : pair of float
        Centre of rotation, arcsec to the East and North of the field's own.
    rmin, rmax : float, optional
        Range of radius in arcsec.
    steps : int
        Number of trial angles over half the circle, both ends included; odd.

    Returns
    -------
    result : `~kinmis.PositionAngle`
        NaN and flags where there are too few data or no rotation.

    Raises
    ------
    ValueError
        If ``steps`` is even or below 37.

    References
    ----------
    .. [1] Krajnovic, D., et al. 2006, MNRAS, 366, 787, Appendix C

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.position_angle.bisymmetric import fit_bisymmetric
    >>> result = fit_bisymmetric(mock.velocity_field(pa=75, seed=1))
    >>> print(result.pa.round())
    75.0 deg
    """
    if steps != int(steps) or steps < 37 or steps % 2 == 0:
        raise ValueError(f"steps must be an odd number, 37 or more, not {steps!r}")
    rows = field_rows(field, center, rmin, rmax)
    result = partial(PositionAngle, method="bisymmetric", weights=weights, source=field,
                     center=tuple(center))
    values = failure(rows)
    if values is not None:
        return result(values)
    free = free_fit(rows, weights)
    points = Points(rows, weights, free.weight)
    scan = Scan(points, np.linspace(0., 180., int(steps))[:-1])
    best = Minimum(points, scan, free.variance)
    correlation = widening(rows, free, best.influence)
    wider = np.sqrt(correlation[0])
    axis = Axis(best.angle, best.error * wider, best.v_sys, best.v_sys_err * wider, correlation)
    values = describe(rows, weights, free, axis)
    if "pa" not in values:
        return result(values)
    values["chi2_reduced"] = best.chi2_reduced
    if scan.has_second_minimum(best.angle, len(points) / len(rows)):
        values["flags"] |= flag_bits("MULTIMODAL")
    return result(values, posterior_of=AxisPosterior(values["pa"], values["pa_err"],
                                                     values["sense_significance"]),
                  model_of=partial(_model_velocity, field, weights, center, best.angle,
                                   best.v_sys))


class Points:
    """
    The data of one field as points: the rows, or single spaxels where weights go by area.

    Parameters
    ----------
    rows : `~kinmis.position_angle.rows.FieldRows`
        The independent data.
    weights : {"bins", "area"}
        As for `fit_bisymmetric`.
    weight : `~numpy.ndarray`, optional
        Weight of each row; spaxels all have the weight one.
    """

    def __init__(self, rows, weights, weight=None):
        self.rows = rows
        if weights == "area":
            self.row, weight = rows.row_of_spaxel(), None
            place = rows.east, rows.north
        else:
            self.row = np.arange(len(rows))
            place = rows.place.T
        self.mesh = Triangulation(*place)
        # small numbers keep their digits when they are squared
        self.offset = float(np.median(rows.velocity))
        self.velocity = (rows.velocity - self.offset)[self.row]
        self.weight = np.ones(len(self.row)) if weight is None else weight

    def __len__(self):
        return len(self.row)

    def by_row(self, values):
        """Return the sum over the points of each row."""
        return np.bincount(self.row, values)

    def residuals(self, matrix):
        """
        Return residuals with the best systemic velocity of each axis.

        Parameters
        ----------
        matrix : `~scipy.sparse.csr_array`
            As `~kinmis.position_angle.mirror.residual_matrix` gives it for A axes.

        Returns
        -------
        residual, constant : `~numpy.ndarray`
            Residuals, and what the matrix leaves of a constant; shape (A, N).
        v_sys : `~numpy.ndarray`
            Systemic velocities, shape (A,).
        """
        shape = len(self), -1
        residual = (matrix @ self.velocity).reshape(shape).T
        constant = matrix.sum(axis=1).reshape(shape).T
        norm = np.einsum("ij,ij,j->i", constant, constant, self.weight)
        v_sys = np.einsum("ij,ij,j->i", residual, constant, self.weight)
        v_sys /= np.where(norm > 0, norm, 1.)
        return residual - v_sys[:, None] * constant, constant, v_sys


class Scan:
    """
    Chi-square of many trial axes.

    Parameters
    ----------
    points : `Points`
        The data.
    axes : `~numpy.ndarray`
        Position angles in deg, evenly spaced over half the circle; an even number.

    Attributes
    ----------
    chi2 : `~numpy.ndarray`
        Chi-square, with the best systemic velocity of each axis.
    expected : `~numpy.ndarray`
        What noise of unit variance gives.
    ratio : `~numpy.ndarray`
        The one over the other: the variance of unit weight.
    """

    def __init__(self, points, axes):
        self.axes = axes
        square, cross, constant, self.expected = np.zeros((4, len(axes)))
        half = len(axes) // 2
        for part, first, turned in mirrored_values(points.mesh, points.velocity, axes):
            # the image about the axis at right angles is stored at that axis
            second = np.concatenate([first[:, half:], first[:, :half]], axis=1)
            has_first, has_second, has_turned = (np.isfinite(i) for i in (first, second, turned))
            for image, there in ((first, has_first), (second, has_second), (turned, has_turned)):
                image[~there] = 0.
            count = 1. + has_first + has_second + has_turned
            velocity, weight = points.velocity[part, None], points.weight[part]
            residual = velocity - (velocity + first - second - turned) / count
            # what a constant velocity leaves
            one = 1. - (1. + has_first - 1. * has_second - has_turned) / count
            others = 1. - 1. / count
            # no BLAS, whose threads get in the way of other workers
            square += np.einsum("i,ij,ij->j", weight, residual, residual)
            cross += np.einsum("i,ij,ij->j", weight, residual, one)
            constant += np.einsum("i,ij,ij->j", weight, one, one)
            self.expected += np.sum(others * (others + INTERPOLATED / count), axis=0)
        # with only the image about the axis itself a constant stays hidden
        shift = cross / np.where(constant > 0, constant, 1.)
        self.chi2 = np.maximum(square - shift * cross, 0.)
        self.ratio = self.chi2 / np.maximum(self.expected, 1e-9 * len(points))

    def has_second_minimum(self, angle, repeats):
        """
        Return whether an angle far from the given one fits nearly as well.

        Parameters
        ----------
        angle : float
            In deg.
        repeats : float
            Points that repeat one datum.

        Returns
        -------
        second : bool
        """
        number = len(self.axes)
        window = 2 * round(2.5 * number / 180.) + 1
        # without the jitter
        smooth = uniform_filter1d(self.ratio, window, mode="wrap")
        rise = (smooth / max(smooth.min(), np.finfo(float).tiny) - 1.) * self.expected / repeats
        minimum = (smooth <= np.roll(smooth, 1)) & (smooth <= np.roll(smooth, -1))
        away = np.abs(wrap_180(2. * (self.axes - angle))) > 60.
        return bool(np.any(minimum & away & (rise < 9.)))


class Minimum:
    """
    The minimum of a scan, and its error.

    Parameters
    ----------
    points : `Points`
        The data.
    scan : `Scan`
        Their chi-square.
    variance : `~numpy.ndarray`
        Variance of each row in (km/s)^2.

    Attributes
    ----------
    angle, error : float
        Position angle in deg, [0, 180), and its standard deviation for independent data.
    v_sys, v_sys_err : float
        Systemic velocity in km/s.
    chi2_reduced : float
        With the errors of the field; NaN without.
    influence : `~numpy.ndarray`
        Change of the angle with the velocity of each row, deg per km/s.
    """

    def __init__(self, points, scan, variance):
        self.points, self.scan = points, scan
        angle, around, derivative = self._vertex()
        self.angle = float(angle)
        if derivative is None:
            self.influence, self.error = np.zeros(len(points.rows)), LARGEST_ERROR
        else:
            self.influence = self._propagate(around, derivative)
            self.error = float(np.sqrt(np.sum(self.influence**2 * variance)))
        self._evaluate(variance)

    def _vertex(self):
        """Return the axis, the trial angles around it and its derivative by their ratios."""
        scan, number = self.scan, len(self.scan.axes)
        spacing = 180. / number
        center = int(scan.ratio.argmin())
        # spaxels of one bin move chi-square together
        repeats = len(self.points) / len(self.points.rows)
        unit = max(scan.ratio[center], np.finfo(float).tiny) * repeats / scan.expected[center]
        limit = (9. + 3. * np.sqrt(2. * len(self.points.rows))) * unit + scan.ratio[center]
        half = round(NARROWEST / spacing)
        while (half * spacing < WIDEST and
               max(scan.ratio[center - half], scan.ratio[(center + half) % number]) < limit):
            half += 1
        step = np.arange(-half, half + 1)
        # least squares of a + b x + c x^2, x in deg
        solve = np.linalg.pinv(np.vander(step * spacing, 3, increasing=True))
        for _ in range(20):
            around = (center + step) % number
            _, slope, bend = solve @ scan.ratio[around]
            if not bend > 0:
                return scan.axes[center], around, None
            shift = np.clip(-slope / (2. * bend), -half * spacing, half * spacing)
            move = round(shift / spacing)
            if move == 0:
                break
            center = (center + move) % number
        derivative = (slope / bend * solve[2] - solve[1]) / (2. * bend)
        return (scan.axes[center] + shift) % 180., around, derivative

    def _evaluate(self, variance):
        """Set what follows from the residuals about the best axis."""
        points, ivar = self.points, self.points.rows.ivar
        matrix = residual_matrix(points.mesh, [self.angle])
        (residual,), (constant,), (v_sys,) = points.residuals(matrix)
        self.v_sys = float(v_sys + points.offset)
        weighted = points.weight * constant
        effect = points.by_row(matrix.T @ weighted) / max(weighted @ constant, 1e-300)
        self.v_sys_err = float(np.sqrt(np.sum(effect**2 * variance)))
        self.chi2_reduced = np.nan
        if ivar is not None:
            number = np.arange(len(points))
            share = matrix @ sparse.csr_array((np.ones(len(points)), (number, points.row)))
            # what noise would give, exactly: spaxels of a bin are alike, images share corners
            expected = ivar[points.row] @ (share.power(2) @ (1. / ivar))
            self.chi2_reduced = float(ivar[points.row] @ residual**2 / expected)

    def _propagate(self, around, derivative):
        """Return the change of the angle with the velocity of each row."""
        points, scan = self.points, self.scan
        change = np.zeros(len(points))
        at_once = max(1, CHUNK // len(points))
        for first in range(0, len(around), at_once):
            part = slice(first, first + at_once)
            matrix = residual_matrix(points.mesh, scan.axes[around[part]])
            factor = 2. * derivative[part] / scan.expected[around[part]]
            residual = points.residuals(matrix)[0]
            change += matrix.T @ (factor[:, None] * points.weight * residual).T.ravel()
        return points.by_row(change)


def _model_velocity(field, weights, center, pa, v_sys):
    """
    Return the bi-antisymmetric part of the field, in km/s, NaN under the mask.

    Of all the field, also where it was not fitted. Where a position has no image at all, the
    model is the datum itself.
    """
    rows = field_rows(field, center)
    points = Points(rows, weights)
    residual = residual_matrix(points.mesh, [pa]) @ (points.velocity + points.offset - v_sys)
    model = np.full(field.data.size, np.nan)
    on_point = points.velocity + points.offset - residual
    model[rows.spaxel] = on_point if weights == "area" else on_point[rows.row_of_spaxel()]
    return model.reshape(field.shape)
