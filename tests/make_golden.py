"""
Write what the shipped model says of model galaxies: golden numbers for `test_classifier_golden`.

Run it after the model has changed:

    python tests/make_golden.py
"""

import json
from pathlib import Path

import numpy as np

from kinmis import Galaxy, VelocityField, mock
from kinmis.classifier import load_model
from kinmis.classifier.inputs import as_rows, make_inputs
from kinmis.classifier.prepare import prepare

PATH = Path(__file__).with_name("golden_classifier.json")


def cases():
    """Return the galaxies and fields, by name."""
    pair = mock.galaxy(40, 52, noise=8., bins=150, seed=1, id="pair")
    noise = mock.galaxy(40, noise=30., size=17., seed=2, gas={"v_max": 0., "noise": 60.})
    core = mock.velocity_field(200, core=150., size=27., noise=6., seed=3)
    east = mock.velocity_field(110, shape="circle", size=15., handedness="east", rotation=20.,
                               spaxel=1., component="gas", noise=15., seed=4)
    bins = mock.velocity_field(310, bins=90, noise=10., seed=5)
    number = np.unique(bins.bin_id[~bins.mask])
    of = [(bins.bin_id == k) & ~bins.mask for k in number]
    listed = VelocityField.from_arrays(
        np.array([bins.data[one].mean() for one in of]),
        east=np.array([bins.east.value[one].mean() for one in of]),
        north=np.array([bins.north.value[one].mean() for one in of]), component="stellar")
    return {"pair": pair, "gas is noise": noise, "core": core, "circle, coarse, turned": east,
            "list of bins": listed, "one of a pair": pair.stellar,
            "half of a pair": Galaxy(gas=pair.gas._replace(partner=None))}


def answers(model=None):
    """Return inputs in brief, and what the model says of them, as plain numbers by case."""
    model = load_model() if model is None else model
    found = {}
    for name, item in cases().items():
        lattice = prepare(item).lattice
        rows, _, component = as_rows(*make_inputs([lattice], model.ensemble.inputs))
        said = model.predict([lattice])
        found[name] = {
            # quarters of the images: enough to tell whether it is they that changed
            "inputs": [_quarters(image) for image in rows["images"]],
            "scalars": rows["scalars"].tolist(),
            **{key: said[key][0, component].tolist()
               for key in ("logits", "probabilities", "features", "ood_score")}}
    return found


def _quarters(image):
    size = len(image) // 2
    parts = image.reshape(2, size, 2, size, -1).mean(axis=(1, 3))
    return parts.reshape(4, -1).astype(float).tolist()


if __name__ == "__main__":
    text = json.dumps({"model": load_model().id, "cases": answers()})
    PATH.write_text(text.replace('}, "', '},\n"') + "\n", encoding="utf-8")
    print(f"{PATH}: {load_model().id}")
