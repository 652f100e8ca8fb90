"""Ways to teach trained networks a new survey: from a new calibration to new weights."""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from kinmis.classifier.augmentation import AugmentConfig
from kinmis.classifier.backend import weights_of
from kinmis.classifier.calibration import Calibration
from kinmis.classifier.network import build_network
from kinmis.classifier.training import TrainingConfig, train_member

__all__ = ["Head", "Rows", "cross_fit", "folds_of", "log_losses", "tune_weights"]

#: How training goes on when all weights may change: slowly, and without the changes that make
#: other surveys familiar, since the new fields are what is wanted.
LEARNING_RATE, BATCH = 3e-4, 16
CHANGES = AugmentConfig(crop=0.0, rebin=0.0, unbin=0.0, noise=0.05, drop=0.1, zoom=0.05)


class Rows:
    """
    What networks say of labelled fields, each with its partner and alone.

    Parameters
    ----------
    said : dict
        As `~kinmis.classifier.evaluation.predict_cases` returns it.
    labels : `~kinmis.classifier.labels.Labels`
    groups : `~numpy.ndarray`, shape (galaxies,)
    """

    def __init__(self, said, labels, groups):
        quality = labels.quality[said["galaxy"], said["component"]]
        known = quality >= 0
        self.quality = quality[known]
        self.group = groups[said["galaxy"]][known]
        self.logits, self.embedding, self.component, self.paired = (
            said[name][known] for name in ("logits", "embedding", "component", "paired"))

    def __len__(self):
        return len(self.quality)

    def __getitem__(self, index):
        part = object.__new__(Rows)
        part.__dict__.update({name: value[index] for name, value in self.__dict__.items()})
        return part

    def with_logits(self, logits):
        """Return the same with other logits."""
        part = object.__new__(Rows)
        part.__dict__.update(self.__dict__, logits=logits)
        return part

    def calibrate(self, start):
        """Return the calibration that suits them, held at another."""
        return Calibration.fit(self.logits, self.quality, self.component, self.paired, start)

    def probabilities(self, calibration):
        """Return the probabilities of 0, 1 and 2 with a calibration."""
        return calibration.probabilities(self.logits, self.component, self.paired)


class Head:
    """
    A change of the last layer: logistic regression on the embedding, held at the old layer.

    Parameters
    ----------
    slope : `~numpy.ndarray`, shape (members, k, 2)
        What is added to the weights of each network's quality head.
    offset : `~numpy.ndarray`, shape (2,)
        What is added to its offset.
    """

    def __init__(self, slope, offset):
        self.slope, self.offset = slope, offset

    @classmethod
    def fit(cls, rows, strength):
        """
        Fit to labelled rows.

        Parameters
        ----------
        rows : `Rows`
        strength : float
            How firmly the old layer is held, in fields.

        Returns
        -------
        head : `Head`
        """
        n, members, k = rows.embedding.shape
        middle = rows.embedding.mean(axis=0)
        # one scale, so that directions in which fields differ a lot move first
        scale = np.sqrt(np.mean((rows.embedding - middle) ** 2) * members * k)
        values = ((rows.embedding - middle) / scale).reshape(n, -1)
        # a galaxy whose fields are seen twice, with partner and alone, counts once
        weight = 0.5 if rows.paired.any() else 1.0
        slopes, offsets = [], []
        for step in range(2):
            sign = np.where(rows.quality > step, 1.0, -1.0)

            def loss(vector, step=step, sign=sign):
                z = sign * (rows.logits[:, step] + values @ vector[:-1] + vector[-1])
                slope = -weight * sign * expit(-z)
                gradient = np.append(values.T @ slope + strength * vector[:-1],
                                     slope.sum() + 0.1 * strength * vector[-1])
                held = (vector[:-1] ** 2).sum() + 0.1 * vector[-1] ** 2
                return weight * np.logaddexp(0, -z).sum() + strength * held / 2, gradient

            found = minimize(loss, np.zeros(values.shape[1] + 1), jac=True,
                             method="L-BFGS-B").x
            # logits are the mean over members
            slopes.append(found[:-1].reshape(members, k) / scale)
            offsets.append(found[-1] - (slopes[-1] * middle).sum())
        return cls(np.stack(slopes, axis=-1), np.array(offsets))

    def logits(self, rows):
        """Return the logits of rows with the change."""
        return rows.logits + np.einsum("nmk,mkj->nj", rows.embedding, self.slope) + self.offset

    def apply(self, ensemble):
        """Return the weights of the networks with the change made."""
        network = build_network(ensemble.network, ensemble.inputs.size,
                                1 + len(ensemble.inputs.scalars), blank=True)
        layer = network.get_layer("quality")
        kernel, bias = (next(k for k, variable in enumerate(network.weights)
                             if variable is mine) for mine in (layer.kernel, layer.bias))
        changed = []
        for weights, slope in zip(ensemble.members, self.slope):
            weights = list(weights)
            weights[kernel] = (weights[kernel] + slope * len(self.slope)).astype(np.float32)
            weights[bias] = (weights[bias] + self.offset).astype(np.float32)
            changed.append(weights)
        return changed


def tune_weights(ensemble, members, lattices, labels, epochs, seed, training=None,
                 progress=False):
    """
    Go on training networks, all weights, at a low rate.

    Parameters
    ----------
    ensemble : `~kinmis.classifier.ensemble.Ensemble`
    members : sequence of int
        Which of its networks.
    lattices : list of `~kinmis.classifier.lattice.Lattice`
    labels : `~kinmis.classifier.labels.Labels`
    epochs, seed : int
    training : dict, optional
        Settings of the training before; only what is about labels is taken from them.
    progress : bool

    Returns
    -------
    weights : list of lists of `~numpy.ndarray`
    """
    smoothing = (training or {}).get("smoothing", TrainingConfig().smoothing)
    config = TrainingConfig(
        epochs=epochs, batch_size=min(BATCH, len(lattices)), learning_rate=LEARNING_RATE,
        smoothing=smoothing, inputs=ensemble.inputs, network=ensemble.network,
        augmentation=replace(CHANGES))
    return [weights_of(train_member(lattices, labels, config.with_seed(seed + member),
                                    initial=ensemble.members[member], progress=progress))
            for member in members]


def folds_of(groups, n, rng):
    """
    Return the fold of each row.

    Parameters
    ----------
    groups : `~numpy.ndarray`
        Rows of one group share a fold.
    n : int
        Number of folds.
    rng : `numpy.random.Generator`

    Returns
    -------
    folds : `~numpy.ndarray` of int
    """
    names = rng.permutation(np.unique(groups))
    fold = dict(zip(names, np.arange(len(names)) % n))
    return np.array([fold[group] for group in groups])


def cross_fit(rows, folds, start, logits=None):
    """
    Return probabilities of rows from calibrations that have not seen them.

    Parameters
    ----------
    rows : `Rows`
    folds : `~numpy.ndarray` of int
    start : `~kinmis.classifier.calibration.Calibration`
    logits : `~numpy.ndarray`, optional
        Logits of the rows, from fits that have not seen them either.

    Returns
    -------
    probabilities : `~numpy.ndarray`, shape (n, 3)
    """
    rows = rows if logits is None else rows.with_logits(logits)
    said = np.empty((len(rows), 3))
    for fold in np.unique(folds):
        out = folds == fold
        said[out] = rows[out].probabilities(rows[~out].calibrate(start))
    return said


def log_losses(probabilities, quality):
    """
    Return minus the logarithm of the probability of what is true.

    Parameters
    ----------
    probabilities : `~numpy.ndarray`, shape (n, 3)
    quality : `~numpy.ndarray` of int, shape (n,)

    Returns
    -------
    losses : `~numpy.ndarray`, shape (n,)
    """
    return -np.log(np.clip(probabilities[np.arange(len(quality)), quality], 1e-6, None))
