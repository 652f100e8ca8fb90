"""
What each choice of the classifier's input, network and training does: validation plates.

    python benchmarks/bench_ablation.py --out ablation.json
    python benchmarks/bench_ablation.py --variants "no scalars" "48 pixels"

One network a variant, all with one seed and of one length, shorter than the shipped ones: the
differences count, not the values. Two seeds of the first variant tell what is chance. Needs the
labelled maps (see real_maps.py); a variant takes some minutes.
"""

import argparse
import json
from dataclasses import replace

import numpy as np
from real_maps import data_folder

from kinmis.classifier.augmentation import AugmentConfig
from kinmis.classifier.backend import weights_of
from kinmis.classifier.calibration import Calibration
from kinmis.classifier.dataset import load_dataset
from kinmis.classifier.ensemble import Ensemble
from kinmis.classifier.evaluation import alone, measures
from kinmis.classifier.inputs import InputConfig, as_rows, make_inputs
from kinmis.classifier.network import NetworkConfig
from kinmis.classifier.training import TrainingConfig, train_member

BASE = TrainingConfig(epochs=12)
GENTLE = AugmentConfig(crop=0, rebin=0, unbin=0, noise=0, drop=0)

VARIANTS = {
    "as shipped": BASE,
    "as shipped, another seed": replace(BASE, seed=2),
    "48 pixels": replace(BASE, inputs=InputConfig(size=48)),
    "no scalars": replace(BASE, inputs=InputConfig(scalars=())),
    "no number of bins": replace(BASE, inputs=InputConfig(scalars=("amplitude", "area"))),
    "no amplitude": replace(BASE, inputs=InputConfig(scalars=("bins", "area"))),
    "no footprint size": replace(BASE, inputs=InputConfig(scalars=("amplitude", "bins"))),
    "velocity over its rms": replace(BASE, inputs=InputConfig(normalise="rms")),
    "only turns, signs and lone fields": replace(BASE, augmentation=GENTLE),
    "twice as deep": replace(BASE, network=NetworkConfig(blocks=2)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--epochs", type=int, default=BASE.epochs)
    parser.add_argument("--out", help="JSON file; variants that it has already are not repeated")
    args = parser.parse_args()
    found = {}
    if args.out:
        try:
            with open(args.out, encoding="utf-8") as file:
                found = {one["variant"]: one for one in json.load(file)["variants"]}
        except FileNotFoundError:
            found = {}
    dataset = load_dataset(data_folder() / "manga_mpl8")
    sides = [dataset.take(dataset.sides == side) for side in ("train", "validation")]
    print(f"{'variant':36s} AUC pair, alone   log loss pair, alone", flush=True)
    for name in args.variants:
        if name not in found:
            found[name] = {"variant": name, **measure(replace(VARIANTS[name],
                                                              epochs=args.epochs), *sides)}
            if args.out:
                with open(args.out, "w", encoding="utf-8") as file:
                    json.dump({"epochs": args.epochs, "variants": list(found.values())}, file,
                              indent=1)
        one = found[name]
        print(f"{name:36s} {one['pair']['roc_auc']:.4f} {one['single']['roc_auc']:.4f}   "
              f"{one['pair']['log_loss']:.4f} {one['single']['log_loss']:.4f}", flush=True)


def measure(config, training, validation):
    """Return the measures of one network, calibrated, on the validation plates."""
    network = train_member(*training, config, progress=False)
    ensemble = Ensemble(config.network, config.inputs, [weights_of(network)])
    lattices, labels = validation
    found = {}
    for case, parts in (("pair", [lattices]),
                        ("single", [[alone(one, i) for one in lattices if one.present.all()]
                                    for i in range(2)])):
        said = [look(ensemble, part) for part in parts]
        logits = np.concatenate([one[0] for one in said])
        galaxy, component = (np.concatenate([one[k] for one in said]) for k in (1, 2))
        if case == "single":
            galaxy = np.flatnonzero([one.present.all() for one in lattices])[galaxy]
        quality = labels.quality[galaxy, component]
        known, paired = quality >= 0, np.full(len(galaxy), case == "pair")
        chosen = [value[known] for value in (component, paired)]
        fitted = Calibration.fit(logits[known], quality[known], *chosen)
        found[case] = measures(fitted.probabilities(logits[known], *chosen), quality[known])
    return found


def look(ensemble, lattices):
    """Return the logits of every field, and which it is."""
    rows, galaxy, component = as_rows(*make_inputs(lattices, ensemble.inputs))
    return ensemble.run(rows)["quality"].mean(axis=1), galaxy, component


if __name__ == "__main__":
    main()
