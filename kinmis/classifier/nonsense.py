"""
Velocities that no galaxy has, in the footprints of real fields.

What is out of distribution can be learnt only against something. These are not the pictures that
a user may feed by mistake, but broad families (random fields of any colour, mosaics, waves,
shuffled and repeated galaxies) around them.
"""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from kinmis.classifier.augmentation import SPAXEL, crop_shape
from kinmis.classifier.lattice import LATTICE, Lattice

__all__ = ["KINDS", "nonsense"]

_AXIS = np.linspace(-1, 1, LATTICE)
_X, _Y = np.meshgrid(_AXIS, _AXIS)


def _noise(rng, velocity):
    """Random field with a power law for its spectrum, from white to clouds."""
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(LATTICE), np.fft.fftfreq(LATTICE)))
    k[0, 0] = np.inf
    slope = rng.uniform(0, 1.4)
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=k.shape)) * k ** -slope).real
    return gaussian_filter(field, rng.choice([0, rng.uniform(1, 5)]))


def _mosaic(rng, velocity):
    """Patches of one velocity, or of a gradient each."""
    n = rng.integers(8, 120)
    places = rng.uniform(-1.1, 1.1, (n, 2))
    # stretched one way or the other, so that patches need not be round
    stretch = np.diag([1, rng.uniform(0.3, 1)])
    points = np.stack([_X, _Y], axis=-1)
    nearest = cKDTree(places @ stretch).query(points @ stretch)[1]
    value, slope = rng.normal(size=n), rng.normal(size=(n, 2)) * rng.choice([0, 1.5])
    return value[nearest] + (slope[nearest] * (points - places[nearest])).sum(axis=-1)


def _waves(rng, velocity):
    """Rings, spirals and crossing waves."""
    if rng.random() < 0.3:
        turn, frequency = rng.uniform(0, np.pi), rng.uniform(0.6, 4, 2)
        across = _X * np.cos(turn) + _Y * np.sin(turn)
        along = _Y * np.cos(turn) - _X * np.sin(turn)
        phase = rng.uniform(0, 2 * np.pi, 2)
        return (np.sin(2 * np.pi * frequency[0] * across + phase[0])
                * np.sin(2 * np.pi * frequency[1] * along + phase[1]))
    center = rng.uniform(-0.7, 0.7, 2)
    radius = np.hypot(_X - center[0], _Y - center[1])
    angle = np.arctan2(_Y - center[1], _X - center[0])
    wave = np.sin(2 * np.pi * radius * rng.uniform(1.2, 6) + rng.integers(0, 4) * angle)
    if rng.random() < 0.5:
        turn = rng.uniform(0, np.pi)
        wave = wave * np.sin(2 * np.pi * rng.uniform(0.5, 4)
                             * (_X * np.cos(turn) + _Y * np.sin(turn)))
    return np.tanh(wave * rng.uniform(0.5, 4))


def _shuffled(rng, velocity):
    """A galaxy cut into tiles that are mixed up."""
    n = rng.choice([3, 4, 6, 8, 12])
    side = LATTICE // n
    tiles = velocity.reshape(n, side, n, side).swapaxes(1, 2).reshape(n * n, side, side)
    tiles = np.stack([np.rot90(tile, rng.integers(4)) for tile in rng.permutation(tiles)])
    return tiles.reshape(n, n, side, side).swapaxes(1, 2).reshape(LATTICE, LATTICE)


def _repeated(rng, velocity):
    """A galaxy beside itself, several times."""
    n = rng.choice([2, 3, 4])
    small = velocity[::n, ::n]
    return np.block([[np.rot90(small, rng.integers(4)) * rng.uniform(0.2, 1.5)
                      for _ in range(n)] for _ in range(n)])[:LATTICE, :LATTICE]


def _bumps(rng, velocity):
    """Bumps of a few sizes on a plane, sharp or soft."""
    field = rng.uniform(0, 0.3) * _X
    size = rng.uniform(0.04, 0.25)
    for _ in range(rng.integers(5, 60)):
        where = rng.uniform(-1, 1, 2)
        far = np.hypot(_X - where[0], _Y - where[1]) / (size * rng.uniform(0.5, 1.5))
        field += rng.normal() * np.exp(-far ** rng.choice([2, 8]))
    return field


def _flat(rng, velocity):
    """Next to nothing, or two values."""
    field = 10 ** rng.uniform(-4, -0.3) * rng.normal(size=_X.shape)
    return field if rng.random() < 0.6 else field * 1e-2 + (rng.random(_X.shape) < 0.02)


KINDS = {"noise": _noise, "mosaic": _mosaic, "waves": _waves, "shuffled": _shuffled,
         "repeated": _repeated, "bumps": _bumps, "flat": _flat}


def nonsense(lattices, rng, kinds=tuple(KINDS)):
    """
    Fill galaxies with nonsense.

    Parameters
    ----------
    lattices : sequence of `~kinmis.classifier.lattice.Lattice`
        Real galaxies, whose footprints, sizes and ranges of velocity are kept.
    rng : `numpy.random.Generator`
    kinds : sequence of str
        Keys of `KINDS` to draw from.

    Returns
    -------
    filled : list of `~kinmis.classifier.lattice.Lattice`
        One for each, one velocity a spaxel; both fields are of the same kind.
    """
    return [_fill(lattice, rng, kinds[rng.integers(len(kinds))]) for lattice in lattices]


def _fill(lattice, rng, kind):
    step = lattice.step
    across = (np.arange(LATTICE) * step // SPAXEL).astype(int)
    spaxel = (across[:, None] * (across[-1] + 1) + across).astype(np.int32)
    velocity, bins = lattice.velocity.copy(), np.full_like(lattice.bins, -1)
    inside = (lattice.bins >= 0).any(axis=0) if rng.random() < 0.7 else crop_shape(rng)
    for i in np.flatnonzero(lattice.present):
        here = lattice.velocity[i][lattice.bins[i] >= 0]
        field = KINDS[kind](rng, lattice.velocity[i])
        # each spaxel takes the value at one of its points
        first = np.unique(spaxel, return_index=True)
        field = field.ravel()[first[1]][np.searchsorted(first[0], spaxel)]
        spread = 1.0 if kind == "flat" else (
            max(here.std(), 5.0) * rng.uniform(0.5, 2) / max(field[inside].std(), 1e-9))
        velocity[i] = np.where(inside, field * spread, 0)
        bins[i][inside] = spaxel[inside]
    n_bins = tuple(len(np.unique(layer[layer >= 0])) for layer in bins)
    return Lattice(velocity, bins, step, n_bins, lattice.psf)
