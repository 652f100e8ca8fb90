"""How unlike the training data a field looks."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from kinmis.classifier.appearance import describe_images
from kinmis.classifier.augmentation import AugmentConfig, augment
from kinmis.classifier.inputs import as_rows, make_inputs
from kinmis.classifier.nonsense import nonsense

__all__ = ["Outliers"]

#: Share of held-out fields that are called out of distribution: for resembling nonsense more
#: than galaxies, and for being far from either.
LIKE_NONSENSE, FAR = 0.02, 0.005

#: Units of the perceptron, and the strength that holds its weights near zero.
UNITS, DECAY = 48, 3e-4

#: Fields of each sort that are kept, so that other surveys can be made familiar later.
KEPT = 4000

#: How training fields are changed, so that other fields of view and spaxels are familiar.
FAMILIAR = AugmentConfig(alone=0.0, crop=0.3, rebin=0.15, unbin=0.6, unbin_stars=0.8)


class Outliers:
    """
    A small perceptron that tells velocity fields from nonsense, and a distance beside it.

    It looks at the numbers of `~kinmis.classifier.appearance.describe_images`. The perceptron
    is trained on galaxies, as they are and changed as other surveys would see them, against
    synthetic nonsense of several families [1]_. What is like neither is caught by the
    Mahalanobis distance from the galaxies [2]_.

    Parameters
    ----------
    known, strange, held : `~numpy.ndarray`, shape (n, k)
        Numbers of galaxies and of nonsense that the perceptron is trained on, and of galaxies
        that the thresholds are taken from.
    hidden, output : `~numpy.ndarray`, shapes (k + 1, UNITS) and (UNITS + 1,)
        Weights of the perceptron; the last row is the offset.
    unit : `~numpy.ndarray`, shape (2, 2)
        Thresholds of perceptron and distance, for stars and gas; NaN for a component that
        there were no galaxies with, whose scores are NaN then.

    References
    ----------
    .. [1] Hendrycks, D., Mazeika, M., & Dietterich, T. 2019, ICLR (outlier exposure)
    .. [2] Lee, K., et al. 2018, NeurIPS 31, 7167
    """

    def __init__(self, known, strange, held, hidden=None, output=None, unit=None):
        self.known, self.strange, self.held = (np.asarray(values, np.float16)
                                               for values in (known, strange, held))
        reference = self.known.astype(float)
        self.mean = reference.mean(axis=0)
        self.scale = np.maximum(reference.std(axis=0), 1e-3)
        off = (reference - self.mean) / self.scale
        self.precision = np.linalg.inv(np.cov(off, rowvar=False) + 0.01 * np.eye(off.shape[1]))
        if hidden is None:
            hidden, output = _train(off, self._standard(self.strange))
        self.hidden, self.output = np.asarray(hidden), np.asarray(output)
        self.unit = np.asarray(self._thresholds(self.held) if unit is None else unit)

    @classmethod
    def fit(cls, training, validation, inputs, seed=1):
        """
        Learn what galaxies look like.

        Parameters
        ----------
        training, validation : list of `~kinmis.classifier.lattice.Lattice`
            What the perceptron is trained on, and what the thresholds are taken from.
        inputs : `~kinmis.classifier.inputs.InputConfig`
        seed : int

        Returns
        -------
        outliers : `Outliers`
        """
        rng = np.random.default_rng(seed)
        held = describe_images(as_rows(*make_inputs(validation, inputs))[0])
        return cls(_some(_galaxies(training, inputs, rng), KEPT, rng),
                   _some(_strange(training, inputs, rng), KEPT // 2, rng),
                   _some(held, KEPT // 2, rng))

    def extended(self, lattices, inputs, seed=1):
        """
        Return the same for one more survey, whose fields are familiar then.

        The perceptron is trained again, with the new galaxies counting as much as the old,
        and nonsense in their footprints; thresholds rise until the new galaxies, too, are
        called out of distribution no more often than allowed.

        Parameters
        ----------
        lattices : list of `~kinmis.classifier.lattice.Lattice`
        inputs : `~kinmis.classifier.inputs.InputConfig`
        seed : int

        Returns
        -------
        outliers : `Outliers`
        """
        rng = np.random.default_rng(seed)
        half = len(self.known) // 2
        plain = describe_images(as_rows(*make_inputs(lattices, inputs))[0])
        known = np.concatenate([_some(self.known, half, rng),
                                _repeat(_galaxies(lattices, inputs, rng), half, rng)])
        strange = np.concatenate([_some(self.strange, len(self.strange) // 2, rng), _repeat(
            _strange(lattices, inputs, rng), len(self.strange) // 2, rng)])
        new = Outliers(known, strange, self.held)
        new.unit = np.fmax(new.unit, new._thresholds(plain))
        # so that a later survey does not push this one out
        new.held = np.concatenate([self.held, plain.astype(np.float16)])
        return new

    def to_arrays(self):
        """Return the arrays that it can be made of again."""
        return {name: getattr(self, name)
                for name in ("known", "strange", "held", "hidden", "output", "unit")}

    def score(self, rows, component):
        """
        Return the score of fields; above 1 is out of distribution.

        Parameters
        ----------
        rows : dict of `~numpy.ndarray`
            As `~kinmis.classifier.inputs.as_rows` returns them, m fields.
        component : `~numpy.ndarray` of int, shape (m,)
            0 stars, 1 gas.

        Returns
        -------
        score : `~numpy.ndarray`, shape (m,)
        """
        return (self._measure(describe_images(rows)) / self.unit[component]).max(axis=1)

    def _standard(self, numbers):
        return (np.asarray(numbers, float) - self.mean) / self.scale

    def _measure(self, numbers):
        """Return likeness to nonsense and distance from galaxies, shape (m, 2)."""
        off = self._standard(numbers)
        logit = np.tanh(off @ self.hidden[:-1] + self.hidden[-1]) @ self.output[:-1]
        square = np.einsum("ni,ij,nj->n", off, self.precision, off, optimize=True)
        # minus the logarithm of the probability to be a galaxy: positive, and without limit
        return np.stack([np.logaddexp(0, logit + self.output[-1]), np.sqrt(square)], axis=1)

    def _thresholds(self, held):
        """Return the measures that few of the held fields exceed; NaN without such fields."""
        measured, is_gas = self._measure(held), held[:, _COMPONENT] > 0
        unit = np.full((2, 2), np.nan)
        for i, chosen in enumerate((~is_gas, is_gas)):
            if chosen.any():
                unit[i] = [np.quantile(measured[chosen, k], 1 - share)
                           for k, share in enumerate((LIKE_NONSENSE, FAR))]
        return np.maximum(unit, 1e-6)


#: Place of the number that tells stars from gas.
_COMPONENT = 14


def _galaxies(lattices, inputs, rng):
    """Return numbers of galaxies, as they are and twice as others would see them."""
    # of two fields each, a third of them as they are
    few = [[lattices[i] for i in rng.permutation(len(lattices))[:KEPT // 5]] for _ in range(3)]
    seen = [make_inputs(few[0], inputs), *(augment(some, FAMILIAR, inputs, rng)
                                           for some in few[1:])]
    return np.concatenate([describe_images(as_rows(*one)[0]) for one in seen])


def _strange(lattices, inputs, rng):
    """Return numbers of nonsense in the footprints of galaxies."""
    chosen = [lattices[i] for i in rng.integers(len(lattices), size=min(
        max(len(lattices), 500), KEPT // 4))]
    return describe_images(as_rows(*make_inputs(nonsense(chosen, rng), inputs))[0])


def _some(values, n, rng):
    return values[np.sort(rng.permutation(len(values))[:n])]


def _repeat(values, n, rng):
    """Return exactly n of the values, each as often as the next or once more."""
    times = -(-n // len(values))
    return np.concatenate([rng.permutation(values) for _ in range(times)])[:n]


def _train(known, strange, seed=0):
    """Return the weights of a perceptron that tells strange from known."""
    values = np.concatenate([known, strange])
    truth = np.arange(len(values)) >= len(known)
    # both sides count alike
    weight = np.where(truth, 0.5 / len(strange), 0.5 / len(known))
    k = values.shape[1]
    rng = np.random.default_rng(seed)
    start = np.concatenate([rng.normal(0, k ** -0.5, k * UNITS), np.zeros(UNITS),
                            rng.normal(0, UNITS ** -0.5, UNITS), [0.0]])

    def split(vector):
        return vector[:(k + 1) * UNITS].reshape(k + 1, UNITS), vector[(k + 1) * UNITS:]

    def loss(vector):
        hidden, output = split(vector)
        middle = np.tanh(values @ hidden[:-1] + hidden[-1])
        logit = middle @ output[:-1] + output[-1]
        slope = weight * (expit(logit) - truth)
        back = slope[:, None] * output[:-1] * (1 - middle ** 2)
        held = DECAY * ((hidden[:-1] ** 2).sum() + (output[:-1] ** 2).sum()) / 2
        gradient = np.concatenate([
            (values.T @ back + DECAY * hidden[:-1]).ravel(), back.sum(axis=0),
            middle.T @ slope + DECAY * output[:-1], [slope.sum()]])
        return (weight * (np.logaddexp(0, logit) - truth * logit)).sum() + held, gradient

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return split(found)
