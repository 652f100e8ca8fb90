"""
The linearised model at the solution, from which the errors follow.

As in `solution`, everything is small algebra for a batch of B fields at once.
"""

from dataclasses import dataclass

import numpy as np

from kinmis.position_angle.profile import Profile, regular


@dataclass
class Tangent:
    """
    The linearised model at the solution, from which all errors follow.

    Parameters
    ----------
    coefficients : `~numpy.ndarray`
        Of the basis functions at the solution, without the constant; shape (B, 6 n).
    constant : `~numpy.ndarray`
        Systemic velocity, shape (B,).
    direction : `~numpy.ndarray`
        Coefficients of the model's change with the angle, as far as the amplitudes can't
        mimic it; shape (B, 6 n).
    direction_constant : `~numpy.ndarray`
        Its constant, shape (B,).
    theta_variance, constant_variance : `~numpy.ndarray`
        Variance of the angle (radian^2) and of the systemic velocity, in units of the
        chi-square that counts as one; shape (B,).
    """

    coefficients: np.ndarray
    constant: np.ndarray
    direction: np.ndarray
    direction_constant: np.ndarray
    theta_variance: np.ndarray
    constant_variance: np.ndarray


def linearise(reduced, choice):
    """
    Linearise the model at the chosen solutions.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.
    choice : `Choice`
        Their solutions.

    Returns
    -------
    tangent : `Tangent`
    """
    fields, size = reduced.right.shape
    tangent = Tangent(*(np.zeros(shape) for shape in (
        (fields, size), fields, (fields, size), fields, fields, fields)))
    for solution, mine, which in choice.groups():
        part = _linearise(reduced[which], solution[mine])
        for name, values in vars(part).items():
            whole = getattr(tangent, name)
            if values.ndim == 2:
                whole[which, :values.shape[1]] = values
            else:
                whole[which] = values
    return tangent


def _linearise(reduced, solution):
    """Linearise fields with the same harmonics; coefficients of these only."""
    fields, n = reduced.weight.shape
    size = 2 * n * len(solution.harmonics)
    profile = Profile(reduced.normal[:1], reduced.right[:1], solution.harmonics)
    coefficients, derivative = profile.expand(solution.amplitudes.T, solution.theta)
    # columns: change of the coefficients with each amplitude, then with the angle
    jacobian = np.zeros((fields, size, solution.amplitudes.shape[1] + 1))
    k = np.arange(n)
    for i, m in enumerate(solution.harmonics):
        jacobian[:, 2 * i * n + k, i * n + k] = np.cos(m * solution.theta)[:, None]
        jacobian[:, (2 * i + 1) * n + k, i * n + k] = np.sin(m * solution.theta)[:, None]
    jacobian[:, :, -1] = derivative.T
    transposed = np.swapaxes(jacobian, 1, 2)
    inverse = np.linalg.inv(regular(transposed @ reduced.normal[:, :size, :size] @ jacobian))
    cross = reduced.cross[:, :size]
    direction = (jacobian @ (inverse[:, :, -1] / inverse[:, -1, -1:])[..., None])[..., 0]
    through = (transposed @ cross[..., None])[..., 0]
    spread = np.einsum("bi,bij,bj->b", through, inverse, through)
    return Tangent(
        coefficients=coefficients.T,
        constant=(reduced.sum_v - np.einsum("bi,ib->b", cross, coefficients)) / reduced.total,
        direction=direction,
        direction_constant=-np.einsum("bi,bi->b", cross, direction) / reduced.total,
        theta_variance=inverse[:, -1, -1],
        constant_variance=1. / reduced.total + spread / reduced.total**2)


def inner_and_outer(reduced, unit):
    """
    Return the angles of the inner and the outer half in radius, with their errors.

    From the free fit of the cosine and sine amplitudes of m = 1, summed with their weights
    over the inner and over the outer radial functions.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.
    unit : `~numpy.ndarray`
        Chi-square that counts as one, shape (B,).

    Returns
    -------
    angles, errors : `~numpy.ndarray`
        In radians, shape (2, B): inner, outer. NaN for a single radial function.
    """
    fields, n = reduced.weight.shape
    if n == 1:
        return np.full((2, 2, fields), np.nan)
    covariance = np.linalg.inv(regular(reduced.normal[:, :2 * n, :2 * n]))
    free = (covariance @ reduced.right[:, :2 * n, None])[..., 0]
    angles, errors = np.empty((2, fields)), np.empty((2, fields))
    for i, part in enumerate((slice(0, n // 2), slice(n // 2, n))):
        weight = np.zeros((fields, n))
        weight[:, part] = reduced.weight[:, part]
        cosine = np.sum(weight * free[:, :n], axis=1)
        sine = np.sum(weight * free[:, n:2 * n], axis=1)
        angles[i] = np.arctan2(sine, cosine)
        across = np.concatenate([-np.sin(angles[i])[:, None] * weight,
                                 np.cos(angles[i])[:, None] * weight], axis=1)
        variance = unit * np.einsum("bi,bij,bj->b", across, covariance, across)
        with np.errstate(divide="ignore", invalid="ignore"):
            errors[i] = np.sqrt(variance) / np.hypot(cosine, sine)
    return angles, errors


def net_rotation(reduced, theta):
    """
    Return the net rotation at an angle, whose sign is the sense, and its relative variance.

    The sum of the m = 1 amplitudes with the weights of the data. Harmonics are left out: where
    bins are coarse they trade with rotation.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.
    theta : `~numpy.ndarray`
        Angles in radians, shape (B,).

    Returns
    -------
    net, gross, variance : `~numpy.ndarray`
        Sum of the signed and of the absolute amplitudes, and the variance of the former in
        units of the chi-square that counts as one; shape (B,).
    """
    profile = Profile(reduced.normal, reduced.right, (1,))
    amplitudes = profile.amplitudes(theta[None])[1][:, 0].T
    n = reduced.weight.shape[1]
    turn = np.kron(np.column_stack([np.cos(theta), np.sin(theta)])[:, None], np.eye(n))
    matrix = regular(turn @ reduced.normal[:, :2 * n, :2 * n] @ np.swapaxes(turn, 1, 2))
    variance = np.einsum("bk,bk->b", reduced.weight,
                         np.linalg.solve(matrix, reduced.weight[..., None])[..., 0])
    return (np.einsum("bk,bk->b", reduced.weight, amplitudes),
            np.einsum("bk,bk->b", reduced.weight, np.abs(amplitudes)), variance)
