"""Gaussian smoothing of small maps, one axis after the other."""

import numpy as np

__all__ = ["as_sparse", "gaussian", "smooth"]


def gaussian(distance, sigma):
    """Return a Gaussian of peak 1, cut at 5 sigma so that most of a kernel is zero."""
    scaled = distance / sigma
    return np.where(np.abs(scaled) <= 5, np.exp(-0.5 * scaled**2), 0)


def as_sparse(matrix):
    """Return a sparse matrix: products with it are quick and stay in this thread."""
    from scipy.sparse import csr_array  # needed for smoothed mocks only
    return csr_array(matrix)


def smooth(array, rows, columns):
    """Return ``rows @ array @ columns.T`` for sparse smoothing matrices."""
    return np.ascontiguousarray((columns @ np.ascontiguousarray((rows @ array).T)).T)
