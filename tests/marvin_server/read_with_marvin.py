"""
What kinmis and the package marvin itself read, in the environment of the latter.

    python read_with_marvin.py URL FOLDER PLATEIFU RELEASE [PLATEIFU RELEASE ...]

Galaxies of each of the ways are written to the folder, named PLATEIFU-WAY.fits; raw maps, as the
package gives them, to PLATEIFU-raw.npz.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

from kinmis import Galaxy

with warnings.catch_warnings():
    warnings.simplefilter("ignore")     # of the package's old dependencies
    from marvin import config
    from marvin.tools.maps import Maps


def raw(maps):
    """Return maps of the package, untouched."""
    arrays = {}
    for name, channel in (("stellar_vel", None), ("emline_gvel", "ha_6564")):
        found = maps.getMap(name, channel=channel)
        arrays |= {name: found.value, f"{name}_ivar": found.ivar, f"{name}_mask": found.mask}
    return arrays


def main(url, folder, *galaxies):
    folder = Path(folder)
    config.sasurl = url
    facts = {"numpy": np.__version__}
    for plateifu, release in zip(galaxies[::2], galaxies[1::2]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            remote = Maps(plateifu=plateifu, release=release, mode="remote")
            maps = raw(remote)
        np.savez(folder / f"{plateifu}-raw.npz", **maps)
        ways = {
            "object": Galaxy.read(remote),
            "package": Galaxy.from_marvin(plateifu, release=release, access="package"),
            "api": Galaxy.from_marvin(plateifu, release=release, access="api", base_url=url)}
        for way, galaxy in ways.items():
            galaxy.write(folder / f"{plateifu}-{way}.fits")
        facts[plateifu] = {"origin": remote.data_origin,
                           "package": ways["package"].meta["source"]}
    (folder / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
