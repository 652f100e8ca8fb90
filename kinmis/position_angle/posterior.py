"""
The posterior of the angle on the circle, and intervals from it.

The amplitudes and the noise level are integrated out: the likelihood of an angle is that of
Student's t in the chi-square that it explains less than the best one. Which side recedes
enters through the probability that the net rotation has the sign that the angle says.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr, stdtrit

from kinmis.position_angle.profile import Profile

#: Below the first 1-sigma error (deg) the posterior is normal for all practical purposes, above
#: the second it never is; between them its shape decides.
ALWAYS_NORMAL, NEVER_NORMAL = 0.5, 4.

#: Two standard deviations from the best angle a parabola misses a chi-square of four; how far
#: from that a normal posterior may be.
SLACK = 0.6

#: Quantiles of the lower bounds of the 68% and the 95% interval.
TAILS = (ndtr(-1.), ndtr(-2.))


@dataclass(frozen=True)
class Posterior:
    """
    What the posterior of one field needs; called with angles in deg it gives log density.

    Parameters
    ----------
    normal, right : `~numpy.ndarray`
        As for `~kinmis.position_angle.profile.Profile`, of this field alone.
    harmonics : tuple of int
        Harmonics of the model.
    weight : `~numpy.ndarray`
        Weight of the data under each radial function, for the net rotation.
    net_error : float
        Standard deviation of the net rotation.
    unit : float
        Chi-square that counts as one: noise level times inflation by correlation.
    freedom : float
        Effective degrees of freedom.
    """

    normal: np.ndarray
    right: np.ndarray
    harmonics: tuple
    weight: np.ndarray
    net_error: float
    unit: float
    freedom: float

    def __call__(self, angles):
        _, amplitudes = self._profile(angles, (1,))
        net = self.weight @ amplitudes[:, :, 0]
        return self.given_sense(angles) + log_ndtr(net / self.net_error)

    def given_sense(self, angles):
        """Return the log density of angles of which the sense is known."""
        explained, _ = self._profile(angles, self.harmonics)
        missing = (explained.max() - explained[:, 0]) / self.unit
        return -(self.freedom + 1) / 2 * np.log1p(missing / self.freedom)

    def _profile(self, angles, harmonics):
        profile = Profile(self.normal[None], self.right[None], harmonics)
        return profile.amplitudes(np.radians(angles)[:, None])


def is_normal(normal, right, harmonics, angle, sigma, unit):
    """
    Return whether the chi-square is a parabola as far as the interval reaches.

    Other maxima, shoulders and long wings, which warps and structure make, are no part of an
    error from the curvature at the best angle.

    Parameters
    ----------
    normal, right : `~numpy.ndarray`
        As for `~kinmis.position_angle.profile.Profile`, of B fields.
    harmonics : tuple of int
        Harmonics of the model.
    angle, sigma : `~numpy.ndarray`
        Best angle and its standard deviation from the curvature, deg, shape (B,).
    unit : `~numpy.ndarray`
        Chi-square that counts as one, shape (B,).

    Returns
    -------
    normal : `~numpy.ndarray` of bool
        Shape (B,).
    """
    angles = angle + np.array([0., -2., 2.])[:, None] * sigma
    explained, _ = Profile(normal, right, harmonics).amplitudes(np.radians(angles))
    return np.all(np.abs((explained[0] - explained[1:]) / unit - 4.) < SLACK, axis=0)


def normal_intervals(error, freedom):
    """
    Return half widths of the 68% and 95% interval where the profile is a parabola.

    Parameters
    ----------
    error : `~numpy.ndarray`
        Standard deviation, shape (B,).
    freedom : `~numpy.ndarray`
        Degrees of freedom, shape (B,).

    Returns
    -------
    half_68, half_95 : `~numpy.ndarray`
        Shape (B,).
    """
    return tuple(-stdtrit(freedom, tail) * error for tail in TAILS)


def grid_intervals(offsets, log):
    """
    Return the bounds of the 68% and 95% interval from a posterior on a grid.

    Parameters
    ----------
    offsets : `~numpy.ndarray`
        Evenly spaced angles relative to the best one, shape (T,).
    log : `~numpy.ndarray`
        Log density, shape (T, B).

    Returns
    -------
    bounds : `~numpy.ndarray`
        Offsets of lower 68%, upper 68%, lower 95% and upper 95% bound, shape (4, B).
    """
    density = np.exp(log - log.max(axis=0))
    mass = np.cumsum(density, axis=0)
    mass = (mass - density / 2) / mass[-1]
    quantiles = (TAILS[0], 1 - TAILS[0], TAILS[1], 1 - TAILS[1])
    return np.array([[np.interp(q, column, offsets) for column in mass.T] for q in quantiles])
