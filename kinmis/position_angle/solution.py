"""
From normal matrices to angles: the part of the harmonic engine that sees no data.

Everything here is small algebra for a batch of B fields at once.
"""

from dataclasses import dataclass

import numpy as np

from kinmis.position_angle import basis
from kinmis.position_angle.profile import Profile, best_angle, regular, solve_free, start_angle


@dataclass
class Reduced:
    """
    Normal equations with the constant eliminated.

    Parameters
    ----------
    normal : `~numpy.ndarray`
        S, shape (B, 6 n, 6 n).
    right : `~numpy.ndarray`
        t, shape (B, 6 n).
    chi2 : `~numpy.ndarray`
        Chi-square of a constant velocity, shape (B,).
    total : `~numpy.ndarray`
        Sum of the weights, shape (B,).
    cross : `~numpy.ndarray`
        Weighted sums of the basis functions, shape (B, 6 n).
    sum_v : `~numpy.ndarray`
        Weighted sum of the velocities, shape (B,).
    weight : `~numpy.ndarray`
        h, the weight of the data under each radial function, shape (B, n).
    """

    normal: np.ndarray
    right: np.ndarray
    chi2: np.ndarray
    total: np.ndarray
    cross: np.ndarray
    sum_v: np.ndarray
    weight: np.ndarray

    def __getitem__(self, item):
        return Reduced(*(value[item] for value in vars(self).values()))


def reduce(gram, blocks_used):
    """
    Eliminate the constant from the normal equations.

    Parameters
    ----------
    gram : `~numpy.ndarray`
        Sums of products of the columns and the velocity, shape (B, q + 1, q + 1).
    blocks_used : `~numpy.ndarray`
        Matrix (1 + 6 n, q) that makes the basis of the fit from the columns.

    Returns
    -------
    reduced : `Reduced`
    """
    full = blocks_used @ gram[:, :-1, :-1] @ blocks_used.T
    right = gram[:, :-1, -1] @ blocks_used.T
    total, cross, sum_v = full[:, 0, 0], full[:, 0, 1:], right[:, 0]
    n = (len(blocks_used) - 1) // basis.ANGULAR
    diagonal = np.einsum("bii->bi", full)[:, 1:]
    return Reduced(
        normal=full[:, 1:, 1:] - cross[:, :, None] * (cross / total[:, None])[:, None],
        right=right[:, 1:] - cross * (sum_v / total)[:, None],
        chi2=np.maximum(gram[:, -1, -1] - sum_v**2 / total, 0.),
        total=total, cross=cross, sum_v=sum_v, weight=diagonal[:, :n] + diagonal[:, n:2 * n])


def blocks(nodes):
    """Return the matrix (1 + 6 nodes, COLUMNS) that keeps the constant and coarsens the rest."""
    matrix = np.zeros((1 + basis.ANGULAR * nodes, basis.COLUMNS))
    matrix[0, 0] = 1.
    matrix[1:, 1:] = np.kron(np.eye(basis.ANGULAR), basis.coarsen(nodes))
    return matrix


@dataclass
class Solution:
    """
    The best angle of a batch of fields, for one set of harmonics.

    Angles are in radians, the sense is not decided yet: amplitudes have either sign.

    Parameters
    ----------
    harmonics : tuple of int
        Harmonics of the model.
    theta, explained, chi2 : `~numpy.ndarray`
        Best angle, chi-square that the model explains and that it leaves, shape (B,).
    amplitudes : `~numpy.ndarray`
        Shape (B, p).
    scan : `~numpy.ndarray`
        Explained chi-square at evenly spaced angles over half the circle, shape (T, B).
    """

    harmonics: tuple
    theta: np.ndarray
    explained: np.ndarray
    chi2: np.ndarray
    amplitudes: np.ndarray
    scan: np.ndarray

    @property
    def parameters(self):
        """Number of free parameters: amplitudes, angle, systemic velocity."""
        return self.amplitudes.shape[1] + 2

    def __getitem__(self, item):
        return Solution(self.harmonics, self.theta[item], self.explained[item], self.chi2[item],
                        self.amplitudes[item], self.scan[:, item])


def solve(reduced, harmonics):
    """
    Find the best angle of each field.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.
    harmonics : tuple of int
        (1,) or (1, 3).

    Returns
    -------
    solution : `Solution`
    """
    profile = Profile(reduced.normal, reduced.right, harmonics)
    start = start_angle(reduced.normal, reduced.right, reduced.weight)
    theta, explained, amplitudes, scan = best_angle(profile, start)
    # rounding can leave a perfect fit with less than nothing
    chi2 = np.maximum(reduced.chi2 - explained, 1e-14 * reduced.chi2)
    return Solution(harmonics, theta, explained, chi2, amplitudes.T, scan)


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
    inverse : `~numpy.ndarray`
        Inverse normal matrix of amplitudes and angle (last), shape (B, p + 1, p + 1).
    direction : `~numpy.ndarray`
        Coefficients of the model's change with the angle, as far as the amplitudes can't
        mimic it; shape (B, 6 n).
    direction_constant : `~numpy.ndarray`
        Its constant, shape (B,).
    constant_variance : `~numpy.ndarray`
        Variance of the systemic velocity, shape (B,).
    """

    coefficients: np.ndarray
    constant: np.ndarray
    inverse: np.ndarray
    direction: np.ndarray
    direction_constant: np.ndarray
    constant_variance: np.ndarray


def linearise(reduced, solution):
    """
    Linearise the model at the solution.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.
    solution : `Solution`
        Their solution.

    Returns
    -------
    tangent : `Tangent`
    """
    fields, n = len(solution.theta), reduced.weight.shape[1]
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

    def whole(part):
        return np.pad(part, ((0, 0), (0, basis.ANGULAR * n - size)))

    return Tangent(
        coefficients=whole(coefficients.T),
        constant=(reduced.sum_v - np.einsum("bi,ib->b", cross, coefficients)) / reduced.total,
        inverse=inverse, direction=whole(direction),
        direction_constant=-np.einsum("bi,bi->b", cross, direction) / reduced.total,
        constant_variance=1. / reduced.total + spread / reduced.total**2)


def inner_and_outer(reduced, harmonics, unit):
    """
    Return the angles of the inner and the outer half in radius, with their errors.

    From the free fit of all cosine and sine amplitudes, summed with their weights over the
    inner and over the outer radial functions.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.
    harmonics : tuple of int
        Harmonics of the model.
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
    size = 2 * n * len(harmonics)
    normal = regular(reduced.normal[:, :size, :size])
    free = solve_free(reduced.normal[:, :size, :size], reduced.right[:, :size])
    covariance = np.linalg.inv(normal)[:, :2 * n, :2 * n]
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
