"""How well probabilities and labels agree."""

import numpy as np
from scipy.stats import rankdata

__all__ = ["average_precision", "bootstrap", "calibration_error", "cohen_kappa", "roc_auc",
           "surest_accuracy"]


def roc_auc(truth, score):
    """Return the area under the ROC curve: P(score of a true one > of a false one)."""
    truth = np.asarray(truth, bool)
    n_true, n_false = np.count_nonzero(truth), np.count_nonzero(~truth)
    if not n_true or not n_false:
        return np.nan
    ranks = rankdata(score)
    return (ranks[truth].sum() - n_true * (n_true + 1) / 2) / (n_true * n_false)


def average_precision(truth, score):
    """Return the mean precision over the true ones, in falling order of the score."""
    truth = np.asarray(truth, bool)[np.argsort(-np.asarray(score), kind="stable")]
    if not truth.any():
        return np.nan
    precision = np.cumsum(truth) / np.arange(1, len(truth) + 1)
    return precision[truth].mean()


def calibration_error(truth, probability, n_bins=15):
    """Return the expected calibration error of P(true), in bins of equal width over [0, 1]."""
    truth, probability = np.asarray(truth, float), np.asarray(probability, float)
    place = np.clip((probability * n_bins).astype(int), 0, n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    gap = (np.bincount(place, truth, minlength=n_bins)
           - np.bincount(place, probability, minlength=n_bins))
    return np.abs(gap).sum() / count.sum()


def surest_accuracy(truth, probability, coverage):
    """Return the accuracy of "true if P > 0.5" on the fraction of items that are surest."""
    truth, probability = np.asarray(truth, bool), np.asarray(probability)
    order = np.argsort(-np.abs(probability - 0.5), kind="stable")
    kept = order[:max(int(round(coverage * len(order))), 1)]
    return np.mean((probability[kept] > 0.5) == truth[kept])


def cohen_kappa(first, second):
    """Return Cohen's kappa: agreement beyond chance, from 0 to 1."""
    first, second = np.asarray(first), np.asarray(second)
    values = np.unique(np.concatenate([first, second]))
    agreed = np.mean(first == second)
    chance = sum(np.mean(first == value) * np.mean(second == value) for value in values)
    return (agreed - chance) / (1 - chance) if chance < 1 else 1.0


def bootstrap(statistic, groups, n=1000, seed=0):
    """
    Return the 68% interval of a statistic, drawing whole groups with replacement.

    Parameters
    ----------
    statistic : callable
        Takes indices of items and returns a number or an array of them.
    groups : sequence
        Group (plate) of each item.
    n : int
        Number of draws.
    seed : int

    Returns
    -------
    low, high : float or `~numpy.ndarray`
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(np.unique(groups, return_inverse=True)[1]
                                                   [order])) + 1)
    drawn = [statistic(np.concatenate([parts[k] for k in rng.integers(len(parts),
                                                                      size=len(parts))]))
             for _ in range(n)]
    return tuple(np.nanpercentile(drawn, [16, 84], axis=0))
