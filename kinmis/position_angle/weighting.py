"""
Weights of the data: intrinsic scatter and outliers.

The velocities of a real galaxy scatter about any smooth model by more than their errors; with
the inverse variance alone the few brightest spaxels would decide. So the variance of a datum
is its own plus an intrinsic one, fitted such that the reduced chi-square is one. Both this and
the clipping of outliers look at residuals from a free fit (cosine and sine amplitudes at
every radius), which a warp or a bar does not spoil.
"""

import numpy as np

from kinmis.position_angle.profile import solve_free

#: Scales the median absolute deviation to the standard deviation of a normal distribution.
MAD_TO_SIGMA = 1.4826022185056018

#: Clipping leaves at least this fraction of the data, and this many.
MOST_KEPT, FEWEST = 0.75, 20

#: From this many fields of one grid on, one product for all is faster than one for each.
SHARING = 8

#: Fits at most; nearly all fields need one to four.
MAX_ITERATIONS = 10


class Block:
    """
    Weighted normal equations of a block of fields.

    Parameters
    ----------
    columns : list of `~numpy.ndarray`
        Basis functions of the rows of each field, shape (q, N).
    velocity : list of `~numpy.ndarray`
        Velocities of the rows, relative to about their mean.
    variance : list of `~numpy.ndarray` or None
        Their measured variances.
    """

    def __init__(self, columns, velocity, variance):
        self.columns, self.velocity, self.variance = columns, velocity, variance
        fields, size = len(columns), len(columns[0]) + 1
        self.gram = np.empty((fields, size, size))
        self.scatter = np.zeros(fields)  # intrinsic variance
        self.kept = [np.ones(len(v), bool) for v in velocity]
        self.weight = [None] * fields
        self.usual = [None if v is None else v.mean() for v in variance]
        # large arrays are slow to allocate, over and over
        self.rooted = np.empty((size, max(map(len, velocity))))
        for which in self.grids(range(fields)):
            if len(which) >= SHARING:
                self._sum_together(which)
            else:
                for i in which:
                    self.set_weights(i)

    def grids(self, which):
        """Return those of some fields that share their basis functions, as lists."""
        grids = {}
        for i in which:
            grids.setdefault(id(self.columns[i]), []).append(i)
        return grids.values()

    def evaluate(self, which, coefficients):
        """
        Yield some fields, in any order, and the sums of their basis functions.

        Parameters
        ----------
        which : sequence of int
            The fields.
        coefficients : `~numpy.ndarray`
            For each of all the fields one or more sets, shape (B, ..., q).

        Yields
        ------
        field : int
        sums : `~numpy.ndarray`
            Shape (..., N).
        """
        for some in self.grids(which):
            # so many at a time that the sums stay in cache
            for start in range(0, len(some), SHARING):
                part = some[start:start + SHARING]
                yield from zip(part, coefficients[part] @ self.columns[part[0]])

    def set_area(self, i, area):
        """Weight each spaxel of field ``i`` alike, clipped or not; sum up."""
        self.kept[i] = np.ones(len(area), bool)
        self._sum(i, area)

    def set_weights(self, i):
        """Set the weights of field ``i`` from variance, scatter and clipping; sum up."""
        kept = self.kept[i]
        if self.variance[i] is None:
            self._sum(i, kept.astype(float))
        else:
            self._sum(i, kept / (self.variance[i] + self.scatter[i]))

    def _sum(self, i, weight):
        self.weight[i] = weight
        # a product of a matrix with its own transpose takes half the time of a general one
        root, rooted = np.sqrt(weight), self.rooted[:, :len(weight)]
        np.multiply(self.columns[i], root, out=rooted[:-1])
        np.multiply(self.velocity[i], root, out=rooted[-1])
        np.matmul(rooted, rooted.T, out=self.gram[i])

    def _sum_together(self, which):
        """Set the first weights of fields with the same basis functions: one product for all."""
        columns = self.columns[which[0]]
        size = len(columns)
        for i in which:
            self.weight[i] = (np.ones(columns.shape[1]) if self.variance[i] is None
                              else 1. / self.variance[i])
        weight = np.array([self.weight[i] for i in which])
        weighted = weight * [self.velocity[i] for i in which]
        gram = np.empty((len(which), size + 1, size + 1))
        for k in range(size):
            gram[:, k, :k + 1] = weight @ (columns[:k + 1] * columns[k]).T
            gram[:, :k, k] = gram[:, k, :k]
        gram[:, :-1, -1] = gram[:, -1, :-1] = weighted @ columns.T
        gram[:, -1, -1] = [w @ self.velocity[i] for w, i in zip(weighted, which)]
        self.gram[which] = gram

    def iterate(self, blocks_used, clip):
        """
        Fit the intrinsic scatter and clip outliers.

        Parameters
        ----------
        blocks_used : `~numpy.ndarray`
            Matrix (Q, q) that makes the basis of the fit from the columns.
        clip : float or None
            Residuals beyond ``clip`` robust standard deviations are dropped.
        """
        active = range(len(self.columns))
        for _ in range(MAX_ITERATIONS):
            if not len(active):
                break
            coefficients = np.empty((len(self.columns), blocks_used.shape[1]))
            coefficients[active] = free_fit(self.gram[active], blocks_used)
            active = [i for i, model in self.evaluate(active, coefficients)
                      if self._update(i, self.velocity[i] - model, len(blocks_used), clip)]
            for i in active:
                self.set_weights(i)

    def _update(self, i, residual, parameters, clip):
        """Update clipping and scatter of field ``i``; return whether they changed."""
        kept, changed = self.kept[i], False
        everything = kept.all()
        if clip is not None:
            scaled = np.abs(residual)
            if self.variance[i] is not None:
                scaled /= np.sqrt(self.variance[i] + self.scatter[i])
            sigma = MAD_TO_SIGMA * _median(scaled if everything else scaled[kept])
            # bins without noise have no outliers
            now = scaled <= max(clip * sigma, 1e-9 * scaled.max(initial=0.))
            # what is common is no outlier, and few data are soon followed by the fit
            if (np.count_nonzero(now) >= max(MOST_KEPT * len(now), FEWEST)
                    and not np.array_equal(now, kept)):
                self.kept[i], kept, changed, everything = now, now, True, now.all()
        if self.variance[i] is not None:
            used = slice(None) if everything else kept
            residual, variance = residual[used], self.variance[i][used]
            scatter = intrinsic_variance(residual, variance, len(residual) - parameters,
                                         self.scatter[i])
            tolerance = 0.03 * (scatter + self.usual[i])
            if abs(scatter - self.scatter[i]) > tolerance:
                self.scatter[i], changed = scatter, True
        return changed


def _median(values):
    """Return the median, of an even number of values the upper middle one; fast for few."""
    middle = len(values) // 2
    return np.partition(values, middle)[middle]


def intrinsic_variance(residual, variance, freedom, start=0.):
    """
    Return the variance to add so that the reduced chi-square is one, or zero.

    Parameters
    ----------
    residual, variance : `~numpy.ndarray`
        Residuals (km/s) and their measured variances.
    freedom : int
        Degrees of freedom.
    start : float
        First guess.

    Returns
    -------
    scatter : float
        In (km/s)^2.
    """
    if freedom <= 0:
        return 0.
    square = residual**2
    # inside the noise of the reduced chi-square itself there is nothing to add
    if (square / variance).sum() <= freedom + np.sqrt(2. * freedom):
        return 0.
    scatter = start
    for _ in range(50):
        total = variance + scatter
        excess = np.sum(square / total) - freedom
        step = excess / np.sum(square / total**2)
        # Newton's method in log(chi-square) comes from below without overshooting
        step *= (excess + freedom) / freedom
        scatter = max(0., scatter + step)
        if abs(step) <= 1e-4 * scatter:
            break
    return scatter


def free_fit(gram, blocks_used):
    """
    Fit all cosine and sine amplitudes at once.

    Parameters
    ----------
    gram : `~numpy.ndarray`
        Sums of products of the columns and the velocity, shape (B, q + 1, q + 1).
    blocks_used : `~numpy.ndarray`
        Matrix (Q, q) that makes the basis of the fit from the columns.

    Returns
    -------
    coefficients : `~numpy.ndarray`
        Of the q columns, shape (B, q).
    """
    normal = blocks_used @ gram[:, :-1, :-1] @ blocks_used.T
    right = gram[:, :-1, -1] @ blocks_used.T
    return solve_free(normal, right) @ blocks_used
