"""Augmentation: every kind does what it says, and the same for the same seed."""

import numpy as np
import pytest
from classifier_helper import labelled_galaxies, lattice_of

from kinmis.classifier.augmentation import AugmentConfig, augment, coarse_bins, crop_shape, unbin
from kinmis.classifier.inputs import InputConfig
from kinmis.classifier.lattice import LATTICE

OFF = {"alone": 0., "crop": 0., "rebin": 0., "unbin": 0., "noise": 0., "drop": 0., "zoom": 0.,
       "shift": 0.}
KINDS = ["alone", "crop", "rebin", "unbin", "noise", "drop"]


@pytest.fixture(scope="module")
def lattices():
    return [lattice_of(galaxy) for galaxy in labelled_galaxies(range(1, 7))[0]]


def made(lattices, seed=1, **on):
    config = AugmentConfig(**{**OFF, **on})
    return augment(lattices, config, InputConfig(), np.random.default_rng(seed))


@pytest.mark.parametrize("kind", [*KINDS, "zoom", "shift"])
def test_shapes_and_values(lattices, kind):
    images, scalars = made(lattices, **{kind: 0.05 if kind in ("zoom", "shift") else 1.})
    assert images.shape == (6, 2, 32, 32, 2) and images.dtype == np.float32
    assert scalars.shape == (6, 2, 4) and scalars.dtype == np.float32
    assert np.isfinite(images).all() and np.isfinite(scalars).all()
    assert np.abs(images[..., 0]).max() <= InputConfig().clip
    assert images[..., 1].min() >= 0 and images[..., 1].max() <= 1
    # what is not covered has no velocity
    assert not images[..., 0][images[..., 1] == 0].any()
    assert (scalars[..., 0] > 0).any(axis=1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_seed_decides(lattices, kind):
    first, again, other = (made(lattices, seed, **{kind: 1.}) for seed in (1, 1, 2))
    for one, same, different in zip(first, again, other):
        assert np.array_equal(one, same)
    assert not np.array_equal(first[0], other[0])


def test_input_is_not_changed(lattices):
    before = [(lattice.velocity.copy(), lattice.bins.copy()) for lattice in lattices]
    augment(lattices, AugmentConfig(), InputConfig(), np.random.default_rng(1))
    for (velocity, bins), lattice in zip(before, lattices):
        assert np.array_equal(velocity, lattice.velocity)
        assert np.array_equal(bins, lattice.bins)


def test_defaults_leave_something(lattices):
    rng = np.random.default_rng(5)
    for _ in range(30):
        images, scalars = augment(lattices, AugmentConfig(), InputConfig(), rng)
        assert np.isfinite(images).all() and (scalars[..., 0] > 0).any(axis=1).all()


def test_alone(lattices):
    present = made(lattices, alone=1.)[1][..., 0]
    assert (present.sum(axis=1) == 1).all()
    assert made(lattices)[1][..., 0].all()


def test_turns_and_signs_only(lattices):
    """With all else off, an image holds the same velocities, up to their sign."""
    from kinmis.classifier.inputs import make_inputs
    plain, scalars = make_inputs(lattices, InputConfig())
    images, other = made(lattices)
    cover, turned = plain[..., 1].sum(axis=(2, 3)), images[..., 1].sum(axis=(2, 3))
    assert np.allclose(cover, turned, rtol=0.03)
    assert np.allclose(scalars, other, atol=0.1)
    power, same = ((one[..., 0] ** 2).sum(axis=(2, 3)) for one in (plain, images))
    assert np.allclose(power, same, rtol=0.1)


def test_crop_shows_a_smaller_piece(lattices):
    from kinmis.classifier.inputs import SCALARS, make_inputs
    plain, cropped = make_inputs(lattices, InputConfig())[1], made(lattices, crop=1.)[1]
    middle, spread = SCALARS["area"]
    area, smaller = (10 ** (one[..., 3] * spread + middle) for one in (plain, cropped))
    assert (smaller < 0.95 * area).all()
    # fewer bins lie in it
    assert (cropped[..., 2] <= plain[..., 2] + 1e-6).all()


def test_crop_shapes():
    rng = np.random.default_rng(1)
    shares = sorted({round(float(crop_shape(rng).mean()), 2) for _ in range(60)})
    # rectangles from flat to nearly square, square, circle, hexagon
    assert shares[0] < 0.42 and any(abs(share - 0.5) < 0.02 for share in shares)
    assert any(abs(share - np.pi / 4) < 0.02 for share in shares)
    shape = crop_shape(np.random.default_rng(2))
    assert shape.shape == (LATTICE, LATTICE) and shape.dtype == bool


def test_rebin_makes_fewer_bins(lattices):
    lattice = lattices[1]
    velocity, bins = unbin(lattice.velocity[0], lattice.bins[0], lattice.step,
                           np.random.default_rng(1))
    fewer, coarse = coarse_bins(velocity, bins, np.random.default_rng(2))
    good = lattice.bins[0] >= 0
    assert np.array_equal(coarse >= 0, good)
    numbers = np.unique(coarse[good])
    assert 4 <= len(numbers) <= 150 < len(np.unique(bins[good]))
    for number in numbers[:10]:
        one = coarse == number
        assert np.ptp(fewer[one]) == 0
        # the mean, to what the blocks at its edge make of it
        assert fewer[one][0] == pytest.approx(velocity[one].mean(), abs=15)


def test_unbin_gives_each_spaxel_its_own(lattices):
    lattice = lattices[1]
    velocity, bins = unbin(lattice.velocity[0], lattice.bins[0], lattice.step,
                           np.random.default_rng(1))
    good = lattice.bins[0] >= 0
    assert np.array_equal(bins >= 0, good)
    n_before, n_after = len(np.unique(lattice.bins[0][good])), len(np.unique(bins[good]))
    assert n_after > 5 * n_before
    # spaxels are half an arcsec wide
    points = np.bincount(bins[good])
    assert np.median(points[points > 0]) == pytest.approx((0.5 / lattice.step) ** 2, rel=0.3)
    assert np.corrcoef(velocity[good], lattice.velocity[0][good])[0, 1] > 0.8


def test_drop_takes_bins_away(lattices):
    from kinmis.classifier.inputs import make_inputs
    plain, dropped = make_inputs(lattices, InputConfig()), made(lattices, drop=1.)
    lost = 1 - dropped[0][..., 1].sum(axis=(2, 3)) / plain[0][..., 1].sum(axis=(2, 3))
    assert (lost > -0.03).all() and lost.max() > 0.05 and lost.max() < 0.9


def test_noise_makes_rougher(lattices):
    from kinmis.classifier.inputs import make_inputs

    def rough(images):
        step = np.diff(images[..., 0], axis=2)
        both = (images[:, :, 1:, :, 1] == 1) & (images[:, :, :-1, :, 1] == 1)
        return [np.abs(step[i, 0][both[i, 0]]).mean() for i in range(len(images))]
    many = [lattices[0]] * 12
    noisy = np.mean(rough(made(many, noise=1.)[0]))
    assert noisy > np.mean(rough(made(many)[0]))
    assert np.isfinite(make_inputs(many[:1], InputConfig())[0]).all()
