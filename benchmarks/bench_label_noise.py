"""
How many of the expert's labels are wrong, and what that means for the best possible accuracy.

    python benchmarks/bench_label_noise.py --out label_noise.json

Networks are trained on all but a part of the plates of training and validation, and say what they
think of the part that is left out: so each field is judged by a network that never saw its plate.
Confident learning (Northcutt et al. 2021, JAIR 70, 1373) estimates from that the joint
distribution of given and true labels. Beside it, how often the expert repeats himself on galaxies
observed twice, and the rate of errors that this would mean. Needs the labelled maps (see
real_maps.py).
"""

import argparse
import json
from dataclasses import replace

import numpy as np
from bench_ablation import look
from real_maps import data_folder

from kinmis.classifier.backend import weights_of
from kinmis.classifier.calibration import Calibration
from kinmis.classifier.dataset import load_dataset
from kinmis.classifier.ensemble import Ensemble
from kinmis.classifier.metrics import bootstrap
from kinmis.classifier.training import TrainingConfig, train_member


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", help="JSON file to write to")
    args = parser.parse_args()
    dataset = load_dataset(data_folder() / "manga_mpl8")
    probabilities, quality, groups = out_of_fold(
        dataset, args.folds, replace(TrainingConfig(), epochs=args.epochs))
    report = {"folds": args.folds, "epochs": args.epochs, "fields": len(quality), "noise": {}}
    for name, chances, label in (("usable", merge(probabilities), (quality > 0).astype(int)),
                                 ("three", probabilities, quality)):
        joint = confident_joint(chances, label)
        low, high = bootstrap(lambda i: 1 - np.trace(confident_joint(chances[i], label[i])),
                              groups, 300)
        report["noise"][name] = float(1 - np.trace(joint))
        report["noise"][f"{name}_interval"] = [float(low), float(high)]
        report["noise"][f"{name}_joint"] = joint.tolist()
        print(f"{name}: {1 - np.trace(joint):.3f} ({low:.3f}-{high:.3f}) of the labels wrong; "
              "given (rows) and true:")
        for row in joint:
            print("   " + " ".join(f"{value:.3f}" for value in row))
    report["repeats"] = repeats(dataset)
    print(f"expert on {report['repeats']['fields']} fields observed twice: usable or not alike "
          f"in {report['repeats']['agreement']:.3f}, an error rate of at most "
          f"{report['repeats']['error']:.3f}")
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")


def out_of_fold(dataset, folds, config):
    """Return calibrated probabilities of fields from networks that never saw their plates."""
    names = np.unique(dataset.groups[dataset.sides != "test"])
    fold = dict(zip(np.random.default_rng(config.seed).permutation(names),
                    np.arange(len(names)) % folds))
    place = np.array([fold.get(group, -1) for group in dataset.groups])
    parts = []
    for k in range(folds):
        held = np.flatnonzero(place == k)
        network = train_member(*dataset.take((place >= 0) & (place != k)),
                               config.with_seed(config.seed + k))
        ensemble = Ensemble(config.network, config.inputs, [weights_of(network)])
        logits, galaxy, component = look(ensemble, dataset.take(held)[0])
        parts.append((logits, held[galaxy], component))
    logits, galaxy, component = map(np.concatenate, zip(*parts))
    quality = dataset.labels.quality[galaxy, component]
    known = quality >= 0
    logits, galaxy, component, quality = (
        values[known] for values in (logits, galaxy, component, quality))
    paired = np.array([dataset.lattices[i].present.all() for i in galaxy])
    fitted = Calibration.fit(logits, quality, component, paired)
    return fitted.probabilities(logits, component, paired), quality, dataset.groups[galaxy]


def merge(probabilities):
    """Return the probabilities of not usable and usable."""
    return np.stack([probabilities[:, 0], 1 - probabilities[:, 0]], axis=1)


def confident_joint(probabilities, label):
    """
    Return the estimated joint distribution of given (rows) and true labels.

    A field counts as truly of a class if the probability of that class reaches the mean that
    it has among fields with that label; of several such classes, the most probable one.
    """
    n = probabilities.shape[1]
    counts = np.bincount(label, minlength=n)
    threshold = np.array([probabilities[label == k, k].mean() if counts[k] else np.inf
                          for k in range(n)])
    confident = np.where(probabilities >= threshold, probabilities, -1)
    true, sure = confident.argmax(axis=1), confident.max(axis=1) >= 0
    joint = np.zeros((n, n))
    np.add.at(joint, (label[sure], true[sure]), 1)
    # each row is scaled to the number of fields with that label
    joint *= (counts / np.maximum(joint.sum(axis=1), 1))[:, None]
    return joint / joint.sum()


def repeats(dataset):
    """Return how often the expert said the same of a field observed twice."""
    place = {name: k for k, name in enumerate(dataset.ids)}
    pairs = np.array([(place[a], place[b]) for a, b in dataset.repeats
                      if a in place and b in place])
    first, second = dataset.labels.quality[pairs[:, 0]], dataset.labels.quality[pairs[:, 1]]
    known = (first >= 0) & (second >= 0)
    agreement = float(np.mean(((first > 0) == (second > 0))[known]))
    # two labels agree if both are right or both wrong: a = 1 - 2 e (1 - e)
    error = float((1 - np.sqrt(max(2 * agreement - 1, 0))) / 2)
    return {"fields": int(known.sum()), "agreement": agreement, "error": error,
            "best": 1 - error, "three": float(np.mean((first == second)[known]))}


if __name__ == "__main__":
    main()
