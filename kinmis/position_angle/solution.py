"""
From normal matrices to angles: the part of the harmonic engine that sees no data.

Everything here is small algebra for a batch of B fields at once.
"""

from dataclasses import dataclass

import numpy as np

from kinmis.position_angle import basis
from kinmis.position_angle.profile import Profile, best_of, climb, scan_angles, start_angle


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
    evenness : `~numpy.ndarray`
        Fraction of them that would weigh as much if all weighed alike.
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

    def __init__(self, reduced, data, evenness, harmonics=None):
        self.evenness = evenness
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
        # parameters are paid for by the data that matter
        price = np.log(np.maximum(few * self.evenness[which], np.e))
        value = few * np.log(solution.chi2 + 1e-300) + solution.parameters * price
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
