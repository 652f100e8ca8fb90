"""
How much spatially correlated noise widens the error of an angle.

Seeing and shared fibres correlate the noise of neighbouring spaxels. With rho the correlation
of the residuals at some distance and u the influence of each datum on the angle times its
error, the variance of the angle grows by

    1 + 2 sum_(i<j) rho(d_ij) u_i u_j / sum_i u_i^2.

rho is measured in rings of distance out to where it vanishes.
"""

from functools import lru_cache

import numpy as np
from scipy import fft

#: Noise is correlated over a few spaxels (seeing, drizzling, shared fibres), in coarse bins at
#: most with the next one. What reaches further is the galaxy, not noise.
REACH_SPAXELS = 4

#: Noise correlated by a beam of 5 spaxels FWHM gives about this factor, in every survey's
#: sampling about the most; beyond it is the galaxy again. Bins hold several spaxels, but the
#: next ones can always be correlated.
LARGEST, SMALLEST_LIMIT = 25., 3.

#: A correlation below this counts as none.
SMALLEST = 0.05


def is_correlated(scaled, pairs, threshold=3.):
    """
    Return whether residuals of neighbours are correlated, beyond ``threshold`` sigma.

    Parameters
    ----------
    scaled : `~numpy.ndarray`
        Residuals in units of their errors.
    pairs : pair of `~numpy.ndarray`
        Pairs of indices of data that touch.
    threshold : float
        In standard deviations of the mean product of independent residuals.

    Returns
    -------
    correlated : bool
    """
    if len(pairs[0]) < 10:
        return False
    covariance = scaled[pairs[0]] @ scaled[pairs[1]] / len(pairs[0])
    variance = scaled @ scaled / len(scaled)
    # a perfect fit leaves nothing that could be correlated
    return bool(covariance > variance * max(SMALLEST, threshold / np.sqrt(len(pairs[0])))
                and variance > 0)


def inflation(layout, scaled, influence, parameters):
    """
    Return the factor by which correlation raises the variance of the angle.

    Parameters
    ----------
    layout : `~kinmis.position_angle.rows.Layout`
        Where the data lie.
    scaled : `~numpy.ndarray`
        Residuals in units of their errors.
    influence : `~numpy.ndarray`
        Change of the angle per standard deviation of each datum.
    parameters : int
        Number of parameters of the model.

    Returns
    -------
    factor : float
        At least one; with the correlation of the noise, of which the model has followed some.
    seen : float
        The same with the correlation of the residuals as it is.
    """
    count, residual, product = (_sums_on_grid if len(layout.shape) == 2 else _sums_of_pairs)(
        layout, scaled, influence)
    rho = residual / (np.maximum(count, 1) * np.mean(scaled**2))
    vanished = np.flatnonzero(rho < np.maximum(SMALLEST, 1. / np.sqrt(np.maximum(count, 1))))
    reach = vanished[0] if len(vanished) else len(rho)
    share = product[:reach] / np.sum(influence**2)
    most = max(LARGEST / np.mean(layout.area), SMALLEST_LIMIT)
    factor = 1.
    for _ in range(5):
        # the model has followed some of the noise: as much as parameters times factor data
        followed = min(parameters * factor / len(scaled), 0.5)
        true = rho[:reach] * (1. - followed) + followed
        factor = np.clip(1. + 2. * np.sum(true * share), 1., most)
    return factor, np.clip(1. + 2. * np.sum(rho[:reach] * share), 1., most)


def _sums_on_grid(layout, scaled, influence):
    """
    Return number of pairs, sum of products of residuals and of influences by distance.

    All lags at once by Fourier transform; a bin stands at the spaxel next to its centre.
    """
    spacing = max(1., np.sqrt(np.median(layout.area)))
    rings = max(1, round(REACH_SPAXELS / spacing))
    row, column = (np.rint(layout.mean(i)).astype(int)
                   for i in np.divmod(layout.spaxel, layout.shape[1]))
    row, column = row - row.min(), column - column.min()
    # zeros as wide as the largest lag keep the edges from meeting
    margin = int((rings + 0.5) * spacing) + 1
    size = tuple(fft.next_fast_len(int(i.max()) + 1 + margin, real=True) for i in (row, column))
    spaxel, scale = row * size[1] + column, (1., np.abs(scaled).max(), np.abs(influence).max())
    maps = np.empty((3, *size), dtype=np.float32)
    for plane, values, unit in zip(maps, (None, scaled, influence), scale):
        plane.ravel()[:] = np.bincount(spaxel, None if values is None else values / unit,
                                       minlength=plane.size)
    spectrum = fft.rfft2(maps)
    sums = fft.irfft2(spectrum.real**2 + spectrum.imag**2, s=size)
    inside, ring = _rings(size, spacing, rings)
    # each pair stands at a lag and at its opposite
    count, residual, product = (np.bincount(ring, plane.ravel()[inside], rings + 1)[1:] / 2
                                for plane in sums)
    return np.rint(count), residual * scale[1]**2, product * scale[2]**2


@lru_cache(maxsize=1000)
def _rings(size, spacing, rings):
    """Return the lags at which two data are neighbours, and their rings of distance."""
    lag = [np.minimum(np.arange(n), n - np.arange(n)) for n in size]
    ring = np.rint(np.hypot(lag[0][:, None], lag[1]) / spacing).astype(int).ravel()
    # two bins at one spaxel are neighbours, but lag 0 is mostly each with itself
    inside = np.flatnonzero((ring >= 1) & (ring <= rings))
    return inside, ring[inside]


def _sums_of_pairs(layout, scaled, influence):
    """Return the same sums for a list of bins, which has no grid: of nearest neighbours."""
    first, second = layout.neighbours
    return (np.array([len(first)]), np.array([np.sum(scaled[first] * scaled[second])]),
            np.array([np.sum(influence[first] * influence[second])]))
