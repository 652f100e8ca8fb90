"""
Chi-square of the harmonic model as a function of the angle, for many fields at once.

With the normal matrix S and the right-hand side t of the basis functions (the constant
eliminated), the amplitudes a at any angle follow from p linear equations, p = 4, 8 or 12:

    explained(theta) = b^T G^-1 b,    G = R S R^T,    b = R t,

where R(theta) has the rows cos(m theta) e_Cm + sin(m theta) e_Sm. The chi-square is that of
a constant velocity minus `explained`. Many small systems are solved by loops over p that run
over all fields and angles at once, which is many times faster than calling LAPACK for each;
few are left to LAPACK.
"""

import numpy as np

from kinmis.position_angle import basis


#: From this many systems on, loops over the matrix elements are faster than LAPACK.
MANY = 150


class Profile:
    """
    The profile of a batch of fields.

    Parameters
    ----------
    normal : `~numpy.ndarray`
        S, shape (B, 6 n, 6 n) for n radial functions; blocks in the order of
        `kinmis.position_angle.basis`.
    right : `~numpy.ndarray`
        t, shape (B, 6 n).
    harmonics : tuple of int
        (1,), (1, 3) or (1, 3, 5).
    """

    def __init__(self, normal, right, harmonics):
        self.harmonics = harmonics
        self.n = right.shape[1] // basis.ANGULAR
        self.size = 2 * self.n * len(harmonics)
        self.normal = np.ascontiguousarray(np.moveaxis(normal[:, :self.size, :self.size], 0, -1))
        self.right = np.ascontiguousarray(right[:, :self.size].T)

    def amplitudes(self, theta):
        """
        Return explained chi-square and amplitudes.

        Parameters
        ----------
        theta : `~numpy.ndarray`
            Angles in radians, shape (T, B).

        Returns
        -------
        explained : `~numpy.ndarray`
            Shape (T, B).
        amplitudes : `~numpy.ndarray`
            Shape (p, T, B), first of m = 1, then of the next.
        """
        if theta.size < MANY:
            return self._amplitudes_of_few(theta)
        n, turns = self.n, self._turns(theta)
        right = [cosine * self.right[c + k] + sine * self.right[s + k]
                 for c, s, cosine, sine in turns for k in range(n)]
        matrix = {}
        for i, (c1, s1, cosine1, sine1) in enumerate(turns):
            for j, (c2, s2, cosine2, sine2) in enumerate(turns[:i + 1]):
                factors = cosine1 * cosine2, cosine1 * sine2, sine1 * cosine2, sine1 * sine2
                for k in range(n):
                    for m in range(k + 1 if i == j else n):
                        blocks = (self.normal[c1 + k, c2 + m], self.normal[c1 + k, s2 + m],
                                  self.normal[s1 + k, c2 + m], self.normal[s1 + k, s2 + m])
                        matrix[i * n + k, j * n + m] = sum(map(np.multiply, factors, blocks))
        return _solve(matrix, right)

    def _amplitudes_of_few(self, theta):
        n = self.n
        rotation = np.zeros((*theta.shape, self.size // 2, self.size))
        k = np.arange(n)
        for i, (c, s, cosine, sine) in enumerate(self._turns(theta)):
            rotation[..., i * n + k, c + k] = cosine[..., None]
            rotation[..., i * n + k, s + k] = sine[..., None]
        matrix = rotation @ np.moveaxis(self.normal, -1, 0) @ np.swapaxes(rotation, -1, -2)
        right = (rotation @ self.right.T[..., None])[..., 0]
        amplitudes = np.linalg.solve(regular(matrix), right[..., None])[..., 0]
        return np.sum(amplitudes * right, axis=-1), np.moveaxis(amplitudes, -1, 0)

    def expand(self, amplitudes, theta):
        """
        Return the coefficients of the basis functions and their derivative by the angle.

        Parameters
        ----------
        amplitudes : `~numpy.ndarray`
            Shape (p, ...).
        theta : `~numpy.ndarray`
            Shape (...).

        Returns
        -------
        coefficients, derivative : `~numpy.ndarray`
            Shape (2 p, ...).
        """
        parts, slopes = [], []
        for i, m in enumerate(self.harmonics):
            a = amplitudes[i * self.n:(i + 1) * self.n]
            cosine, sine = a * np.cos(m * theta), a * np.sin(m * theta)
            parts += [cosine, sine]
            slopes += [-m * sine, m * cosine]
        return np.concatenate(parts), np.concatenate(slopes)

    def slope(self, theta):
        """
        Return explained chi-square, its derivative by the angle, and the amplitudes.

        Parameters
        ----------
        theta : `~numpy.ndarray`
            Shape (T, B).

        Returns
        -------
        explained, slope : `~numpy.ndarray`
            Shape (T, B).
        amplitudes : `~numpy.ndarray`
            Shape (p, T, B).
        """
        explained, amplitudes = self.amplitudes(theta)
        coefficients, derivative = self.expand(amplitudes, theta)
        rest = self.right[:, None] - np.einsum("ijb,jtb->itb", self.normal, coefficients)
        return explained, 2. * np.einsum("itb,itb->tb", derivative, rest), amplitudes

    def _turns(self, theta):
        return [(2 * i * self.n, (2 * i + 1) * self.n, np.cos(m * theta), np.sin(m * theta))
                for i, m in enumerate(self.harmonics)]


def _solve(matrix, right):
    """
    Solve symmetric positive definite systems, the lower triangle given as a dict of arrays.

    Cholesky factorisation; what lies in the null space (a radial function without data) gets
    the amplitude zero.
    """
    p = len(right)
    lower, diagonal = {}, []
    for j in range(p):
        pivot = matrix[j, j] - sum((lower[j, k] ** 2 for k in range(j)), start=0.)
        # a pivot lost to rounding has no information of its own
        dead = pivot <= 1e-9 * matrix[j, j] + 1e-300
        inverse = np.where(dead, 0., 1. / np.sqrt(np.where(dead, 1., pivot)))
        diagonal.append(inverse)
        for i in range(j + 1, p):
            entry = matrix[i, j]
            for k in range(j):
                entry = entry - lower[i, k] * lower[j, k]
            lower[i, j] = entry * inverse
    forward = []
    for i in range(p):
        value = right[i]
        for k in range(i):
            value = value - lower[i, k] * forward[k]
        forward.append(value * diagonal[i])
    explained = sum(value ** 2 for value in forward)
    back = [None] * p
    for i in reversed(range(p)):
        value = forward[i]
        for k in range(i + 1, p):
            value = value - lower[k, i] * back[k]
        back[i] = value * diagonal[i]
    return explained, np.stack(back)


def start_angle(normal, right, weight):
    """
    Return a first guess of the angle from the free m = 1 fit.

    theta_0 = arg(sum_k h_k c_k^2) / 2 with c_k = a_k + i b_k the cosine and sine amplitudes of
    radial function k and h_k its weight: the square makes it blind to the sense.

    Parameters
    ----------
    normal, right : `~numpy.ndarray`
        As for `Profile`.
    weight : `~numpy.ndarray`
        h, shape (B, n).

    Returns
    -------
    theta : `~numpy.ndarray`
        In radians, shape (B,).
    """
    n = weight.shape[1]
    free = solve_free(normal[:, :2 * n, :2 * n], right[:, :2 * n])
    turning = free[:, :n] + 1j * free[:, n:]
    return np.angle(np.sum(weight * turning**2, axis=1)) / 2


def solve_free(normal, right):
    """
    Solve the normal equations for all cosine and sine amplitudes at once.

    Parameters
    ----------
    normal : `~numpy.ndarray`
        Shape (B, q, q).
    right : `~numpy.ndarray`
        Shape (B, q).

    Returns
    -------
    coefficients : `~numpy.ndarray`
        Shape (B, q).
    """
    return np.linalg.solve(regular(normal), right[..., None])[..., 0]


def regular(normal):
    """Return the matrix made solvable where a basis function has no data (then zero results)."""
    diagonal = np.einsum("...ii->...i", normal)
    floor = 1e-10 * np.maximum(diagonal.max(axis=-1, keepdims=True), 1e-300)
    return normal + (1e-10 * diagonal + floor)[..., None] * np.eye(normal.shape[-1])


def scan_angles(profile, angles=24):
    """
    Return the explained chi-square over half the circle.

    The other half only changes the sign of the amplitudes.

    Parameters
    ----------
    profile : `Profile`
        The profile of B fields.
    angles : int
        Number of angles.

    Returns
    -------
    theta : `~numpy.ndarray`
        Evenly spaced angles in radians, shape (angles,).
    explained : `~numpy.ndarray`
        Shape (angles, B).
    """
    theta = np.pi / angles * np.arange(angles)
    fields = profile.right.shape[-1]
    return theta, profile.amplitudes(np.broadcast_to(theta[:, None], (angles, fields)))[0]


def best_of(profile, guesses):
    """
    Return for each field the guess that explains most.

    Parameters
    ----------
    profile : `Profile`
        The profile of B fields.
    guesses : `~numpy.ndarray`
        Angles in radians, shape (T, B).

    Returns
    -------
    theta : `~numpy.ndarray`
        Shape (B,).
    """
    explained = profile.amplitudes(guesses)[0]
    return np.take_along_axis(guesses, explained.argmax(axis=0)[None], axis=0)[0]


def climb(profile, theta, iterations=8, longest=np.radians(7.5)):
    """
    Go from a guess to the nearest maximum of the profile, by Newton's method.

    Parameters
    ----------
    profile : `Profile`
        The profile of B fields.
    theta : `~numpy.ndarray`
        Guess in radians, shape (B,).
    iterations : int
        Number of steps at most.
    longest : float
        Longest step.

    Returns
    -------
    theta, explained : `~numpy.ndarray`
        Shape (B,).
    amplitudes : `~numpy.ndarray`
        Shape (p, B).
    """
    # far above rounding, far below the width of any peak
    small = 1e-4
    for _ in range(iterations):
        slope = profile.slope(theta + small * np.array([[-1.], [0.], [1.]]))[1]
        curvature = (slope[2] - slope[0]) / (2 * small)
        uphill = np.sign(slope[1]) * longest / 4
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(curvature < 0, -slope[1] / curvature, uphill)
        step = np.clip(np.nan_to_num(step), -longest, longest)
        theta = theta + step
        if np.all(np.abs(step) < 1e-7):
            break
    explained, amplitudes = profile.amplitudes(theta[None])
    return theta, explained[0], amplitudes[:, 0]
