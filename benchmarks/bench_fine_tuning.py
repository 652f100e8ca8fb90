"""
What fine-tuning gains: accuracy, AUC and calibration against the number of labels.

    python benchmarks/bench_fine_tuning.py [--side validation] [--eye NAME] [--draws 5] [--epochs 0]
                                           [--out FILE] [--picture FILE]

Galaxies as another survey would see them (``survey_eyes.py``): labels of some validation plates
teach the model, and other plates, of the side that is asked for, tell what it gained. Each draw
takes other galaxies to learn from. Needs ``pip install "kinmis[classifier]"``.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from bench_transfer import galaxies_of
from survey_eyes import EYES

from kinmis.classifier import Classifier, fine_tune
from kinmis.classifier.evaluation import measures, predict_cases
from kinmis.classifier.prepare import prepare

NUMBERS = (50, 100, 200, 300)
SHOWN = ("accuracy", "roc_auc", "calibration_error", "log_loss")


def sides(side, eye, part, seed=0):
    """Return galaxies to learn from and to test on, through an eye, with their labels."""
    galaxies, quality, groups = galaxies_of("validation")
    if side == "test":
        tested = galaxies_of("test", part)
    else:
        names = np.random.default_rng(seed).permutation(np.unique(groups))
        out = np.isin(groups, names[:len(names) // 2])
        tested = ([one for one, there in zip(galaxies, out) if there], quality[out], groups[out])
        galaxies = [one for one, there in zip(galaxies, out) if not there]
        quality = quality[~out]
        some = np.isin(tested[2], np.unique(tested[2])[::max(round(1 / part), 1)])
        tested = ([one for one, there in zip(tested[0], some) if there], tested[1][some])
    found = []
    for many, labels in ((galaxies, quality), tested[:2]):
        changed = [EYES[eye](galaxy, np.random.default_rng((seed, k)))
                   for k, galaxy in enumerate(many)]
        kept = [k for k, galaxy in enumerate(changed) if galaxy is not None]
        found.append(([changed[k] for k in kept], labels[kept]))
    return found


def judged(model, lattices, quality):
    """Return measures of a model on galaxies, fields seen as pairs and single, and flags."""
    said = predict_cases(model, lattices)
    truth = quality[said["galaxy"], said["component"]]
    known = truth >= 0
    values = measures(said["probabilities"][known], truth[known])
    return {**{name: values[name] for name in SHOWN},
            "out_of_distribution": float(np.mean(said["ood_score"][known] > 1))}


def draw(found, path):
    """Draw each measure against the number of labels, with the scatter of the draws."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(11, 2.8), layout="constrained")
    axes = figure.subplots(1, 4)
    words = ("accuracy, usable or not", "ROC AUC", "calibration error", "log loss")
    for axis, name, title in zip(axes, SHOWN, words):
        numbers = [0, *map(int, found["labels"])]
        values = [[found["before"][name]], *([row[name] for row in rows]
                                             for rows in found["labels"].values())]
        axis.axhline(found["before"][name], color="0.7", lw=1, zorder=0)
        for number, some in zip(numbers, values):
            axis.plot([number] * len(some), some, ".", color="0.5", ms=4)
        axis.plot(numbers, [np.mean(some) for some in values], "o-", color="C0")
        axis.set(xlabel="labels", title=title)
    figure.suptitle(f"{found['eye'].replace('_', ' ')}: {found['fields']} held-out fields")
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description="Gain from fine-tuning")
    parser.add_argument("--side", choices=("validation", "test"), default="validation")
    parser.add_argument("--eye", choices=list(EYES), default="holes")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--numbers", type=int, nargs="+", default=list(NUMBERS))
    parser.add_argument("--epochs", type=int, default=0,
                        help="of training all weights, where it is tried; 0 leaves it out")
    parser.add_argument("--part", type=float, default=1.0, help="share of the tested plates")
    parser.add_argument("--model", type=Path, help="folder, by default the shipped model")
    parser.add_argument("--out", type=Path, help="JSON file for all numbers")
    parser.add_argument("--picture", type=Path)
    args = parser.parse_args()
    model = Classifier.load(args.model)
    (galaxies, quality), (others, truth) = sides(args.side, args.eye, args.part)
    lattices = [prepare(galaxy).lattice for galaxy in others]
    truth = truth[[k for k, lattice in enumerate(lattices) if lattice is not None]]
    lattices = [lattice for lattice in lattices if lattice is not None]
    found = {"model": model.id, "side": args.side, "eye": args.eye, "labels": {},
             "fields": int(np.count_nonzero(truth >= 0)),
             "before": judged(model, lattices, truth)}
    print(f"{model.id}; {args.eye}: {EYES[args.eye].__doc__}\n{len(galaxies)} galaxies to learn "
          f"from, {len(lattices)} ({args.side}) to test on\nlabels  accuracy      AUC           "
          "ECE           log loss      unlike   changed", flush=True)
    print(f"{0:6d}  " + "  ".join(f"{found['before'][name]:.4f}      " for name in SHOWN)
          + f"  {100 * found['before']['out_of_distribution']:.1f}%", flush=True)
    for number in args.numbers:
        rows, methods = [], Counter()
        for k in range(args.draws):
            # two labels a galaxy
            few = np.random.default_rng((number, k)).permutation(len(galaxies))[:number // 2]
            tuned = fine_tune([galaxies[i] for i in few], quality[few], model=model,
                              held_out=0, epochs=args.epochs, seed=k)
            methods[tuned.method] += 1
            rows.append(judged(tuned.model, lattices, truth))
        found["labels"][number] = rows
        table = {name: [row[name] for row in rows] for name in rows[0]}
        cells = [f"{np.mean(table[name]):.4f}+-{np.std(table[name]):.3f}" for name in SHOWN]
        changed = ", ".join(f"{name} {count}" for name, count in methods.items())
        print(f"{number:6d}  {'  '.join(cells)}  "
              f"{100 * np.mean(table['out_of_distribution']):.1f}%     {changed}", flush=True)
    if args.out:
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if args.picture:
        draw(found, args.picture)


if __name__ == "__main__":
    main()
