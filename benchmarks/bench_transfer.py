"""
How far the classifier carries: MaNGA galaxies through other surveys' eyes, nonsense, real files.

    python benchmarks/bench_transfer.py [--side validation] [--part 1] [--model FOLDER] [--out FILE]
                                        [--pictures FOLDER]

Galaxies of one side of the split are changed to what other surveys would have seen (see
``survey_eyes.py``) and classified, each field beside its partner and alone. Labels are those of the
original maps. Intervals (68%) are from drawing plates with replacement. Then come kinds of
nonsense (``nonsense.py``), and the real files of the folder ``ifu`` of the shared data, one by one.
Needs ``pip install "kinmis[classifier]"``.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from nonsense import KINDS, make_nonsense
from real_maps import data_folder, load_labels, load_maps, load_repeats
from survey_eyes import EYES

from kinmis import Galaxy
from kinmis.classifier import Classifier
from kinmis.classifier.evaluation import predict_cases
from kinmis.classifier.metrics import bootstrap, calibration_error, roc_auc
from kinmis.classifier.prepare import prepare
from kinmis.classifier.split import plate_groups, split_of
from kinmis.exceptions import ReaderWarning


def galaxies_of(side, part=1.0):
    """Return galaxies of a side of the split, their qualities (n, 2) and groups of plates."""
    maps, labels = load_maps(), load_labels()
    pairs = [(maps[i], maps[i + 1]) for i in range(0, len(maps), 2)]
    groups = plate_groups([stars.id for stars, _ in pairs], load_repeats())
    kept = np.flatnonzero(split_of(groups) == side)
    kept = kept[np.isin(groups[kept], np.unique(groups[kept])[::max(round(1 / part), 1)])]
    quality = np.array([[labels[pairs[k][0].id, name][1] for name in ("stellar", "gas")]
                        for k in kept])
    quality[~np.isin(quality, (0, 1, 2))] = -1
    return [Galaxy(*pairs[k]) for k in kept], quality, groups[kept]


def seen(galaxies, eye, seed=0):
    """Return lattices of galaxies through an eye, and which galaxies are left."""
    lattices, left = [], []
    for number, galaxy in enumerate(galaxies):
        changed = eye(galaxy, np.random.default_rng((seed, number)))
        lattice = None if changed is None else prepare(changed).lattice
        if lattice is not None:
            lattices.append(lattice)
            left.append(number)
    return lattices, np.array(left)


def describe(said, truth, groups):
    """Return measures of usable or not, with intervals, and the share out of distribution."""
    usable = said["probabilities"][:, 1:].sum(axis=1)

    def values(index):
        right, chance = truth[index] > 0, usable[index]
        return np.array([np.mean((chance > 0.5) == right), roc_auc(right, chance),
                         calibration_error(right, chance)])

    low, high = bootstrap(values, groups, n=300)
    odd = said["ood_score"] > 1
    row = {"fields": len(truth), "ood_rate": float(odd.mean()),
           "ood_rate_usable": float(odd[truth > 0].mean())}
    for k, name in enumerate(("accuracy", "roc_auc", "calibration_error")):
        row[name] = float(values(np.arange(len(truth)))[k])
        row[f"{name}_interval"] = [float(low[k]), float(high[k])]
    return row


def transfer(model, galaxies, quality, groups, eyes):
    """Yield name, meaning and rows (pair, single, gas of pairs) of each eye."""
    for name in eyes:
        lattices, left = seen(galaxies, EYES[name])
        said = predict_cases(model, lattices)
        galaxy = left[said["galaxy"]]
        truth = quality[galaxy, said["component"]]
        rows = {}
        for case, chosen in (("pair", said["paired"]), ("single", ~said["paired"])):
            chosen = chosen & (truth >= 0)
            if chosen.any():
                rows[case] = describe({key: value[chosen] for key, value in said.items()},
                                      truth[chosen], groups[galaxy[chosen]])
        yield name, EYES[name].__doc__.strip(), rows


LINE = ("{:15s} {:7s} {:>6d}  {:.3f} ({:+.1f})  {:.3f}  {:.4f} ({:+.4f})  {:.3f}   "
        "{:5.1f}% ({:.1f}%)")


def show(name, rows, base):
    """Print the rows of an eye, with the difference from the plain ones."""
    for case, row in rows.items():
        high, low = row["accuracy_interval"][1], row["accuracy_interval"][0]
        print(LINE.format(
            name, case, row["fields"], row["accuracy"],
            100 * (row["accuracy"] - base[case]["accuracy"]), (high - low) / 2, row["roc_auc"],
            row["roc_auc"] - base[case]["roc_auc"], row["calibration_error"],
            100 * row["ood_rate"], 100 * row["ood_rate_usable"]), flush=True)


def nonsense_rows(model, n):
    """Yield kinds of nonsense, as single fields and as pairs, and the share that is flagged."""
    for kind in KINDS:
        for pairs in (False, True):
            results = model.classify(make_nonsense(kind, n, pairs=pairs))
            flagged = [one.out_of_distribution for result in results
                       for one in (result.fields.values() if pairs else [result])]
            yield {"kind": kind.replace("_", " "), "seen": "pair" if pairs else "single",
                   "meaning": KINDS[kind].__doc__.strip(), "fields": len(flagged),
                   "flagged": float(np.mean(flagged))}


def real_rows(model, folder, pictures=None):
    """Yield name and classification of each real galaxy."""
    from bench_real_files import galaxies, measured
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReaderWarning)
        for source in (galaxies(folder), measured(folder)):
            for name, galaxy in source:
                galaxy = galaxy.clean()
                yield name, galaxy, model.classify(galaxy)


def contact_sheet(entries, path):
    """Draw every field with its verdict."""
    from matplotlib.figure import Figure
    panels = [(name, part, galaxy.fields[part], result.fields[part])
              for name, galaxy, result in entries for part in galaxy.fields]
    columns = 6
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(2.3 * columns, 2.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat[len(panels):]:
        axis.set_visible(False)
    for axis, (name, part, field, one) in zip(axes.flat, panels):
        good = ~field.mask
        velocity = field.data[good] - np.median(field.data[good])
        reach = np.percentile(np.abs(velocity), 95)
        axis.scatter(field.east.value[good], field.north.value[good], c=velocity, s=4,
                     cmap="RdBu_r", vmin=-reach, vmax=reach, marker="s")
        axis.set(aspect="equal", xticks=[], yticks=[])
        axis.invert_xaxis()
        axis.set_title(f"{name[:26]}\n{part}: {one.quality}, P {one.usable:.2f}, "
                       f"score {one.ood_score:.2f}", size=7)
    figure.savefig(path, dpi=75)


def main():
    parser = argparse.ArgumentParser(description="Transfer suite of the classifier")
    parser.add_argument("--side", choices=("validation", "test"), default="validation",
                        help="side of the split (test only once all choices are made)")
    parser.add_argument("--part", type=float, default=1.0, help="share of the plates")
    parser.add_argument("--eyes", nargs="+", choices=list(EYES), default=list(EYES))
    parser.add_argument("--nonsense", type=int, default=150, help="number of each kind")
    parser.add_argument("--model", type=Path, help="folder, by default the shipped model")
    parser.add_argument("--out", type=Path, help="JSON file for all numbers")
    parser.add_argument("--pictures", type=Path, help="folder for pictures")
    args = parser.parse_args()
    model = Classifier.load(args.model)
    found = {"model": model.id, "side": args.side, "cases": [], "nonsense": [], "files": []}
    galaxies, quality, groups = galaxies_of(args.side, args.part)
    print(f"{model.id}; {len(galaxies)} galaxies of {len(np.unique(groups))} groups of plates, "
          f"{args.side}\n{'eye':15s} case    fields accuracy (points) +-  AUC (change)      "
          "ECE     unlike training (usable ones)")
    start = time.perf_counter()
    base = None
    for name, meaning, rows in transfer(model, galaxies, quality, groups,
                                        ["plain", *(x for x in args.eyes if x != "plain")]):
        base = rows if base is None else base
        found["cases"] += [{"case": f"{meaning.rstrip('.')}{', alone' * (seen_as == 'single')}",
                            "eye": name, "seen": seen_as, **row} for seen_as, row in rows.items()]
        show(name, rows, base)
    print(f"{time.perf_counter() - start:.0f} s\n\nnonsense         seen    flagged")
    for row in nonsense_rows(model, args.nonsense):
        found["nonsense"].append(row)
        print(f"{row['kind']:16s} {row['seen']:6s}  {row['flagged']:.3f}", flush=True)
    print("\nreal files")
    entries = list(real_rows(model, data_folder() / "ifu"))
    for name, _, result in entries:
        for part, one in result.fields.items():
            found["files"].append({
                "name": name, "component": part, "quality": one.quality,
                "probabilities": one.probabilities.tolist(), "ood_score": one.ood_score})
            print(f"{name[:50]:50s} {part:8s} quality {one.quality}  "
                  f"P {' '.join(f'{p:.2f}' for p in one.probabilities)}  "
                  f"score {one.ood_score:.2f}{' unlike training' * one.out_of_distribution}")
    if args.out:
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
        contact_sheet(entries, args.pictures / "real_files.png")


if __name__ == "__main__":
    main()
