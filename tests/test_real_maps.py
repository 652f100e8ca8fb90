"""Real MaNGA maps with published angles: a part of what benchmarks/bench_published.py prints."""

import csv

import numpy as np
import pytest

from kinmis import fit_pa
from kinmis.classifier.packed import PackedMaps
from kinmis.position_angle.circular import angle_difference


@pytest.fixture(scope="module")
def clean_maps(shared_data):
    """Every eighth clean field and its published angle."""
    folder = shared_data / "manga_mpl8"
    with open(folder / "labels.csv", newline="") as file:
        labels = {row["plateifu"]: row for row in csv.DictReader(file)}
    fields, published = [], []
    columns = {"stellar": ("stel_qual", "stellar_pa"), "gas": ("halpha_qual", "halpha_pa")}
    for number, field in enumerate(PackedMaps(folder / "velocity_maps.npz")):
        quality, angle = columns[field.component]
        # both maps of every fourth galaxy
        if number % 8 < 2 and labels[field.id][quality] == "2":
            fields.append(field)
            published.append(float(labels[field.id][angle]))
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


def test_errors_are_those_of_the_posterior(clean_maps):
    fields, _ = clean_maps
    results = [result for result in fit_pa(fields[::4], weights="area")
               if result.ok and 0.5 < result.values["pa_err"] < 10]
    ratio = np.array([half_width(result) / result.values["pa_err"] for result in results])
    assert len(ratio) > 200
    # with the curvature at the best angle alone it is 0.94
    assert np.mean(np.abs(np.log(ratio)) < np.log(1.2)) > 0.98


def half_width(result):
    """Return half of the central 68% of the posterior, given the sense of rotation."""
    offset = np.arange(-90, 90, 0.25)
    mass = result.posterior_of.given_sense(result.values["pa"] + offset)
    mass = np.cumsum(np.exp(mass - mass.max()))
    return np.diff(np.interp([0.1587, 0.8413], mass / mass[-1], offset))[0] / 2
