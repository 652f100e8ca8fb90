"""Small sets of labelled galaxies, and small networks, for the tests of the classifier."""

import csv

import numpy as np

from kinmis import mock
from kinmis.classifier.inputs import InputConfig
from kinmis.classifier.network import NetworkConfig
from kinmis.classifier.split import plate_groups, split_of
from kinmis.classifier.training import TrainingConfig

COLUMNS = ("plateifu", "stel_qual", "stel_feature", "halpha_qual", "halpha_feature",
           "halpha_notes")


def tiny_config(**changes):
    """Return settings of a network that trains in a moment."""
    return TrainingConfig(**{
        "epochs": 3, "batch_size": 8, "inputs": InputConfig(size=16),
        "network": NetworkConfig(stem=4, widths=(6, 8), hidden=12), **changes})


def plates(**wanted):
    """Return numbers of plates that fall on the wanted sides of the split, such as train=3."""
    names = [str(number) for number in range(7000, 9000)]
    sides = split_of(plate_groups([f"{name}-1" for name in names]))
    return [name for side, count in wanted.items()
            for name in np.array(names)[sides == side][:count]]


def labelled_galaxies(names, seed=1):
    """Return galaxies and rows of labels: every third gas field is noise, and labelled so."""
    galaxies, rows = [], []
    for number, name in enumerate(names):
        bad = number % 3 == 0
        galaxies.append(mock.galaxy(
            40 * number % 360, noise=8., size=12., bins=40, binning="voronoi",
            seed=seed + number, id=str(name),
            gas={"v_max": 0., "noise": 60.} if bad else {}))
        rows.append((name, 2 - number % 2, number % 4, 0 if bad else 2, 0, 1 if bad else 0))
    return galaxies, rows


def write_labels(path, rows, columns=COLUMNS):
    """Write a label table."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def write_packed(folder, galaxies):
    """Write galaxies as a packed set of maps, columns running East."""
    entries = {name: [] for name in ("plateifu", "component", "ny", "nx", "x0", "dx", "y0", "dy")}
    values, bins = [], []
    for galaxy in galaxies:
        for component, field in galaxy.fields.items():
            flip = (slice(None), slice(None, None, -1))
            east, north = field.east.value[flip], field.north.value[flip]
            for key, value in (("plateifu", galaxy.id), ("component", component),
                               ("ny", field.shape[0]), ("nx", field.shape[1]),
                               ("x0", east[0, 0]), ("dx", east[0, 1] - east[0, 0]),
                               ("y0", north[0, 0]), ("dy", north[1, 0] - north[0, 0])):
                entries[key].append(value)
            values.append(np.where(field.mask, np.nan, field.data)[flip].ravel())
            bins.append(np.where(field.mask, -1, field.bin_id)[flip].ravel())
    np.savez(folder / "velocity_maps.npz", values=np.concatenate(values).astype(np.float32),
             bin_id=np.concatenate(bins).astype(np.int16),
             offset=np.cumsum([0, *map(len, values)]), **entries)


def write_set(folder, train=12, validation=6, test=1):
    """Write a labelled set with so many galaxies on each side of the split; return its names."""
    names = [f"{plate}-{ifu}" for plate in plates(train=train // 2, validation=validation // 2,
                                                  test=test) for ifu in (1901, 3702)]
    galaxies, rows = labelled_galaxies(names)
    folder.mkdir(parents=True, exist_ok=True)
    write_labels(folder / "labels.csv", rows)
    write_packed(folder, galaxies)
    return names


def tiny_model(members=1, size=16):
    """Return a model of small networks that know nothing, but answer."""
    from kinmis.classifier import Classifier
    from kinmis.classifier.backend import import_keras, weights_of
    from kinmis.classifier.calibration import Calibration
    from kinmis.classifier.ensemble import Ensemble
    from kinmis.classifier.network import build_network
    from kinmis.classifier.outliers import Outliers
    config = tiny_config(inputs=InputConfig(size=size))
    weights = []
    for seed in range(members):
        import_keras().utils.set_random_seed(seed)
        weights.append(weights_of(build_network(config.network, size, 4)))
    lattices = [lattice_of(galaxy) for galaxy in labelled_galaxies(range(12), seed=50)[0]]
    return Classifier(Ensemble(config.network, config.inputs, weights), Calibration(),
                      Outliers.fit(lattices[:8], lattices[8:], config.inputs),
                      {"name": "tiny", "version": "0", "heads": ["gas_warp", "gas_depletion"]})


def lattice_of(galaxy):
    """Return the lattice of a galaxy."""
    from kinmis.classifier.prepare import prepare
    return prepare(galaxy).lattice
