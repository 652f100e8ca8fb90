"""Real MaNGA maps with expert labels, for the benchmarks; see their README for what they are."""

import csv
import os
from pathlib import Path

from kinmis.classifier.packed import PackedMaps

QUALITY = {0: "do not use", 1: "messy", 2: "clean"}


def data_folder():
    """Return the folder of shared data: KINMIS_TEST_DATA, or beside the checkout."""
    asked = os.environ.get("KINMIS_TEST_DATA")
    folder = Path(asked) if asked else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "manga_mpl8").is_dir():
        raise SystemExit(f"no manga_mpl8 in {folder}: set KINMIS_TEST_DATA to the shared data")
    return folder


def load_maps():
    """Return all maps as fields: of each galaxy the stars, then the gas."""
    return list(PackedMaps(data_folder() / "manga_mpl8" / "velocity_maps.npz"))


def load_labels():
    """Return the published angles and qualities as (id, component) -> (angle, quality)."""
    labels = {}
    with open(data_folder() / "manga_mpl8" / "labels.csv", newline="") as file:
        for row in csv.DictReader(file):
            for component, angle, quality in (("stellar", "stellar_pa", "stel_qual"),
                                              ("gas", "halpha_pa", "halpha_qual")):
                labels[row["plateifu"], component] = float(row[angle]), int(row[quality])
    return labels


def load_repeats():
    """Return pairs of ids of galaxies that were observed twice."""
    with open(data_folder() / "manga_mpl8" / "repeats.csv", newline="") as file:
        return [(row["plateifu"], row["repeat"]) for row in csv.DictReader(file)]
