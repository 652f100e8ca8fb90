"""How good a model is: every field seen with its partner and alone, against labels."""

import numpy as np

from kinmis.classifier.lattice import Lattice
from kinmis.classifier.metrics import (
    calibration_error, cohen_kappa, roc_auc, surest_accuracy)

__all__ = ["COVERAGES", "alone", "measures", "predict_cases", "summarise"]

#: Fractions of the fields, the surest first, that the published network's figures are for.
COVERAGES = (0.71, 0.50, 0.108)


def alone(lattice, component):
    """Return a lattice with only one of the components (0 stars, 1 gas)."""
    bins, velocity = lattice.bins.copy(), lattice.velocity.copy()
    bins[1 - component], velocity[1 - component] = -1, 0
    n_bins = tuple(n if i == component else 0 for i, n in enumerate(lattice.n_bins))
    return Lattice(velocity, bins, lattice.step, n_bins, lattice.psf)


def predict_cases(model, lattices):
    """
    Let a model say what it thinks of every field, with its partner and alone.

    A galaxy with one field is seen alone only.

    Parameters
    ----------
    model : `~kinmis.classifier.Classifier`
    lattices : list of `~kinmis.classifier.lattice.Lattice`

    Returns
    -------
    said : dict of `~numpy.ndarray`
        A row for each field and case: what `Classifier.predict` says, and ``galaxy``,
        ``component``, ``paired``.
    """
    parts = []
    both = np.array([lattice.present.all() for lattice in lattices])
    whole = model.predict(lattices)
    galaxy, component = np.nonzero(whole["present"])
    parts.append((whole, galaxy, component, galaxy))
    pairs = np.flatnonzero(both)
    for i in range(2):
        if len(pairs):
            said = model.predict([alone(lattices[k], i) for k in pairs])
            parts.append((said, np.arange(len(pairs)), np.full(len(pairs), i), pairs))
    names = ("logits", "probabilities", "features", "notes", "ood_score", "embedding")
    rows = {name: np.concatenate([said[name][row, component]
                                  for said, row, component, _ in parts]) for name in names}
    rows["galaxy"] = np.concatenate([galaxy for *_, galaxy in parts])
    rows["component"] = np.concatenate([component for _, _, component, _ in parts])
    rows["paired"] = np.concatenate([both[galaxy], np.zeros(len(rows["galaxy"]) - len(galaxy),
                                                            bool)])
    return rows


def measures(probabilities, quality):
    """
    Return the measures of agreement of probabilities with labels.

    Parameters
    ----------
    probabilities : `~numpy.ndarray`, shape (n, 3)
    quality : `~numpy.ndarray` of int, shape (n,)

    Returns
    -------
    values : dict of float
    """
    usable = probabilities[:, 1] + probabilities[:, 2]
    truth = quality > 0
    grade = (np.cumsum(probabilities, axis=1)[:, :2] < 0.5).sum(axis=1)
    values = {"accuracy": np.mean((usable > 0.5) == truth), "roc_auc": roc_auc(truth, usable)}
    for coverage in COVERAGES:
        values[f"surest_{100 * coverage:g}"] = surest_accuracy(truth, usable, coverage)
    values["three_classes"] = np.mean(grade == quality)
    values["kappa"] = cohen_kappa(grade, quality)
    values["calibration_error"] = calibration_error(truth, usable)
    values["log_loss"] = -np.mean(np.log(np.clip(
        probabilities[np.arange(len(quality)), quality], 1e-9, None)))
    return {name: float(value) for name, value in values.items()}


def summarise(said, labels):
    """
    Return the measures for pairs and for single fields.

    Parameters
    ----------
    said : dict
        As `predict_cases` returns it.
    labels : `~kinmis.classifier.labels.Labels`

    Returns
    -------
    summary : dict of dict
        By "pair" and "single".
    """
    quality = labels.quality[said["galaxy"], said["component"]]
    summary = {}
    for name, paired in (("pair", True), ("single", False)):
        chosen = (said["paired"] == paired) & (quality >= 0)
        if chosen.any():
            summary[name] = {"fields": int(chosen.sum()),
                             **measures(said["probabilities"][chosen], quality[chosen])}
    return summary
