"""`fine_tune`: a model for another survey from 50 to 300 labels."""

import html
from dataclasses import dataclass, field

import numpy as np

from kinmis.classifier.ensemble import Ensemble
from kinmis.classifier.evaluation import measures, predict_cases
from kinmis.classifier.model import Classifier, load_model
from kinmis.classifier.tuning_data import MIN_LABELS, hold_out, labelled_galaxies
from kinmis.classifier.tuning_methods import (
    Head, Rows, cross_fit, folds_of, log_losses, tune_weights)

__all__ = ["FineTuned", "fine_tune"]

#: Folds of the cross-validation, and of that of all weights, which takes longer.
FOLDS, FOLDS_OF_WEIGHTS = 5, 3

#: Groups of items, on the side that is learnt from.
MIN_GROUPS = 3

#: How firmly the last layer is held, in fields.
STRENGTHS = (10.0, 30.0, 100.0)

#: From as many labels on, training all weights is tried.
LABELS_FOR_WEIGHTS = 100

#: What is reported, with words.
MEASURES = {"accuracy": "accuracy, usable or not", "roc_auc": "ROC AUC",
            "calibration_error": "calibration error", "log_loss": "log loss, three classes"}


@dataclass(frozen=True, eq=False, repr=False)
class FineTuned:
    """
    A model for another survey, and what it gained.

    `fine_tune` makes it.

    Parameters
    ----------
    model : `~kinmis.classifier.Classifier`
        Saves, loads and classifies like any other.
    method : {"none", "calibration", "head", "weights"}
        What cross-validation chose to change.
    n_labels, n_held_out : int
        Labels that were learnt from, and that were held out.
    before, after : dict
        By "pair" (both fields seen) and "single": number of held-out ``fields`` and measures of
        the old and the new model on them; empty without held-out labels.
    cross_validation : dict
        From method to its log loss in cross-validation inside the training labels; that of
        "weights" is of one network, comparable with "calibration (one network)".

    Examples
    --------
    >>> from kinmis.classifier import FineTuned
    >>> FineTuned(model=None, method="head", n_labels=70, n_held_out=30).to_dict()["method"]
    'head'
    """

    model: Classifier
    method: str
    n_labels: int
    n_held_out: int
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
    cross_validation: dict = field(default_factory=dict)

    def to_dict(self):
        """Return the report as plain values, as ``model.info["fine_tuning"]`` has it."""
        return {name: getattr(self, name) for name in (
            "method", "n_labels", "n_held_out", "before", "after", "cross_validation")}

    def _rows(self):
        for case, before in self.before.items():
            after = self.after[case]
            for name, words in MEASURES.items():
                yield (case, before["fields"], words, f"{before[name]:.3f}",
                       f"{after[name]:.3f}")

    def _title(self):
        return (f"{self.model.info['name']}: {self.n_labels} labels learnt from, "
                f"{self.n_held_out} held out; changed: {self.method}")

    def __repr__(self):
        lines = [f"<FineTuned: {self._title()}"]
        lines += [f"  {case:6s} ({fields} fields)  {words:24s} {before} -> {after}"
                  for case, fields, words, before, after in self._rows()]
        return "\n".join(lines) + ">"

    def _repr_html_(self):
        rows = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(str(cell))}</td>"
                             for cell in row) + "</tr>" for row in self._rows())
        heads = "".join(f"<th>{name}</th>" for name in (
            "seen as", "fields", "measure", "before", "after"))
        return (f"<table><caption>{html.escape(self._title())}</caption>"
                f"<tr>{heads}</tr>{rows}</table>")


def fine_tune(items, labels, *, model=None, held_out=0.3, groups=None, epochs=30, seed=1,
              name=None, progress=False):
    """
    Teach a model another survey with 50 to 300 labels.

    Four ways are compared by cross-validation inside the training labels: nothing, a new
    calibration, the last layer of the networks (logistic regression on what they see, held at
    the old layer; [1]_), and, with 100 labels or more, all weights at a low rate. The best is
    taken; all weights only if they are better by more than the error of the comparison. A new
    calibration, held at the old one, follows. Labels that are held out decide nothing; they
    tell what was gained.
    Fields like the given ones count as familiar in the out-of-distribution score of the new
    model.

    Parameters
    ----------
    items : sequence of `~kinmis.VelocityField` or `~kinmis.Galaxy`
        Fields that are not clean are cleaned, as in `kinmis.classify`. Whole galaxies teach
        more: each field is seen beside its partner and alone.
    labels : array-like, dict or `~astropy.table.Table`
        0 (do not use), 1 (messy) or 2 (clean): one for each field, or a pair (stellar, gas)
        for each galaxy, or columns "stellar" and "gas". -1, NaN, None and masked mean that
        there is none.
    model : `~kinmis.classifier.Classifier`, optional
        By default the one that comes with kinmis. It is not changed.
    held_out : float
        Share of the labels that is held out for the report, from 0 (no report) to 0.8.
    groups : sequence, optional
        A name for each item: items of one group (an observing run, a plate) are held out
        together. By default those with the same ``id``.
    epochs : int
        Rounds of training all weights; 0 leaves that way out, which takes minutes.
    seed : int
        Decides what is held out.
    name : str, optional
        Of the new model.
    progress : bool
        Show progress of the training.

    Returns
    -------
    result : `FineTuned`
        ``result.model`` is the new model; ``result.model.save(folder)`` keeps it.

    Raises
    ------
    TypeError
        If items are neither fields nor galaxies.
    ValueError
        If labels do not match the items, are too few (20 at least on the side that is learnt
        from), or are all of one kind.
    ImportError
        If Keras is missing.

    Warns
    -----
    InvalidValueWarning
        If labels outside 0, 1, 2, or items without data, are dropped.

    Notes
    -----
    The new model is for fields like those that it was taught: from gas alone it learns nothing
    about stars, and what it says of them may get worse.

    References
    ----------
    .. [1] Kumar, A., et al. 2022, ICLR (a linear probe before fine-tuning of all weights)

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.classifier import fine_tune
    >>> fields = [mock.velocity_field(pa=9 * k, size=12, noise=(10, 400)[k % 2], seed=k)
    ...           for k in range(40)]
    >>> tuned = fine_tune(fields, [2, 0] * 20, name="my survey")
    >>> tuned.n_labels, tuned.n_held_out
    (28, 12)
    >>> tuned.model.classify(fields[0]).quality
    2
    """
    model = load_model() if model is None else model
    lattices, known, groups = labelled_galaxies(items, labels, groups)
    rng = np.random.default_rng(seed)
    held = hold_out(known.quality, groups, held_out, rng)
    n_labels = int(np.count_nonzero(known.quality[~held] >= 0))
    if n_labels < MIN_LABELS:
        raise ValueError(f"with held_out={held_out} only {n_labels} labels are left to learn "
                         f"from, and {MIN_LABELS} are needed: give more labels, or hold out "
                         "fewer")
    if len(np.unique(groups[~held])) < MIN_GROUPS:
        raise ValueError(f"fine-tuning compares what it learns from some groups with others: at "
                         f"least {MIN_GROUPS} groups are needed beside those that are held "
                         f"out, not {len(np.unique(groups[~held]))}")
    said = predict_cases(model, lattices)
    rows = Rows(said, known, groups)
    row_held = held[_galaxies(said, known)]
    learnt = rows[~row_held]
    kept = [lattice for lattice, out in zip(lattices, held) if not out]
    method, logits, change, losses = _choose(
        model, learnt, (kept, known[~held], groups[~held]),
        epochs if n_labels >= LABELS_FOR_WEIGHTS else 0, seed, progress)
    calibration, ensemble = model.calibration, model.ensemble
    if method != "none":
        # from logits of fits that had not seen the fields: those that had are too sure
        calibration = learnt.with_logits(logits).calibrate(model.calibration)
    if method in ("head", "weights"):
        members = change.apply(ensemble) if method == "head" else change
        ensemble = Ensemble(ensemble.network, ensemble.inputs, members)
    new = Classifier(ensemble, calibration,
                     model.outliers.extended(kept, ensemble.inputs, seed), {})
    before, after = {}, {}
    if row_held.any():
        tested = rows[row_held]
        before = _summary(tested, tested.probabilities(model.calibration))
        if method == "head":
            # what the new networks would say, without running them
            tested = tested.with_logits(change.logits(tested))
        elif method == "weights":
            said = predict_cases(new, lattices)
            tested = Rows(said, known, groups)[row_held]
        after = _summary(tested, tested.probabilities(calibration))
    result = FineTuned(new, method, n_labels, int(np.count_nonzero(known.quality[held] >= 0)),
                       before, after, losses)
    new.info = {**{key: value for key, value in model.info.items()
                   if key not in ("sha256", "validation")},
                "name": name or f"{model.info['name']}-fine-tuned",
                "fine_tuning": {"from": model.id, "seed": seed, **result.to_dict()}}
    return result


def _galaxies(said, labels):
    """Return the galaxy of each row that has a label."""
    return said["galaxy"][labels.quality[said["galaxy"], said["component"]] >= 0]


def _choose(model, rows, galaxies, epochs, seed, progress):
    """Return the method, logits from cross-validation, what changes, and all log losses."""
    folds = folds_of(rows.group, FOLDS, np.random.default_rng(seed))
    start = model.calibration
    tried = {"none": (log_losses(rows.probabilities(start), rows.quality), rows.logits),
             "calibration": (log_losses(cross_fit(rows, folds, start), rows.quality),
                             rows.logits)}
    strengths = {}
    for strength in STRENGTHS:
        logits = np.empty_like(rows.logits)
        for fold in np.unique(folds):
            out = folds == fold
            logits[out] = Head.fit(rows[~out], strength).logits(rows[out])
        loss = log_losses(cross_fit(rows, folds, start, logits), rows.quality)
        strengths[strength] = loss, logits
    best = min(strengths, key=lambda strength: strengths[strength][0].mean())
    tried["head"] = strengths[best]
    losses = {name: float(loss.mean()) for name, (loss, _) in tried.items()}
    # each is held at what was there, so that the best on average does little harm
    method = min(tried, key=lambda name: losses[name])
    if epochs:
        gained = tried["calibration"][0] - tried[method][0]
        trained = _all_weights(model, rows, galaxies, gained, epochs, losses, seed, progress)
        if trained is not None:
            return "weights", *trained, losses
    return (method, tried[method][1], Head.fit(rows, best) if method == "head" else None,
            losses)


def _clearly_better(new, old, groups):
    """Return whether losses are lower by more than the standard error of their mean."""
    names, number = np.unique(groups, return_inverse=True)
    gain = np.bincount(number, old - new)
    # rows of one group are not independent
    return gain.sum() > gain.std() * np.sqrt(len(names))


def _all_weights(model, rows, galaxies, gained, epochs, losses, seed, progress):
    """Return logits and weights if training all weights is worth it, else None."""
    lattices, labels, groups = galaxies
    ensemble, training = model.ensemble, model.info.get("training")
    folds = folds_of(groups, FOLDS_OF_WEIGHTS, np.random.default_rng(seed))
    fold_of = dict(zip(groups, folds))
    row_folds = np.array([fold_of[group] for group in rows.group])

    def logits_of(weights):
        one = Classifier(Ensemble(ensemble.network, ensemble.inputs, weights),
                         model.calibration, model.outliers, model.info)
        return Rows(predict_cases(one, lattices), labels, groups).logits

    old = logits_of(ensemble.members[:1])
    new = np.empty_like(old)
    for fold in range(FOLDS_OF_WEIGHTS):
        side = folds != fold
        weights = tune_weights(ensemble, [0], [lattices[k] for k in np.flatnonzero(side)],
                               labels[side], epochs, seed, training, progress)
        out = row_folds == fold
        new[out] = logits_of(weights)[out]
    loss = {name: log_losses(cross_fit(rows, row_folds, model.calibration, logits),
                             rows.quality) for name, logits in (("old", old), ("new", new))}
    losses["calibration (one network)"] = float(loss["old"].mean())
    losses["weights"] = float(loss["new"].mean())
    # what one network gains must be more than what the chosen method gains for all
    if not _clearly_better(loss["new"], loss["old"] - gained, rows.group):
        return None
    members = tune_weights(ensemble, range(len(ensemble.members)), lattices, labels, epochs,
                           seed, training, progress)
    return new, members


def _summary(rows, probabilities):
    """Return the measures for pairs and for single fields."""
    found = {}
    for name, paired in (("pair", True), ("single", False)):
        chosen = rows.paired == paired
        if chosen.any():
            values = measures(probabilities[chosen], rows.quality[chosen])
            found[name] = {"fields": int(chosen.sum()),
                           **{key: values[key] for key in MEASURES}}
    return found
