"""
How good the classifier is, on plates that neither training nor any choice has seen.

    python benchmarks/bench_classifier.py                     validation plates
    python benchmarks/bench_classifier.py --side test --out card.json

Every field is seen twice: beside its partner (pair) and alone (single). Intervals hold 68% of
1,000 draws of whole plates. Needs the labelled maps (see real_maps.py).
"""

import argparse
import json
from collections import Counter

import numpy as np
from real_maps import data_folder

from kinmis.classifier import Classifier
from kinmis.classifier.dataset import load_dataset
from kinmis.classifier.evaluation import measures, predict_cases
from kinmis.classifier.metrics import bootstrap, calibration_error
from kinmis.classifier.training_run import head_precision

DRAWS = 1000
CASES = (("pair", True), ("single", False))
COMPONENTS = ("stellar", "gas")
BINS = 15


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=("validation", "test"), default="validation")
    parser.add_argument("--model", help="folder of a model (default: the one of the package)")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--out", help="JSON file to write everything to")
    args = parser.parse_args()
    model = Classifier.load(args.model)
    dataset = load_dataset(data_folder() / "manga_mpl8")
    report = {"side": args.side, **evaluate(model, dataset, args.side, args.draws)}
    show(report)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")


def evaluate(model, dataset, side, draws=DRAWS):
    """Return everything that is measured, as plain values."""
    chosen = np.flatnonzero(dataset.sides == side)
    lattices, labels = dataset.take(chosen)
    said = predict_cases(model, lattices)
    galaxy, component = said["galaxy"], said["component"]
    quality = labels.quality[galaxy, component]
    known = quality >= 0
    groups = dataset.groups[chosen][galaxy]
    fibres = np.array([int(name.split("-")[1][:-2]) for name in dataset.ids[chosen]])[galaxy]
    report = {"model": model.id, "sha256": model.info["sha256"], "galaxies": len(chosen),
              "plates": len(set(dataset.groups[chosen])), "measures": {}}
    for name, paired in CASES:
        rows = known & (said["paired"] == paired)
        p, q = said["probabilities"][rows], quality[rows]
        low, high = bootstrap(lambda index: list(measures(p[index], q[index]).values()),
                              groups[rows], draws)
        report["measures"][name] = {
            "fields": int(rows.sum()), **{key: [value, float(a), float(b)] for (key, value), a, b
                                          in zip(measures(p, q).items(), low, high)},
            "calibration_floor": floor(p), "majority": float(max(Counter(q > 0).values())
                                                             / len(q))}
    report["parts"] = {
        name: {part: measures(said["probabilities"][rows & inside], quality[rows & inside])
               | {"fields": int((rows & inside).sum())}
               for part, inside in parts(component, fibres).items()}
        for name, rows in ((name, known & (said["paired"] == paired))
                           for name, paired in CASES)}
    rows = known & said["paired"]
    p, q = said["probabilities"][rows], quality[rows]
    grade = (np.cumsum(p, axis=1)[:, :2] < 0.5).sum(axis=1)
    report["confusion"] = [[int(((q == i) & (grade == j)).sum()) for j in range(3)]
                           for i in range(3)]
    report["calibration"] = curve(p, q)
    report["risk_coverage"] = risk(p, q)
    report["ood_rate"] = {name: float(np.mean(said["ood_score"][said["paired"] == paired] > 1))
                          for name, paired in CASES}
    report["heads"] = {name: {"count": count, "rate": rate, "precision": precision,
                              "used": name in model.info["heads"]}
                       for name, (count, rate, precision)
                       in head_precision(said, labels).items()}
    report["repeats"] = repeats(model, dataset)
    return report


def parts(component, fibres):
    """Return the parts of the sample that are looked at by themselves."""
    found = {"stars": component == 0, "gas": component == 1}
    for size in (19, 37, 61, 91, 127):
        found[f"{size} fibres"] = fibres == size
    return found


def floor(p, draws=200):
    """Return the calibration error that labels drawn from the probabilities would show."""
    rng = np.random.default_rng(0)
    usable = 1 - p[:, 0]
    return float(np.mean([calibration_error(rng.random(len(p)) < usable, usable)
                          for _ in range(draws)]))


def curve(p, q):
    usable = 1 - p[:, 0]
    place = np.minimum((usable * BINS).astype(int), BINS - 1)
    return [{"said": float(usable[place == k].mean()), "true": float((q[place == k] > 0).mean()),
             "fields": int((place == k).sum())} for k in range(BINS) if (place == k).any()]


def risk(p, q):
    usable = 1 - p[:, 0]
    order = np.argsort(-np.abs(usable - 0.5), kind="stable")
    right = ((usable > 0.5) == (q > 0))[order]
    return [{"coverage": fraction, "accuracy": float(right[:round(fraction * len(q))].mean()),
             "confidence": float(np.maximum(usable, 1 - usable)[order]
                                 [round(fraction * len(q)) - 1])}
            for fraction in np.round(np.arange(0.1, 1.01, 0.05), 2).tolist()]


def repeats(model, dataset):
    """Return how often expert and model agree with themselves on galaxies observed twice."""
    place = {name: k for k, name in enumerate(dataset.ids)}
    pairs = [(place[a], place[b]) for a, b in dataset.repeats if a in place and b in place]
    found = {}
    for name, chosen in (("all", pairs), ("not trained on", [
            pair for pair in pairs if dataset.sides[pair[0]] != "train"])):
        if not chosen:
            continue
        said = [model.predict([dataset.lattices[pair[k]] for pair in chosen])["probabilities"]
                for k in (0, 1)]
        labels = [dataset.labels.quality[[pair[k] for pair in chosen]] for k in (0, 1)]
        known = (labels[0] >= 0) & (labels[1] >= 0)
        graded = [(np.cumsum(one, axis=-1)[..., :2] < 0.5).sum(axis=-1) for one in said]
        found[name] = {
            "fields": int(known.sum()),
            "expert_usable": agreement(labels[0] > 0, labels[1] > 0, known),
            "expert_three": agreement(*labels, known),
            "model_usable": agreement(graded[0] > 0, graded[1] > 0, known),
            "model_three": agreement(*graded, known)}
    return found


def agreement(first, second, known):
    return float(np.mean((first == second)[known]))


def show(report):
    """Print the tables."""
    print(f"{report['model']}, {report['side']} plates: {report['galaxies']} galaxies, "
          f"{report['plates']} groups of plates\n")
    names = [name for name in report["measures"]["pair"]
             if name not in ("fields", "calibration_floor", "majority")]
    print(f"{'':20s} {'pair':>22s} {'single':>22s}")
    for name in names:
        cells = ["{:.3f} ({:.3f}-{:.3f})".format(*report["measures"][case][name])
                 for case, _ in CASES]
        print(f"{name:20s} {cells[0]:>22s} {cells[1]:>22s}")
    for name in ("fields", "majority", "calibration_floor"):
        cells = ["{:.4g}".format(report["measures"][case][name]) for case, _ in CASES]
        print(f"{name:20s} {cells[0]:>22s} {cells[1]:>22s}")
    for case, _ in CASES:
        print(f"\n{case + ':':12s} fields accuracy  AUC  surest71 three   ECE")
        for part, values in report["parts"][case].items():
            print(f"{part:12s} {values['fields']:6d}  {values['accuracy']:.3f}  "
                  f"{values['roc_auc']:.3f}  {values['surest_71']:.3f}  "
                  f"{values['three_classes']:.3f}  {values['calibration_error']:.3f}")
    print("\nexpert (rows) against model, pairs:")
    for quality, row in enumerate(report["confusion"]):
        print(f"  {quality}  " + " ".join(f"{count:5d}" for count in row))
    print("\nsaid / true / fields:")
    for one in report["calibration"]:
        print(f"  {one['said']:.3f} {one['true']:.3f} {one['fields']:5d}")
    print("\nhead, true ones, share, average precision:")
    for name, one in report["heads"].items():
        print(f"  {name:30s} {one['count']:4d} {one['rate']:.3f} {one['precision']:.3f} "
              f"{'in use' if one['used'] else 'off'}")
    print("\ncalled out of distribution: " + ", ".join(
        f"{case} {rate:.3f}" for case, rate in report["ood_rate"].items()))
    for name, one in report["repeats"].items():
        print(f"observed twice ({name}, {one['fields']} fields): usable or not, expert "
              f"{one['expert_usable']:.3f}, model {one['model_usable']:.3f}; three classes "
              f"{one['expert_three']:.3f}, {one['model_three']:.3f}")


if __name__ == "__main__":
    main()
