"""Numbers that tell a velocity field from other pictures, however it is turned or mirrored."""

from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

__all__ = ["describe_images"]

#: Highest degree of the polynomials, and the degrees after which the rest is looked at.
DEGREE, DEGREES = 8, (1, 2, 3, 4, 6, 8)

#: Distances of the structure function, in 1/32 of the image.
LAGS = (1, 2, 4, 8)

#: Distances from the mean, in rms, within which the share of the area is measured.
WITHIN = (0.3, 0.8, 1.5)

#: Rows that are described at once.
CHUNK = 256


def describe_images(rows):
    """
    Describe what the networks see of fields by a few numbers each.

    Parameters
    ----------
    rows : dict of `~numpy.ndarray`
        As `~kinmis.classifier.inputs.as_rows` returns them, m fields. Partners do not matter.

    Returns
    -------
    numbers : `~numpy.ndarray` of float32, shape (m, 15 + scalars)
        Logarithm of the share of the variance that polynomials of degree 1, 2, 3, 4, 6 and 8
        leave; odd share of what they explain; logarithm of the structure function at four
        distances; share of the area near the mean within three limits; -1 for stars and 1 for
        gas; and the scalars of the field.
    """
    images, scalars = rows["images"], rows["scalars"]
    parts = [_describe(images[start:start + CHUNK]) for start in range(0, len(images), CHUNK)]
    n_scalars = (scalars.shape[1] - 1) // 2
    return np.concatenate([np.concatenate(parts), scalars[:, :1],
                           scalars[:, 2:1 + n_scalars]], axis=1).astype(np.float32)


def _describe(images):
    n, size = images.shape[:2]
    velocity, weight = (np.ascontiguousarray(images[..., k]).reshape(n, -1) for k in (0, 1))
    total = weight.sum(axis=1)
    basis, products, degree = _polynomials(size)
    k = basis.shape[1]
    gram = np.zeros((n, k, k))
    lower = np.tril_indices(k)
    gram[:, lower[0], lower[1]] = weight @ products / total[:, None]
    # ridge: small fields have fewer pixels than there are polynomials
    gram[:, np.arange(k), np.arange(k)] += 1e-4
    factor = np.linalg.cholesky(gram)
    moment = (weight * velocity) @ basis / total[:, None]
    # with terms in order of degree, each entry is what its term adds to those before
    share = np.linalg.solve(factor, moment[..., None].astype(float))[..., 0] ** 2
    power = np.stack([share[:, degree == d].sum(axis=1) for d in range(DEGREE + 1)], axis=1)
    mean = (weight * velocity).sum(axis=1) / total
    variance = np.maximum((weight * velocity ** 2).sum(axis=1) / total - mean ** 2, 1e-6)
    left = 1 - np.cumsum(power[:, 1:], axis=1)[:, np.array(DEGREES) - 1] / variance[:, None]
    odd = power[:, 1::2].sum(axis=1) / np.maximum(power[:, 1:].sum(axis=1), 1e-9)
    rough = _structure(velocity.reshape(-1, size, size), weight.reshape(-1, size, size))
    off = np.abs(velocity - mean[:, None]) / np.sqrt(variance)[:, None]
    near = [(weight * (off < limit)).sum(axis=1) / total for limit in WITHIN]
    return np.concatenate([np.log10(np.maximum(left, 0) + 3e-3), odd[:, None],
                           np.log10(rough / variance[:, None] + 1e-3), np.stack(near, axis=1)],
                          axis=1)


def _structure(velocity, weight):
    """Return half the mean squared difference of pixels at each distance, shape (n, lags)."""
    size, values = velocity.shape[1], []
    for lag in LAGS:
        step = max(int(round(lag * size / 32)), 1)
        squares, pairs = 0.0, 1e-6
        for first, second in ((np.s_[:, step:], np.s_[:, :-step]),
                              (np.s_[:, :, step:], np.s_[:, :, :-step])):
            both = weight[first] * weight[second]
            gap = velocity[first] - velocity[second]
            squares = squares + np.einsum("nij,nij,nij->n", both, gap, gap)
            pairs = pairs + both.sum(axis=(1, 2))
        values.append(squares / pairs / 2)
    return np.stack(values, axis=1)


@lru_cache(maxsize=4)
def _polynomials(size):
    """Return polynomials by degree (pixels, k), their products in pairs, and their degrees."""
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    one = legendre.legvander(axis, DEGREE)
    terms = [(a, d - a) for d in range(DEGREE + 1) for a in range(d + 1)]
    basis = np.stack([np.outer(one[:, b], one[:, a]).ravel() for a, b in terms], axis=1)
    first, second = np.tril_indices(len(terms))
    return (basis.astype(np.float32), (basis[:, first] * basis[:, second]).astype(np.float32),
            np.array([a + b for a, b in terms]))
