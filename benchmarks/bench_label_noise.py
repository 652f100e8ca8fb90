"""
How often the expert's labels are wrong, and how high accuracy against them can be.

    python benchmarks/bench_label_noise.py [--folds 5] [--epochs 20] [--work FOLDER] [--out FILE]

Two ways: small networks say what they think of each galaxy of the training and validation plates
that they were not trained on (folds of whole groups of plates), and confident learning (Northcutt,
Jiang & Chuang 2021, JAIR 70, 1373, equations 1 to 3) counts the labels that they contradict with
confidence; and galaxies that were observed twice tell how often the expert agrees with himself.
``--work`` keeps the result of each fold, so that a killed run goes on. Needs
``pip install "kinmis[classifier]"``.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from real_maps import data_folder, load_labels, load_repeats

from kinmis.classifier.calibration import Calibration
from kinmis.classifier.dataset import load_dataset
from kinmis.classifier.ensemble import Ensemble
from kinmis.classifier.inputs import as_rows, make_inputs
from kinmis.classifier.metrics import cohen_kappa
from kinmis.classifier.network import NetworkConfig
from kinmis.classifier.training import TrainingConfig, train_member

QUALITY = ("do not use", "messy", "clean")
SMALL = NetworkConfig(stem=16, widths=(24, 48, 64), hidden=64)


def out_of_fold(dataset, folds, epochs, work=None, seed=1):
    """Return logits, galaxy and component of each field, from networks that had not seen it."""
    names = np.random.default_rng(seed).permutation(np.unique(dataset.groups))
    fold_of = dict(zip(names, np.arange(len(names)) % folds))
    fold = np.array([fold_of[group] for group in dataset.groups])
    parts = []
    for k in range(folds):
        done = None if work is None else work / f"fold_{k}_of_{folds}_{epochs}.npz"
        if done is not None and done.exists():
            with np.load(done) as file:
                parts.append((file["logits"], file["galaxy"], file["component"]))
            continue
        start = time.perf_counter()
        config = TrainingConfig(epochs=epochs, seed=seed + k, network=SMALL)
        network = train_member(*dataset.take(fold != k), config, progress=False)
        index = np.flatnonzero(fold == k)
        rows, galaxy, component = as_rows(*make_inputs(dataset.take(index)[0], config.inputs))
        said = Ensemble(SMALL, config.inputs, [network.get_weights()]).run(rows)
        parts.append((said["quality"].mean(axis=1), index[galaxy], component))
        if done is not None:
            work.mkdir(parents=True, exist_ok=True)
            np.savez(done, logits=parts[-1][0], galaxy=index[galaxy], component=component)
        print(f"fold {k + 1} of {folds}: {time.perf_counter() - start:.0f} s", flush=True)
    return tuple(np.concatenate(part) for part in zip(*parts))


def confident_joint(probabilities, labels):
    """
    Return the estimated joint distribution of given and true labels, shape (3, 3).

    A field counts as truly j if its probability of j reaches the mean probability of j over the
    fields that are labelled j (and exceeds that of other such classes); the counts are scaled
    so that each given label keeps its share.
    """
    k = probabilities.shape[1]
    threshold = np.array([probabilities[labels == j, j].mean() for j in range(k)])
    sure = np.where(probabilities >= threshold, probabilities, -1.0)
    guess, counted = sure.argmax(axis=1), sure.max(axis=1) >= 0
    count = np.zeros((k, k))
    np.add.at(count, (labels[counted], guess[counted]), 1)
    given = np.bincount(labels, minlength=k)
    joint = count / np.maximum(count.sum(axis=1, keepdims=True), 1) * given[:, None]
    return joint / joint.sum()


def error_rates(probabilities, labels):
    """Return shares of wrong labels: all three classes, each class, and usable or not."""
    joint = confident_joint(probabilities, labels)
    usable = np.stack([probabilities[:, 0], probabilities[:, 1:].sum(axis=1)], axis=1)
    two = confident_joint(usable, (labels > 0).astype(int))
    return {"all": 1 - np.trace(joint), **{
        name: 1 - joint[k, k] / joint[k].sum() for k, name in enumerate(QUALITY)},
        "usable or not": 1 - np.trace(two)}


def with_intervals(probabilities, labels, groups, n=200, seed=0):
    """Return each rate with its 68% interval, plates drawn with replacement."""
    rng = np.random.default_rng(seed)
    names, number = np.unique(groups, return_inverse=True)
    places = [np.flatnonzero(number == k) for k in range(len(names))]
    drawn = []
    for _ in range(n):
        some = np.concatenate([places[k] for k in rng.integers(len(names), size=len(names))])
        drawn.append(error_rates(probabilities[some], labels[some]))
    return {name: (float(value), *(float(edge) for edge in np.percentile(
        [one[name] for one in drawn], [16, 84])))
        for name, value in error_rates(probabilities, labels).items()}


def expert_agreement(n=2000, seed=0):
    """Return how often the expert agrees with himself on galaxies observed twice."""
    labels = load_labels()
    pairs = np.array([[[labels[name, part][1] for part in ("stellar", "gas")] for name in pair]
                      for pair in load_repeats() if all((name, "gas") in labels
                                                        for name in pair)])
    rng = np.random.default_rng(seed)

    def values(some):
        first, second = (some[:, k].ravel() for k in range(2))
        same = np.mean((first > 0) == (second > 0))
        # both labels are wrong with one chance, independently
        wrong = (1 - np.sqrt(max(2 * same - 1, 0))) / 2
        return {"usable or not": same, "kappa": cohen_kappa(first > 0, second > 0),
                "three classes": np.mean(first == second), "label error": wrong,
                "ceiling of accuracy": 1 - wrong}

    drawn = [values(pairs[rng.integers(len(pairs), size=len(pairs))]) for _ in range(n)]
    return len(pairs), {name: (float(value), *(float(edge) for edge in np.percentile(
        [one[name] for one in drawn], [16, 84]))) for name, value in values(pairs).items()}


def show(title, rows):
    print(f"\n{title} (68% interval)")
    for name, (value, low, high) in rows.items():
        print(f"  {name:20s} {value:.3f} ({low:.3f} to {high:.3f})")


def main():
    parser = argparse.ArgumentParser(description="Noise of the expert's labels")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--work", type=Path, help="folder for the result of each fold")
    parser.add_argument("--out", type=Path, help="JSON file for all numbers")
    args = parser.parse_args()
    n_pairs, expert = expert_agreement()
    show(f"the expert on {n_pairs} galaxies observed twice", expert)
    dataset = load_dataset(data_folder() / "manga_mpl8")
    # test plates stay unseen
    kept = np.flatnonzero(dataset.sides != "test")
    dataset.lattices, dataset.labels = dataset.take(kept)
    dataset.ids, dataset.groups, dataset.sides = (
        values[kept] for values in (dataset.ids, dataset.groups, dataset.sides))
    logits, galaxy, component = out_of_fold(dataset, args.folds, args.epochs, args.work)
    quality = dataset.labels.quality[galaxy, component]
    known = quality >= 0
    logits, galaxy, component, quality = (
        values[known] for values in (logits, galaxy, component, quality))
    paired = np.ones(len(quality), bool)
    calibration = Calibration.fit(logits, quality, component, paired)
    chance = calibration.probabilities(logits, component, paired)
    found = {"expert": expert, "folds": args.folds, "epochs": args.epochs,
             "fields": len(quality), "confident_learning": {}}
    found["accuracy"] = float(np.mean((chance[:, 0] < 0.5) == (quality > 0)))
    print(f"\n{len(quality)} fields; out-of-fold accuracy, usable or not: "
          f"{found['accuracy']:.3f}")
    for name, chosen in (("both", slice(None)), ("stars", component == 0),
                         ("gas", component == 1)):
        rates = with_intervals(chance[chosen], quality[chosen],
                               dataset.groups[galaxy[chosen]])
        found["confident_learning"][name] = rates
        show(f"confident learning, share of labels that are wrong, {name}", rates)
    if args.out:
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
