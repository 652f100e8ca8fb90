"""
What engines that only find an axis need beside it.

Whether the field rotates, how the data weigh, which side recedes, and the flags.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc, log_ndtr, ndtri

from kinmis.flags import flag_bits
from kinmis.position_angle import basis
from kinmis.position_angle.circular import wrap_360
from kinmis.position_angle.correlation import inflation, is_correlated
from kinmis.position_angle.weighting import intrinsic_variance

#: Independent data that an angle needs.
SMALLEST = 10

#: Significance that counts as rotation: one false alarm in a thousand fields of noise.
THRESHOLD = -ndtri(1e-3)

#: Radial functions that are tried, and the rows that each needs.
ROWS_NEEDED = {4: 50, 2: 25, 1: SMALLEST}

#: Rings in which net and total rotation are compared, and their ratio below which the sense
#: is ambiguous.
RINGS, BALANCED = 8, 0.2

#: Standard deviation of an axis of which nothing is known, deg.
LARGEST_ERROR = 180. / np.sqrt(12.)


@dataclass
class FreeFit:
    """
    A fit in which any angle may hold at any radius.

    Parameters
    ----------
    weight : `~numpy.ndarray`
        Weight of each row: one over variance plus intrinsic variance, or ones.
    scatter : float
        Intrinsic scatter in km/s; without errors, all the scatter.
    residual, variance : `~numpy.ndarray`
        Of each row, in km/s and (km/s)^2.
    parameters : int
        Number of parameters of the fit.
    explained, left : dict
        Chi-square that rotation explains and leaves, by its number of parameters.
    """

    weight: np.ndarray
    scatter: float
    residual: np.ndarray
    variance: np.ndarray
    parameters: int
    explained: dict
    left: dict

    def significance(self, correlation=(1., 1.)):
        """
        Return the significance of rotation, in standard deviations of a normal distribution.

        That of an F-test of rotation with any angle at any radius against a constant. Of 4, 2
        and 1 radial functions those count with which rotation is most certain.

        Parameters
        ----------
        correlation : tuple of float
            As `widening` gives it.
        """
        # between what the residuals show and what the noise may be
        effective, chance = len(self.weight) / np.sqrt(np.prod(correlation)), 1.
        for taken, explained in self.explained.items():
            freedom = max(effective - taken - 1., effective / 4.)
            ratio = max(explained, 0.) / taken * freedom / self.left[taken]
            chance = min(chance, fdtrc(taken, freedom, ratio))
        chance = np.clip(chance * len(self.explained), 1e-300, 1.)
        return max(float(-ndtri(chance)), 0.)


def free_fit(rows, weights):
    """
    Fit v = v_sys + sum_km B_k(r) (a_km cos(m phi) + b_km sin(m phi)), B_k hats of radius.

    With m = 1, 3 and 5 it says how much the data scatter; with m = 1 alone, whether they
    rotate.

    Parameters
    ----------
    rows : `~kinmis.position_angle.rows.FieldRows`
        The rows of one field, at least `SMALLEST`.
    weights : {"bins", "area"}
        "area" ignores the errors.

    Returns
    -------
    fit : `FreeFit`
    """
    # small numbers keep their digits when they are squared
    velocity = rows.velocity - np.median(rows.velocity)
    tests = [_rotation(nodes) for nodes, needed in ROWS_NEEDED.items() if len(rows) >= needed]
    used = np.eye(basis.COLUMNS) if len(tests) == len(ROWS_NEEDED) else tests[0]
    columns = _product(used, rows.columns)
    freedom = len(rows) - len(used)
    weight, scatter = np.ones(len(rows)), 0.
    by_errors = weights == "bins" and rows.ivar is not None
    if by_errors:
        measured = 1. / rows.ivar
        for _ in range(3):
            # from equal weights on: the inverse variance alone rests on the few best data
            residual = _fit(columns, velocity, weight)[0]
            scatter = intrinsic_variance(residual, measured, freedom, scatter)
            weight = 1. / (measured + scatter)
    residual, inverse = _fit(columns, velocity, weight)
    if by_errors:
        variance = np.sum(weight * residual**2) / freedom / weight
    else:
        scatter = np.sum(residual**2) / freedom
        # wrong for each datum, but right for a sum over many, whichever of them are noisier;
        # a datum that the fit follows hides part of its residual
        leverage = np.sum(columns * _product(inverse, columns), axis=0)
        variance = residual**2 / (1. - np.minimum(leverage, 0.9))
    constant = np.sum(weight * _fit(rows.columns[:1], velocity, weight)[0]**2)
    explained, left = {}, {}
    for test in tests:
        taken = len(test) - 1
        chi2 = np.sum(weight * _fit(_product(test, rows.columns), velocity, weight)[0]**2)
        # rounding leaves something of a perfect fit
        left[taken] = max(chi2, 1e-20 * constant)
        explained[taken] = max(constant - left[taken], 0.)
    return FreeFit(weight, float(np.sqrt(scatter)), residual, variance, len(used), explained,
                   left)


def _rotation(nodes):
    """Return the matrix that makes constant and rotation from the columns of the basis."""
    matrix = np.zeros((1 + 2 * nodes, basis.COLUMNS))
    matrix[0, 0] = 1.
    matrix[1:, 1:1 + 2 * basis.K] = np.kron(np.eye(2), basis.coarsen(nodes))
    return matrix


def _fit(columns, velocity, weight):
    """Return the residuals of a least-squares fit, and the inverse of the normal matrix."""
    weighted = columns * weight
    # a radial function may have no data
    inverse = np.linalg.pinv(_product(weighted, columns.T), rcond=1e-12, hermitian=True)
    found = inverse @ np.sum(weighted * velocity, axis=1)
    return velocity - np.einsum("i,ij->j", found, columns), inverse


def _product(first, second):
    """
    Return the product of two matrices by plain loops.

    As fast as the threads of BLAS for these shapes, which would get in each other's way where
    every worker of a catalogue has them.
    """
    return np.einsum("ij,jk->ik", first, second)


def widening(rows, fit, influence):
    """
    Return by what factor correlated noise widens the variance of the angle.

    Parameters
    ----------
    rows : `~kinmis.position_angle.rows.FieldRows`
        The rows of one field.
    fit : `FreeFit`
        The noise of its residuals counts.
    influence : `~numpy.ndarray`
        Change of the angle with the velocity of each row.

    Returns
    -------
    factor, seen : float
        At least one; as `~kinmis.position_angle.correlation.inflation` gives them.
    """
    root = np.sqrt(fit.weight)
    scaled = fit.residual * root
    # nothing is left of a perfect fit, and nothing depends on data that don't matter
    if not (np.any(scaled) and np.any(influence) and is_correlated(scaled, rows.neighbours)):
        return 1., 1.
    factor, seen = inflation(rows.layout, scaled, influence / root, fit.parameters)
    return float(factor), float(seen)


def failure(rows):
    """
    Return the values of a field that can't have an angle, or None.

    Parameters
    ----------
    rows : `~kinmis.position_angle.rows.FieldRows`
        The rows of one field.

    Returns
    -------
    values : dict or None
        As for a `~kinmis.PositionAngle`.
    """
    if rows.n_valid == 0:
        name = "NO_DATA"
    elif len(rows) < SMALLEST or _on_a_line(rows):
        name = "TOO_FEW_DATA"
    elif not np.ptp(rows.velocity) > 0:
        name = "NO_ROTATION"
    else:
        return None
    return {"n_data": len(rows), "flags": flag_bits(name)}


def _on_a_line(rows):
    """Whether all data lie on one line, as far as rounding can tell."""
    east, north = (rows.place - rows.place.mean(axis=0)).T
    narrow, wide = np.linalg.eigvalsh([[np.sum(east**2), np.sum(east * north)],
                                       [np.sum(east * north), np.sum(north**2)]])
    return bool(narrow <= 1e-12 * wide)


@dataclass
class Axis:
    """
    What an engine found, before the sense is known.

    Parameters
    ----------
    angle, error : float
        Position angle of the axis and its standard deviation, deg.
    v_sys, v_sys_err : float
        Systemic velocity in km/s.
    correlation : tuple of float
        As `widening` gives it.
    """

    angle: float
    error: float
    v_sys: float
    v_sys_err: float
    correlation: tuple


def describe(rows, weights, fit, axis):
    """
    Return all values that follow from an axis.

    Parameters
    ----------
    rows : `~kinmis.position_angle.rows.FieldRows`
        The rows of one field.
    weights : {"bins", "area"}
        As for `kinmis.fit_pa`.
    fit : `FreeFit`
        Of these rows.
    axis : `Axis`
        The axis.

    Returns
    -------
    values : dict
        As for a `~kinmis.PositionAngle`; without an angle where nothing rotates.
    """
    values = {"n_data": len(rows), "area_fraction": float(rows.area.sum() / rows.n_valid),
              "v_sys": axis.v_sys, "v_sys_err": axis.v_sys_err,
              "significance": fit.significance(axis.correlation)}
    flags = {"INCOMPLETE_AZIMUTH": rows.has_gap, "CORRELATED_NOISE": axis.correlation[0] > 1.5}
    if values["significance"] <= THRESHOLD:
        flags["NO_ROTATION"] = True
    else:
        weight = rows.area if weights == "area" else fit.weight
        rotation, error, balance = _net_rotation(rows, axis, weight, fit)
        pa = float(wrap_360(axis.angle if rotation >= 0 else axis.angle + 180.))
        width = min(axis.error, LARGEST_ERROR)
        sense = float(abs(rotation) / error) if error > 0 else np.inf
        values |= {"pa": pa, "pa_err": width, "pa_lower_68": pa - width,
                   "pa_upper_68": pa + width, "pa_lower_95": pa - 2. * width,
                   "pa_upper_95": pa + 2. * width, "amplitude": abs(rotation),
                   "intrinsic_scatter": fit.scatter, "sense_significance": sense}
        flags |= {"AMBIGUOUS_SENSE": sense < 3. or balance < BALANCED,
                  "POOR_FIT": fit.scatter > abs(rotation) / 2}
    values["flags"] = flag_bits(*(name for name, on in flags.items() if on))
    return values


def _net_rotation(rows, axis, weight, fit):
    """Return the mean rotation along the axis, its error, and how little of it cancels."""
    radius = np.maximum(np.hypot(rows.east, rows.north), np.finfo(float).tiny)
    angle = np.radians(axis.angle)
    cosine = rows.mean((rows.east * np.sin(angle) + rows.north * np.cos(angle)) / radius)
    share = weight * cosine / max(np.sum(weight * cosine**2), np.finfo(float).tiny)
    rotation = share * (rows.velocity - axis.v_sys)
    error = np.sqrt(axis.correlation[0] * np.sum(share**2 * fit.variance))
    rings = np.array_split(rotation[np.argsort(rows.mean(radius), kind="stable")], RINGS)
    gross = sum(abs(ring.sum()) for ring in rings)
    return float(rotation.sum()), error, abs(rotation.sum()) / max(gross, np.finfo(float).tiny)


@dataclass(frozen=True)
class AxisPosterior:
    """
    Log posterior density of an angle of which an axis, its error and its sense are known.

    Parameters
    ----------
    pa, error : float
        In deg.
    sense : float
        Significance of the sense in standard deviations.
    """

    pa: float
    error: float
    sense: float

    def __call__(self, angles):
        # von Mises about either end of the axis
        sharpness = np.radians(max(self.error, 1e-3)) ** -2
        cosine = np.cos(np.radians(np.asarray(angles) - self.pa))
        return np.logaddexp(log_ndtr(self.sense) + sharpness * (cosine - 1.),
                            log_ndtr(-self.sense) + sharpness * (-cosine - 1.))
