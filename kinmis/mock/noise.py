"""Noise of mock velocities: white or correlated, constant or growing outward."""

import functools

import numpy as np

from kinmis.mock.model import SIGMA_OF_FWHM
from kinmis.mock.smoothing import as_sparse, gaussian, smooth

__all__ = ["correlation", "noise_profile", "unit_noise"]

LARGEST_GROWTH = 30.0


def unit_noise(shape, fwhm, rng):
    """
    Return Gaussian noise of unit variance, white or correlated.

    Parameters
    ----------
    shape : tuple of int
        Of the map.
    fwhm : float
        Full width at half maximum (spaxels) of the Gaussian that white noise is convolved
        with; 0 for white noise. The correlation of two spaxels is then a Gaussian of
        sqrt(2) times that width.
    rng : `~numpy.random.Generator`

    Returns
    -------
    noise : `~numpy.ndarray`
    """
    if not fwhm:
        return rng.standard_normal(shape)
    rows, columns = (_smoothing(length, fwhm) for length in shape)
    return smooth(rng.standard_normal((rows.shape[1], columns.shape[1])), rows, columns)


@functools.lru_cache(maxsize=32)
def _smoothing(length, fwhm):
    """Matrix that smooths noise of a longer axis; rows of unit norm keep the variance at 1."""
    sigma = fwhm * SIGMA_OF_FWHM
    margin = int(np.ceil(5 * sigma))
    kernel = gaussian(np.arange(-margin, length + margin) - np.arange(length)[:, None], sigma)
    return as_sparse(kernel / np.linalg.norm(kernel, axis=1, keepdims=True))


def correlation(distance_squared, fwhm):
    """Return the correlation of noise between spaxels at a squared distance (spaxels^2)."""
    return np.exp(-distance_squared / (4 * (fwhm * SIGMA_OF_FWHM) ** 2))


def noise_profile(light, slope):
    """
    Return by how much the error of a spaxel exceeds that of the brightest.

    Parameters
    ----------
    light : `~numpy.ndarray`
        Surface brightness.
    slope : float
        The error grows as brightness to the power ``-slope``: 0 constant, 0.5 photon
        noise, 1 background noise. At most 30.

    Returns
    -------
    growth : `~numpy.ndarray` or float
    """
    if not slope:
        return 1.0
    return np.exp(np.minimum(-slope * np.log(light / light.max()), np.log(LARGEST_GROWTH)))
