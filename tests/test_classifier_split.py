"""The split by plate: fixed by a hash, with plates of one galaxy on one side."""

import csv

import numpy as np
import pytest

from kinmis.classifier.split import SPLITS, plate_groups, split_of

PINNED = {side: plates.split() for side, plates in {
    "train": "7495 7815 7957 7958 8078 8553 8934 9027 9485", "validation": "7443",
    "test": "8135 8485"}.items()}


def test_split_of_known_plates_never_changes():
    for side, plates in PINNED.items():
        assert split_of(plates).tolist() == [side] * len(plates)


def test_shares():
    sides = split_of([str(plate) for plate in range(7000, 17000)])
    for side, share in SPLITS.items():
        assert np.mean(sides == side) == pytest.approx(share, abs=0.015)
    assert sum(SPLITS.values()) == pytest.approx(1)


def test_split_depends_on_nothing_else():
    names = [str(plate) for plate in range(7000, 7400)]
    sides = dict(zip(names, split_of(names)))
    order = np.random.default_rng(1).permutation(names)[:100]
    assert [sides[name] for name in order] == split_of(order).tolist()


def test_plates_of_a_galaxy_stay_together():
    ids = ["7000-1901", "7000-1902", "7001-3702", "7002-3702", "7003-3702", "ngc42"]
    groups = plate_groups(ids, [("7001-3702", "7000-1902"), ("7002-3702", "7001-3702")])
    assert groups.tolist() == ["7000", "7000", "7000", "7000", "7003", "ngc42"]
    # the order of the pairs does not matter, nor do observations that are not in the set
    other = plate_groups(ids, [("7001-3702", "7002-3702"), ("7000-1902", "7001-3702"),
                               ("1-1", "7003-3702")])
    assert np.array_equal(groups, other)


def test_real_set(shared_data):
    folder = shared_data / "manga_mpl8"
    with open(folder / "labels.csv", newline="") as file:
        ids = [row["plateifu"] for row in csv.DictReader(file)]
    with open(folder / "repeats.csv", newline="") as file:
        repeats = [(row["plateifu"], row["repeat"]) for row in csv.DictReader(file)]
    sides = split_of(plate_groups(ids, repeats))
    of_plate = {}
    for name, side in zip(ids, sides):
        of_plate.setdefault(name.split("-")[0], set()).add(side)
    assert all(len(found) == 1 for found in of_plate.values())
    side_of = dict(zip(ids, sides))
    assert all(side_of[first] == side_of[second] for first, second in repeats)
    counts = {side: int(np.count_nonzero(sides == side)) for side in SPLITS}
    assert sum(counts.values()) == 5200
    assert counts["test"] > 500 and counts["validation"] > 500
