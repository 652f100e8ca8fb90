"""Out of distribution: galaxies are familiar, pictures of other things are not."""

import numpy as np
import pytest

from kinmis import VelocityField, mock
from kinmis.classifier import load_model


def score(velocity, half=10.):
    """Return the score of a picture in a round field of view."""
    side = len(velocity)
    north, east = np.mgrid[-1:1:side * 1j, -1:1:side * 1j] * half
    field = VelocityField.from_arrays(velocity, east=east, north=north,
                                      mask=np.hypot(east, north) > half)
    return field.classify(clean=False)


def test_galaxies_are_familiar():
    results = [mock.galaxy(37 * k, noise=8., noise_slope=0.5, bins=150, seed=k,
                           inclination=45.).classify() for k in range(10)]
    strange = [one.out_of_distribution for both in results for one in both.fields.values()]
    assert np.mean(strange) <= 0.1


@pytest.mark.parametrize("kind", ["noise", "stripes", "checks", "constant"])
def test_nonsense_is_strange(kind):
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        row, column = np.indices((40, 40))
        period = rng.integers(4, 8)
        velocity = {
            "noise": rng.normal(0, 60, (40, 40)),
            "stripes": np.where((row + seed * column // 3) // period % 2, 80., -80.),
            "checks": np.where((row // period + column // period) % 2, 80., -80.),
            "constant": np.full((40, 40), 50. * seed)}[kind]
        result = score(velocity + rng.normal(0, 0.5, (40, 40)) * (kind != "constant"))
        found.append(result.out_of_distribution)
        assert result.out_of_distribution == (result.ood_score > 1)
        assert ("OUT_OF_DISTRIBUTION" in result.flag_names) == result.out_of_distribution
    assert np.mean(found) >= 0.8


def test_scores_are_finite_and_positive():
    from classifier_helper import labelled_galaxies, lattice_of
    lattices = [lattice_of(galaxy) for galaxy in labelled_galaxies(range(4))[0]]
    said = load_model().predict(lattices)
    assert np.isfinite(said["ood_score"]).all() and (said["ood_score"] > 0).all()
    assert said["ood_score"].shape == (4, 2)


def test_more_noise_is_stranger():
    rng = np.random.default_rng(1)
    field = mock.velocity_field(40, noise=3., seed=1)
    noisy = field._replace(data=field.data + rng.normal(0, 400, field.shape))
    assert noisy.classify(clean=False).ood_score > field.classify(clean=False).ood_score
