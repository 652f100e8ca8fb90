"""
From normal matrices to angles: the part of the harmonic engine that sees no data.

Everything here is small algebra for a batch of B fields at once.
"""

from dataclasses import dataclass

import numpy as np

from kinmis.position_angle import basis
from kinmis.position_angle.profile import (Profile, best_of, climb, regular, scan_angles,
                                           solve_free, start_angle)


#: Sets of harmonics to choose from, the simplest first.
CANDIDATES = ((1,), (1, 3), (1, 3, 5))


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
    """

    harmonics: tuple
    theta: np.ndarray
    explained: np.ndarray
    chi2: np.ndarray
    amplitudes: np.ndarray

    @property
    def parameters(self):
        """Number of free parameters: amplitudes, angle, systemic velocity."""
        return self.amplitudes.shape[1] + 2

    def __getitem__(self, item):
        return Solution(self.harmonics, *(getattr(self, name)[item] for name in (
            "theta", "explained", "chi2", "amplitudes")))


def solve_rotation(reduced):
    """
    Find the best angle of each field for rotation alone, m = 1.

    A coarse scan over half the circle comes first: the profile can have two maxima.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.

    Returns
    -------
    solution : `Solution`
    other : `~numpy.ndarray`
        Explained chi-square of a second maximum, more than 30 deg away; shape (B,). Zero
        where there is none.
    """
    profile = Profile(reduced.normal, reduced.right, (1,))
    grid, scan = scan_angles(profile)
    start = start_angle(reduced.normal, reduced.right, reduced.weight)
    coarse = grid[scan.argmax(axis=0)]
    solution = _climbed(reduced, profile, best_of(profile, np.stack([coarse, start])))
    peak = (scan >= np.roll(scan, 1, axis=0)) & (scan >= np.roll(scan, -1, axis=0))
    away = np.cos(2 * (grid[:, None] - solution.theta)) < 0.5
    return solution, np.where(peak & away, scan, 0.).max(axis=0)


def solve(reduced, harmonics, near):
    """
    Find the best angle of each field with higher harmonics, around that of rotation alone.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.
    harmonics : tuple of int
        Harmonics of the model.
    near : `~numpy.ndarray`
        Angle of the rotation alone, in radians, shape (B,).

    Returns
    -------
    solution : `Solution`
    """
    profile = Profile(reduced.normal, reduced.right, harmonics)
    guesses = near + np.radians([-40., -24., -8., 0., 8., 24., 40.])[:, None]
    return _climbed(reduced, profile, best_of(profile, guesses))


def _climbed(reduced, profile, guess):
    theta, explained, amplitudes = climb(profile, guess)
    # rounding can leave a perfect fit with less than nothing
    chi2 = np.maximum(reduced.chi2 - explained, 1e-14 * reduced.chi2)
    return Solution(profile.harmonics, theta, explained, chi2, amplitudes.T)


def rotation_chi2(reduced):
    """
    Return what rotation alone explains, and what it leaves, to the accuracy of a test.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.

    Returns
    -------
    explained, chi2 : `~numpy.ndarray`
        Shape (B,).
    """
    profile = Profile(reduced.normal, reduced.right, (1,))
    # explained chi-square is flat at its maximum: half a step misses less than 0.5%
    explained = scan_angles(profile)[1].max(axis=0)
    return explained, np.maximum(reduced.chi2 - explained, 1e-14 * reduced.chi2)


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


class Choice:
    """
    The solution of each field with the harmonics that suit it.

    Rotation alone is solved for all; higher harmonics are tried one after the other, where
    the ones before were worth their parameters by the Bayesian information criterion.

    Parameters
    ----------
    reduced : `Reduced`
        Normal equations of B fields.
    data : `~numpy.ndarray`
        Number of independent data of each field.
    harmonics : tuple of int, optional
        The harmonics to take; by default they are chosen.

    Attributes
    ----------
    theta, chi2 : `~numpy.ndarray`
        Angle and chi-square of the chosen solutions, shape (B,).
    parameters : `~numpy.ndarray` of int
        Their number of parameters.
    rotation : `Solution`
        The solution for rotation alone.
    other : `~numpy.ndarray`
        What a second maximum explains of it.
    """

    def __init__(self, reduced, data, harmonics=None):
        self.rotation, self.other = solve_rotation(reduced)
        fields = np.arange(len(data))
        self.solutions, self.where = [self.rotation], [fields]
        if harmonics not in (None, (1,)):
            self.solutions = [solve(reduced, harmonics, self.rotation.theta)]
        elif harmonics is None:
            for candidate in CANDIDATES[1:]:
                worth = self._criterion(-1, data) <= np.min(
                    [self._criterion(i, data) for i in range(len(self.solutions))], axis=0)
                which = fields[worth & np.isfinite(self._criterion(-1, data))]
                if not len(which):
                    break
                self.solutions.append(solve(reduced[which], candidate,
                                            self.rotation.theta[which]))
                self.where.append(which)
        self.chosen = np.full(len(data), -1)
        self.choose(data)

    def _criterion(self, i, data):
        """Bayesian information criterion of a solution, noise level unknown; shape (B,)."""
        solution, which = self.solutions[i], self.where[i]
        criterion = np.full(len(data), np.inf)
        few = data[which]
        value = few * np.log(solution.chi2 + 1e-300) + solution.parameters * np.log(few)
        # few data can't tell distortions from noise
        enough = (few >= 4 * solution.parameters) | (i % len(self.solutions) == 0)
        criterion[which] = np.where(enough, value, np.inf)
        return criterion

    def choose(self, data):
        """
        Choose for a number of independent data.

        Parameters
        ----------
        data : `~numpy.ndarray`
            Shape (B,).

        Returns
        -------
        changed : `~numpy.ndarray` of int
            The fields of which the choice changed.
        """
        criteria = [self._criterion(i, data) for i in range(len(self.solutions))]
        chosen = np.argmin(criteria, axis=0)
        changed = np.flatnonzero(chosen != self.chosen)
        self.chosen = chosen
        self.theta, self.chi2 = np.empty(len(chosen)), np.empty(len(chosen))
        self.parameters = np.empty(len(chosen), int)
        for solution, mine, which in self.groups():
            self.theta[which], self.chi2[which] = solution.theta[mine], solution.chi2[mine]
            self.parameters[which] = solution.parameters
        return changed

    def groups(self):
        """Yield each solution, the positions in it of the fields that chose it, and these."""
        for i, (solution, which) in enumerate(zip(self.solutions, self.where)):
            mine = np.flatnonzero(self.chosen[which] == i)
            if len(mine):
                yield solution, mine, which[mine]

    def harmonics(self, field):
        """Return the harmonics of one field."""
        return self.solutions[self.chosen[field]].harmonics


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
