"""
Least-squares fits of tied emission lines to many spectra at once.

Two parameters of a spectrum are not linear, velocity and width; fluxes and continuum are, and
are projected out (variable projection: Golub and Pereyra 1973, SIAM J. Numer. Anal. 10, 413, with
the Jacobian of Kaufman 1975, BIT 15, 49). All spectra share their wavelengths, so that the search
for the start, on a grid of velocities and widths, is a matrix product. The arithmetic is written
once, for NumPy and for JAX.
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kinmis.cube.backend import choose_backend

__all__ = ["C_KMS", "LineFit", "LineModel", "fit_lines"]

C_KMS = 299792.458
_ROOT_2PI = float(np.sqrt(2 * np.pi))
_CONVERGED = 1e-4       # Newton decrement: a step of a hundredth of the error
_MOST_STEPS = 40
_CHUNK = 512            # spectra at a time: their arrays stay in the cache


@dataclass(frozen=True, eq=False)
class LineModel:
    """
    What is fitted: groups of lines that share velocity and width, on a polynomial.

    Lines are Gaussians. A group is one free flux; a line in it has a fixed part of that.

    Parameters
    ----------
    wavelength : `~numpy.ndarray`
        Of the channels, increasing (Angstrom).
    groups : sequence of sequence of (float, float)
        For each group its lines: observed wavelength at the velocity 0 (Angstrom), and flux
        in units of that of the group.
    main : int
        How many groups, from the first, make up the line whose flux counts for detection.
    instrument : `~numpy.ndarray`
        Instrumental dispersion (km/s) at each line, in the order of the groups; the first line
        is the one that widths refer to.
    degree : int
        Of the polynomial.
    v_max : float
        Velocities from ``-v_max`` to ``v_max`` are searched (km/s).
    widths : pair of float
        Smallest and largest observed dispersion (km/s).
    second_order : float, optional
        Variances are multiplied by 1 + ``second_order`` / (signal-to-noise)^2, see `_results`.
    """

    wavelength: np.ndarray
    groups: tuple
    main: int
    instrument: np.ndarray
    degree: int
    v_max: float
    widths: tuple
    second_order: float = 9.0

    def constants(self):
        """Return the arrays of the model, as a `Constants`."""
        reference = self.groups[0][0][0]
        lines = [(number, *line) for number, group in enumerate(self.groups) for line in group]
        group, place, part = (np.array(item, float) for item in zip(*lines))
        u = C_KMS * (self.wavelength / reference - 1)
        share = np.zeros((len(self.groups), len(lines)))
        share[group.astype(int), np.arange(len(lines))] = part * C_KMS / reference
        middle, half = (u[0] + u[-1]) / 2, max((u[-1] - u[0]) / 2, 1e-9)
        return Constants(u, C_KMS * (place / reference - 1), place / reference, share,
                         self.instrument**2 - self.instrument[0] ** 2,
                         np.polynomial.legendre.legvander((u - middle) / half, self.degree).T)

    def grid(self):
        """Return velocities and widths of the search, each combination of them."""
        low, high = self.widths
        first = min(max(np.hypot(self.instrument[0], 35.0), 1.2 * low), high)
        widths = [first]
        while widths[-1] * 2.2 < min(high, 300.0):
            widths.append(widths[-1] * 2.2)
        pairs = []
        for width in widths:
            count = 2 * int(np.ceil(self.v_max / width / 0.8)) + 1
            pairs += [(velocity, width) for velocity in np.linspace(-self.v_max, self.v_max, count)]
        return np.array(pairs)


class Constants(NamedTuple):
    """Arrays of a `LineModel`; wavelengths are c (wavelength / that of the first line - 1)."""

    u: object           # channels
    place: object       # lines
    stretch: object     # wavelengths of the lines over that of the first
    share: object       # lines in groups
    narrower: object    # squared dispersion of the lines, less that of the first
    polynomials: object


class LineFit(NamedTuple):
    """
    Results of `fit_lines`, one for each spectrum.

    Velocities and dispersions are in km/s, fluxes in the unit of the spectra times Angstrom.
    ``width`` is the observed dispersion of the first line, with that of the instrument. Errors
    are 1 sigma, from the covariance of all parameters; ``chi2`` is for ``n_used`` channels.
    ``flux_of_groups`` has a column for each group.
    """

    velocity: np.ndarray
    velocity_error: np.ndarray
    width: np.ndarray
    width_error: np.ndarray
    flux: np.ndarray
    flux_error: np.ndarray
    flux_of_groups: np.ndarray
    chi2: np.ndarray
    n_used: np.ndarray
    converged: np.ndarray


def fit_lines(flux, ivar, model, *, backend="auto", rescale=False):
    """
    Fit emission lines and a continuum to spectra.

    Parameters
    ----------
    flux : `~numpy.ndarray`
        Spectra as rows, of shape (n, channels).
    ivar : `~numpy.ndarray`
        Inverse variance, 0 where a channel is bad; same shape.
    model : `LineModel`
        What to fit.
    backend : {"auto", "jax", "numpy"}, optional
        As for `kinmis.cube.measure_field`.
    rescale : bool, optional
        Take only the ratios of the inverse variances for true, and the noise itself from the
        residuals of the fit.

    Returns
    -------
    fit : `LineFit`
        Of a spectrum with too few good channels everything is NaN.

    Raises
    ------
    ImportError
        If JAX is asked for and not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from kinmis.cube.line_fit import LineModel, fit_lines
    >>> wavelength = np.arange(4950.0, 5050.0)
    >>> line = np.exp(-0.5 * ((wavelength - 5001) / 1.5) ** 2)
    >>> model = LineModel(wavelength, (((5000.0, 1.0),),), 1, np.array([0.0]), 1, 300.0,
    ...                   (20.0, 500.0))
    >>> fit = fit_lines(line[None], np.full((1, 100), 1e4), model, backend="numpy")
    >>> print(fit.velocity.round(1), fit.width.round(1))
    [60.] [89.9]
    """
    flux = np.ascontiguousarray(flux, dtype=float)
    used = np.isfinite(flux) & (ivar > 0)
    ivar = np.where(used, ivar, 0.0)
    flux = np.where(used, flux, 0.0)
    n_used = used.sum(axis=1)
    # in units of the noise every spectrum looks alike to the arithmetic
    mean = ivar.sum(axis=1) / np.maximum(n_used, 1)
    scale = 1 / np.sqrt(np.where(mean > 0, mean, 1.0))
    if rescale:
        true = _scatter(flux / scale[:, None], used)
        ivar, scale = ivar / true[:, None] ** 2, scale * true
    flux = flux / scale[:, None]
    ivar = ivar * scale[:, None] ** 2
    run = choose_backend(backend, len(flux))
    parts = run(_problem(model), flux, ivar, _CHUNK)
    return _results(model, parts, scale, n_used, rescale)


def _scatter(flux, used):
    """Return the noise of spectra from the steps between channels; 1 where there are none."""
    steps = np.where(used[:, 1:] & used[:, :-1], np.abs(np.diff(flux, axis=1)), np.nan)
    steps[np.isnan(steps).all(axis=1)] = 0
    noise = 1.4826 / np.sqrt(2) * np.nanmedian(steps, axis=1)
    return np.where(noise > 1e-6 * np.abs(flux).max(axis=1), noise, 1.0)


@functools.lru_cache(maxsize=4)
def _problem(model):
    """Return the problem of a model, the same for every slab of a cube."""
    return _Problem(model)


class _Problem:
    """The arithmetic for one model; ``xp`` is `numpy` or `jax.numpy`."""

    most_steps = _MOST_STEPS

    def __init__(self, model):
        self.constants = model.constants()
        self.main = model.main
        self.low = np.array([-model.v_max, model.widths[0]])
        self.high = np.array([model.v_max, model.widths[1]])
        self.grid = model.grid()

    def start(self, xp, flux, ivar):
        """Return the best point of the grid for each spectrum, of shape (2, n)."""
        lines = self.templates(xp, xp.asarray(self.grid.T))[0]       # (grid, groups, channels)
        polynomials = xp.asarray(self.constants.polynomials)
        weighted = ivar * flux
        count, groups, channels = lines.shape
        size, degree = len(flux), len(polynomials)
        inner = (polynomials[:, None] * polynomials).reshape(-1, channels)
        among = xp.linalg.inv(self.safe(xp, (ivar @ inner.T).reshape(size, degree, degree)))
        sums = weighted @ polynomials.T
        cross = (lines[:, :, None] * polynomials).reshape(-1, channels)
        cross = (ivar @ cross.T).reshape(size, -1, degree)           # (n, grid groups, degree)
        right = weighted @ lines.reshape(-1, channels).T - (
            cross @ (among @ sums[:, :, None]))[:, :, 0]
        right = right.reshape(size, count, groups)
        solved = (cross @ among).reshape(size, count, groups, degree)
        cross = cross.reshape(size, count, groups, degree)
        matrix = {}
        for row in range(groups):
            for column in range(row + 1):
                product = ivar @ (lines[:, row] * lines[:, column]).T
                product = product - (solved[:, :, row] * cross[:, :, column]).sum(axis=-1)
                if row == column:
                    product = product * (1 + 1e-9) + 1e-30
                matrix[row, column] = product
        amplitudes, gain = _solve_small(xp, matrix, [right[:, :, row] for row in range(groups)])
        positive = sum(amplitudes[:self.main]) > 0
        # none positive: still the best place to look at, and not detected in the end
        best = xp.argmax(xp.where(positive, gain, -1.0), axis=1)
        return xp.asarray(self.grid)[best].T

    def templates(self, xp, point):
        """Return profiles of the groups and of their derivatives by velocity and width."""
        u, place, stretch, share, narrower, _ = (xp.asarray(item) for item in self.constants)
        velocity, width = point
        sigma = xp.sqrt(xp.maximum(width[:, None] ** 2 + narrower, 1.0))        # (n, lines)
        inverse = 1 / (stretch * sigma)
        distance = u * inverse[:, :, None] - ((place + stretch * velocity[:, None])
                                              * inverse)[:, :, None]
        square = distance * distance
        profile = xp.exp(-0.5 * square) * (inverse / _ROOT_2PI)[:, :, None]
        by_velocity = profile * distance * (1 / sigma)[:, :, None]
        by_width = profile * (square - 1) * (width[:, None] / sigma**2)[:, :, None]
        if share.shape[0] == share.shape[1]:        # one line a group: nothing to add up
            scale = xp.diagonal(share)[:, None]
            return profile * scale, by_velocity * scale, by_width * scale
        if xp is np:
            return tuple(share @ item for item in (profile, by_velocity, by_width))
        return tuple((share[:, :, None] * item[:, None]).sum(axis=2)
                     for item in (profile, by_velocity, by_width))

    def evaluate(self, xp, point, flux, ivar):
        """Return what a step needs to know of a point, as a tuple of arrays with n first."""
        lines, by_velocity, by_width = self.templates(xp, point)
        polynomials = xp.broadcast_to(xp.asarray(self.constants.polynomials),
                                      (len(flux), *self.constants.polynomials.shape))
        columns = xp.concatenate([lines, polynomials], axis=1)
        weighted = columns * ivar[:, None]
        inverse = xp.linalg.inv(self.safe(xp, products(xp, weighted, columns)))
        linear = inverse @ products(xp, weighted, flux[:, None])        # (n, columns, 1)
        residual = flux - mixture(xp, linear, columns)
        chi2 = (ivar * residual**2).sum(axis=1)
        amplitudes = linear[:, :lines.shape[1]]
        slopes = xp.stack([mixture(xp, amplitudes, by_velocity),
                           mixture(xp, amplitudes, by_width)], axis=1)
        gradient = products(xp, slopes, (ivar * residual)[:, None])[:, :, 0]
        cross = products(xp, weighted, slopes)
        hidden = inverse @ cross
        curvature = (products(xp, slopes * ivar[:, None], slopes)
                     - xp.swapaxes(cross, 1, 2) @ hidden)
        return chi2, gradient, curvature, linear[:, :, 0], inverse, hidden

    def step(self, xp, point, gradient, curvature, damping):
        """Return the next point to try, and how much chi-square a full step would gain."""
        a, b, d = curvature[:, 0, 0], curvature[:, 0, 1], curvature[:, 1, 1]
        a, d = xp.maximum(a, 1e-300), xp.maximum(d, 1e-300)
        # what pushes against a bound is no reason to go on
        low, high = self.low[:, None], self.high[:, None]
        stuck = ((point <= low) & (gradient.T < 0)) | ((point >= high) & (gradient.T > 0))
        g, h = xp.where(stuck, 0.0, gradient.T)
        b = xp.where(stuck.any(axis=0), 0.0, b)

        def solve(factor):
            p, q = a * factor, d * factor
            determinant = xp.maximum(p * q - b * b, 1e-12 * p * q)
            return (q * g - b * h) / determinant, (p * h - b * g) / determinant

        by, wider = solve(1.0)
        gain = g * by + h * wider
        by, wider = solve(1 + damping)
        # a line that is not there yet must not run away, nor lose its width at once
        by = xp.clip(by, -point[1], point[1])
        wider = xp.clip(wider, -0.4 * point[1], 0.7 * point[1])
        return xp.clip(point + xp.stack([by, wider]), low, high), gain

    @staticmethod
    def safe(xp, matrix):
        """Return normal matrices that can be inverted even where data are missing."""
        size = matrix.shape[-1]
        diagonal = xp.diagonal(matrix, axis1=-2, axis2=-1)
        ridge = 1e-11 * diagonal + 1e-13 * diagonal.max(axis=-1, keepdims=True) + 1e-30
        return matrix + ridge[..., None] * xp.eye(size)

    def finish(self, xp, point, state):
        """Return the quantities that `_results` needs, with the covariances."""
        chi2, gradient, curvature, linear, inverse, hidden = state
        covariance = xp.linalg.inv(self.safe(xp, curvature))
        groups = len(self.constants.share)
        full = inverse + hidden @ covariance @ xp.swapaxes(hidden, 1, 2)
        main = full[:, :self.main, :self.main].sum(axis=(1, 2))
        _, gain = self.step(xp, point, gradient, curvature, 0.0)
        return (point[0], point[1], covariance[:, 0, 0], covariance[:, 1, 1],
                linear[:, :groups], main, chi2, gain < 100 * _CONVERGED)


def products(xp, first, second):
    """Return the scalar products of rows of channels: (n, a, m) and (n, b, m) give (n, a, b)."""
    if xp is np:
        return first @ np.swapaxes(second, 1, 2)
    # XLA fuses this with what makes the rows; its product of many small matrices is slow
    return (first[:, :, None] * second[:, None]).sum(axis=-1)


def mixture(xp, amplitudes, rows):
    """Return sums of rows: (n, a, 1) and (n, a, m) give (n, m)."""
    if xp is np:
        return (np.swapaxes(amplitudes, 1, 2) @ rows)[:, 0]
    return (amplitudes * rows).sum(axis=1)


def _solve_small(xp, matrix, right):
    """
    Solve symmetric positive systems whose elements are arrays, by Cholesky decomposition.

    Returns the solution, and the product of right side and solution.
    """
    size = len(right)
    root, forward = {}, []
    for row in range(size):
        for column in range(row + 1):
            value = matrix[row, column] - sum(root[row, k] * root[column, k]
                                              for k in range(column))
            if row == column:
                # groups that can't be told apart: the second takes nothing
                root[row, row] = xp.sqrt(xp.maximum(value, 1e-7 * matrix[row, row]))
            else:
                root[row, column] = value / root[column, column]
        forward.append((right[row] - sum(root[row, k] * forward[k] for k in range(row)))
                       / root[row, row])
    gain = sum(item**2 for item in forward)
    solution = [None] * size
    for row in reversed(range(size)):
        solution[row] = (forward[row] - sum(root[k, row] * solution[k]
                                            for k in range(row + 1, size))) / root[row, row]
    return solution, gain


def converged(gain):
    """Return which steps are too small to matter."""
    return gain < _CONVERGED


def _results(model, parts, scale, n_used, rescale):
    velocity, width, velocity_variance, width_variance, linear, main, chi2, done = parts
    parameters = linear.shape[1] + model.degree + 3
    if rescale:
        noise = chi2 / np.maximum(n_used - parameters, 1)
        velocity_variance, width_variance, main = (
            item * noise for item in (velocity_variance, width_variance, main))
    flux, flux_error = linear[:, :model.main].sum(axis=1), np.sqrt(main)
    # Where the noise made a line narrower it also made its error smaller. That is of second order
    # in noise over signal; the factor, 9 for lines that stand apart, was found on mocks.
    with np.errstate(divide="ignore", invalid="ignore"):
        inflate = np.sqrt(1 + model.second_order * (flux_error / flux) ** 2)
    fit = LineFit(
        velocity=velocity, velocity_error=np.sqrt(velocity_variance) * inflate,
        width=width, width_error=np.sqrt(width_variance) * inflate,
        flux=flux * scale, flux_error=flux_error * scale,
        flux_of_groups=linear * scale[:, None], chi2=chi2, n_used=n_used, converged=done)
    short = n_used <= parameters
    for name in ("velocity", "velocity_error", "width", "width_error", "flux", "flux_error",
                 "flux_of_groups", "chi2"):
        getattr(fit, name)[short] = np.nan
    return fit._replace(converged=done & ~short)
