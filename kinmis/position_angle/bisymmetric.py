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

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from kinmis.flags import flag_bits
from kinmis.position_angle import axis as on_axis
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
    result = partial(PositionAngle, method="bisymmetric", weights=weights, source=field)
    values = on_axis.basic_values(rows)
    flag = on_axis.failure(rows)
    if flag is None:
        try:
            points = Points(rows, weights)
        except ValueError:
            # on one line there is no second dimension to mirror
            flag = "TOO_FEW_DATA"
    if flag is not None:
        return result({**values, "flags": flag_bits(flag)})
    free = on_axis.free_fit(rows, weights)
    points.set_weights(free.weight)
    scan = Scan(points, np.linspace(0., 180., int(steps))[:-1])
    best = Minimum(points, scan)
    widening = on_axis.widening(rows, field.shape, free, best.influence)
    values |= {"v_sys": best.v_sys + points.offset, "intrinsic_scatter": free.scatter,
               "significance": free.significance(widening)}
    variance = free.row_variance(points.by_errors)
    best.set_errors(values, variance * widening)
    if widening > 1.5:
        values["flags"] |= flag_bits("CORRELATED_NOISE")
    if on_axis.has_gap(rows):
        values["flags"] |= flag_bits("INCOMPLETE_AZIMUTH")
    if values["significance"] <= on_axis.THRESHOLD:
        return result(on_axis.without_angle(values))
    ...


class Points:
    """
    The data of one field as points: the rows, or single spaxels where weights go by area.

    Parameters
    ----------
    rows : `~kinmis.position_angle.rows.FieldRows`
        The independent data.
    weights : {"bins", "area"}
        As for `fit_bisymmetric`.

    Raises
    ------
    ValueError
        If the points lie on one line.
    """

    def __init__(self, rows, weights):
        self.rows, self.by_area = rows, weights == "area"
        if self.by_area:
            self.row = rows.row_of_spaxel()
            east, north = rows.east, rows.north
        else:
            self.row = np.arange(len(rows))
            east, north = rows.mean(rows.east), rows.mean(rows.north)
        self.mesh = Triangulation(east, north)
        self.east, self.north = east, north
        # small numbers keep their digits when they are squared
        self.offset = np.median(rows.velocity)
        self.velocity = (rows.velocity - self.offset)[self.row]
        self.weight = np.ones(len(self.row))

    def set_weights(self, weight):
        """Set the weights of the rows."""
        if not self.by_area:
            self.weight = weight

    def __len__(self):
        return len(self.row)

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
        square = -1, len(self)
        residual = (matrix @ self.velocity).reshape(square)
        constant = matrix.sum(axis=1).reshape(square)
        norm = constant**2 @ self.weight
        v_sys = ((residual * constant) @ self.weight) / np.where(norm > 0, norm, 1.)
        return residual - v_sys[:, None] * constant, constant, v_sys

    def row_variance(self, noise):
        """Return the variance of each row for the variance of unit weight."""
        return np.full(len(self.rows), noise) if self.by_area else noise / self.weight


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
            square += weight @ residual**2
            cross += weight @ (residual * one)
            constant += weight @ one**2
            self.expected += np.sum(others * (others + INTERPOLATED / count), axis=0)
        # with only the image about the axis itself a constant stays hidden
        shift = cross / np.where(constant > 0, constant, 1.)
        self.chi2 = np.maximum(square - shift * cross, 0.)
        self.ratio = self.chi2 / np.maximum(self.expected, 1e-9 * len(points))


class Minimum:
    """
    The minimum of a scan, and its error.

    Parameters
    ----------
    points : `Points`
        The data.
    scan : `Scan`
        Their chi-square.

    Attributes
    ----------
    axis : float
        Position angle in deg, [0, 180).
    error : float
        Standard deviation in deg for independent data.
    v_sys, v_sys_err : float
        Systemic velocity in km/s.
    noise : float
        Variance of unit weight.
    influence : `~numpy.ndarray`
        Change of the angle with the velocity of each row, deg per km/s.
    """

    def __init__(self, points, scan):
        self.points, self.scan = points, scan
        axis, around, derivative = self._vertex()
        self.axis = float(axis)
        self._evaluate()
        rows = len(points.rows)
        if derivative is None:
            self.influence = np.zeros(rows)
            self.error = 180. / np.sqrt(12.)
        else:
            self.influence = self._propagate(around, derivative)
            variance = points.row_variance(self.noise)
            self.error = float(np.sqrt(np.sum(self.influence**2 * variance)))

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

    def _evaluate(self):
        """Set what follows from the residuals about the best axis."""
        points = self.points
        matrix = residual_matrix(points.mesh, [self.axis])
        residual, constant, shift = points.residuals(matrix)
        self.v_sys = float(shift[0])
        per_row = matrix @ sparse.csr_array(
            (np.ones(len(points)), (np.arange(len(points)), points.row)))
        variance = points.row_variance(1.)
        # what noise would give, exactly: spaxels of a bin are alike, images share corners
        expected = points.weight @ (per_row.power(2) @ variance)
        self.noise = float(points.weight @ residual[0]**2 / max(expected, 1e-300))
        weighted = points.weight * constant[0]
        effect = per_row.T @ weighted / max(weighted @ constant[0], 1e-300)
        self.v_sys_err = float(np.sqrt(self.noise * np.sum(effect**2 * variance)))

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
            change += matrix.T @ (factor[:, None] * points.weight * residual).ravel()
        return np.bincount(points.row, change)


def _describe(values, points, scan, best, free, shape):
    """Add to the values all that depends on the angle."""
    rows = points.rows
    variance = points.row_variance(best.noise)
    weight = rows.area if points.by_area else points.weight
    side = on_axis.receding_side(rows, best.axis, values["v_sys"], weight, variance)
    flags = values["flags"] | side.pop("flags")
    values |= side
    factor = on_axis.widening(rows, shape, free, best.influence)
    if factor > 1.5:
        flags |= flag_bits("CORRELATED_NOISE")
    error = min(best.error * np.sqrt(factor), 180. / np.sqrt(12.))
    pa = values["pa"]
    if rows.ivar is not None and not points.by_area:
        # the noise level is in units of the errors that the weights are made of
        values["chi2_reduced"] = float(best.noise * np.mean(rows.ivar / points.weight))
    if free.scatter > values["amplitude"] / 2:
        flags |= flag_bits("POOR_FIT")
    if _second_minimum(scan, best.axis, len(points) / len(rows)):
        flags |= flag_bits("MULTIMODAL")
    values |= {"pa_err": error, "pa_lower_68": pa - error, "pa_upper_68": pa + error,
               "pa_lower_95": pa - 2. * error, "pa_upper_95": pa + 2. * error, "flags": flags}


def _second_minimum(scan, axis, repeats):
    """Return whether an angle elsewhere fits nearly as well, jitter smoothed away."""
    number = len(scan.axes)
    window = 2 * round(2.5 * number / 180.) + 1
    wrapped = np.concatenate([scan.ratio[-(window // 2):], scan.ratio,
                              scan.ratio[:window // 2]])
    smooth = np.convolve(wrapped, np.ones(window) / window, mode="valid")
    rise = (smooth / smooth.min() - 1.) * scan.expected / repeats
    minimum = (smooth <= np.roll(smooth, 1)) & (smooth <= np.roll(smooth, -1))
    away = np.abs(wrap_180(2. * (scan.axes - axis))) > 60.
    return bool(np.any(minimum & away & (rise < 9.)))


@dataclass(frozen=True)
class AxisPosterior:
    """
    Log posterior density of an angle of which an axis, its error and its sense are known.

    Parameters
    ----------
    pa, error : float
        In deg.
    flipped : float
        Probability that the other side recedes.
    """

    pa: float
    error: float
    flipped: float

    def __call__(self, angles):
        # von Mises about either end of the axis
        sharpness = np.radians(max(self.error, 1e-3)) ** -2
        cosine = np.cos(np.radians(np.asarray(angles) - self.pa))
        with np.errstate(divide="ignore"):
            ends = np.log([1. - self.flipped, self.flipped])
        return np.logaddexp(ends[0] + sharpness * (cosine - 1.),
                            ends[1] + sharpness * (-cosine - 1.))


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
    model[rows.spaxel] = on_point if points.by_area else on_point[rows.row_of_spaxel()]
    return model.reshape(field.shape)
