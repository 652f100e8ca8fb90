"""Real MaNGA maps with published angles: a part of what benchmarks/bench_published.py prints."""

import csv

import numpy as np
import pytest

from kinmis import VelocityField, fit_pa
from kinmis.position_angle.circular import angle_difference


@pytest.fixture(scope="module")
def clean_maps(shared_data):
    """Every eighth clean field and its published angle."""
    folder = shared_data / "manga_mpl8"
    with open(folder / "labels.csv", newline="") as file:
        labels = {row["plateifu"]: row for row in csv.DictReader(file)}
    with np.load(folder / "velocity_maps.npz") as file:
        data = {name: file[name] for name in file.files}
    fields, published = [], []
    columns = {"stellar": ("stel_qual", "stellar_pa"), "gas": ("halpha_qual", "halpha_pa")}
    for i in range(0, len(data["nx"]), 8):
        for j in (i, i + 1):
            quality, angle = columns[str(data["component"][j])]
            row = labels[str(data["plateifu"][j])]
            if row[quality] != "2":
                continue
            part = slice(data["offset"][j], data["offset"][j + 1])
            shape = data["ny"][j], data["nx"][j]
            east, north = np.meshgrid(data["x0"][j] + data["dx"][j] * np.arange(shape[1]),
                                      data["y0"][j] + data["dy"][j] * np.arange(shape[0]))
            fields.append(VelocityField.from_arrays(
                data["values"][part].reshape(shape), east=east, north=north,
                bin_id=data["bin_id"][part].reshape(shape)))
            published.append(float(row[angle]))
    assert len(fields) > 1000
    return fields, np.array(published)


@pytest.mark.parametrize("weights, median, high", [("area", 1.0, 5.0), ("bins", 2.0, 8.5)])
def test_angles_agree_with_the_published_ones(clean_maps, weights, median, high):
    fields, published = clean_maps
    pa = np.array([result.values["pa"] for result in fit_pa(fields, weights=weights)])
    difference = np.abs(angle_difference(pa, published))
    assert np.mean(np.isfinite(pa)) >= 0.995
    missed_counts = np.where(np.isfinite(difference), difference, 180.)
    assert np.median(missed_counts) <= median
    assert np.percentile(missed_counts, 90) <= high
    assert np.mean(difference[np.isfinite(pa)] > 90) <= 0.001
