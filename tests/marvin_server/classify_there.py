"""
Classify a galaxy from a server, in an environment with old numpy, JAX and Keras.

    python classify_there.py URL PLATEIFU
"""

import json
import sys
from importlib.metadata import version

from kinmis import VelocityField


def main(url, plateifu):
    result = VelocityField.from_marvin(plateifu, base_url=url).classify()
    versions = {name: version(name) for name in ("numpy", "keras", "jax", "sdss-marvin")}
    print(json.dumps({"versions": versions, "quality": result.quality, "model": result.model,
                      "probabilities": [float(item) for item in result.probabilities],
                      "usable": float(result.usable), "ood_score": float(result.ood_score)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
