"""
Training examples seen through other eyes: turned, cropped, binned otherwise, noisier, alone.

Everything happens on lattices, before images are made, so that what the network sees of a
changed field is what it would see of a field that came that way.
"""

from dataclasses import asdict, dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from kinmis.classifier.inputs import TRAINING_PSF, block_mean, standardise
from kinmis.classifier.lattice import LATTICE

__all__ = ["AugmentConfig", "augment", "coarse_bins", "crop_shape", "unbin"]

#: Spaxel of the surveys that give one velocity a spaxel, arcsec.
SPAXEL = 0.5

#: Largest share of spaxels that goes by chance, and of the noise in rms of the field.
MOST_DROPPED, MOST_NOISE = 0.6, 0.15


@dataclass(frozen=True)
class AugmentConfig:
    """
    How often an example is changed in each way (probabilities).

    Parameters
    ----------
    alone : float
        One of the two fields is left out.
    crop : float
        Only what lies in a circle, square, rectangle or hexagon stays.
    rebin : float
        Spaxels are gathered into fewer bins.
    unbin : float
        Gas gets a velocity of its own in each spaxel.
    unbin_stars : float
        So do the stars, where the gas does.
    noise : float
        Noise is added.
    drop : float
        Bins are lost.
    zoom : float
        Largest change of scale.
    shift : float
        Largest shift, in sides of the image.
    """

    alone: float = 0.35
    crop: float = 0.12
    rebin: float = 0.08
    unbin: float = 0.25
    unbin_stars: float = 0.5
    noise: float = 0.1
    drop: float = 0.12
    zoom: float = 0.08
    shift: float = 0.02

    def to_dict(self):
        """Return plain values."""
        return asdict(self)


def augment(lattices, config, inputs, rng):
    """
    Make inputs of the network from changed lattices.

    Parameters
    ----------
    lattices : sequence of `~kinmis.classifier.lattice.Lattice`
    config : `AugmentConfig`
    inputs : `~kinmis.classifier.inputs.InputConfig`
    rng : `numpy.random.Generator`

    Returns
    -------
    images, scalars : `~numpy.ndarray`
        As `~kinmis.classifier.inputs.standardise` returns them.
    """
    made = [_one(lattice, config, rng) for lattice in lattices]
    velocity, bins, area, n_bins = map(np.stack, zip(*made))
    mean, coverage = block_mean(velocity, bins >= 0, inputs.size)
    area = area * (LATTICE / inputs.size) ** 2
    return standardise(mean, coverage, n_bins, area, inputs)


def _one(lattice, config, rng):
    chance = rng.random(6)
    crop = chance[0] < config.crop
    zoom = rng.uniform(0.45, 0.95) if crop else 1 + rng.uniform(-config.zoom, config.zoom)
    velocity, bins = _turn(lattice, rng, zoom, config.shift)
    if crop:
        bins[:, ~crop_shape(rng)] = -1
    present = (bins >= 0).any(axis=(1, 2))
    if present.all() and chance[1] < config.alone:
        bins[rng.integers(2)] = -1
    step = lattice.step * zoom
    whole = chance[2] >= config.unbin
    for i in range(2):
        good = bins[i] >= 0
        if not good.any():
            continue
        if not whole and (i or rng.random() < config.unbin_stars):
            velocity[i], bins[i] = unbin(velocity[i], bins[i], step, rng)
        elif chance[3] < config.rebin:
            velocity[i], bins[i] = coarse_bins(velocity[i], bins[i], rng)
        if chance[4] < config.noise:
            spread = velocity[i][good].std() * rng.uniform(0, MOST_NOISE)
            noise = rng.normal(0, spread, bins[i].max() + 1)
            velocity[i][good] += noise[bins[i][good]]
    if chance[5] < config.drop:
        _drop(bins, rng)
    if rng.random() < 0.5:
        velocity = -velocity
    velocity[bins < 0] = 0
    n_bins = [np.count_nonzero(np.bincount(layer[layer >= 0])) for layer in bins]
    psf = TRAINING_PSF if lattice.psf is None else lattice.psf
    return velocity, bins, (step / psf) ** 2, np.array(n_bins, float)


_AXIS = (np.arange(LATTICE) - (LATTICE - 1) / 2).astype(np.float32)


def _turn(lattice, rng, zoom, shift):
    """Return velocity and bins of a lattice turned, mirrored, scaled and shifted."""
    angle = rng.uniform(0, 2 * np.pi)
    cosine, sine = np.cos(angle) * zoom, np.sin(angle) * zoom
    mirror = 1 if rng.random() < 0.5 else -1
    offset = (LATTICE - 1) / 2 + rng.uniform(-shift, shift, 2) * LATTICE
    across = mirror * cosine * _AXIS[None, :] - sine * _AXIS[:, None] + offset[0]
    down = mirror * sine * _AXIS[None, :] + cosine * _AXIS[:, None] + offset[1]
    column, row = np.rint(across).astype(np.int32), np.rint(down).astype(np.int32)
    inside = (row >= 0) & (row < LATTICE) & (column >= 0) & (column < LATTICE)
    index = np.where(inside, row * LATTICE + column, 0)
    velocity = lattice.velocity.reshape(2, -1)[:, index]
    bins = np.where(inside, lattice.bins.reshape(2, -1)[:, index], -1)
    return velocity, bins


def crop_shape(rng):
    """Return a field of view that fills the lattice: circle, square, rectangle or hexagon."""
    u, w = np.meshgrid(_AXIS / _AXIS[-1], _AXIS / _AXIS[-1])
    kind = rng.integers(4)
    if kind == 0:
        return u ** 2 + w ** 2 <= 1
    if kind < 3:
        corner = np.arctan(1 if kind == 1 else rng.uniform(0.4, 0.9))
        return (np.abs(u) <= np.cos(corner)) & (np.abs(w) <= np.sin(corner))
    half = np.sqrt(0.75)
    return ((np.abs(w) <= half) & (np.abs(np.sqrt(0.75) * u + w / 2) <= half)
            & (np.abs(np.sqrt(0.75) * u - w / 2) <= half))


def coarse_bins(velocity, bins, rng, block=3):
    """Return velocity and bins after gathering a field into fewer, random bins."""
    side = LATTICE // block
    mean, coverage = block_mean(velocity, bins >= 0, side)
    row, column = np.nonzero(coverage > 0)
    n_seeds = int(np.clip(len(row) * rng.uniform(0.03, 0.3), 4, 150))
    if len(row) <= n_seeds:
        return velocity, bins
    # seeds are densest in the middle, as Voronoi bins are smallest where a galaxy is bright
    center = (side - 1) / 2
    radius = np.hypot(row - center, column - center) / side
    weight = np.exp(-radius * rng.uniform(2, 8))
    seeds = rng.choice(len(row), n_seeds, replace=False, p=weight / weight.sum())
    grid = np.arange(side)
    far = ((grid[:, None, None] - row[seeds]) ** 2
           + (grid[None, :, None] - column[seeds]) ** 2)
    nearest = far.argmin(axis=-1)
    weight = np.bincount(nearest.ravel(), coverage.ravel(), n_seeds)
    total = np.bincount(nearest.ravel(), (mean * coverage).ravel(), n_seeds)
    value = total / np.maximum(weight, 1e-9)
    assigned = np.repeat(np.repeat(nearest, block, axis=0), block, axis=1)
    good = bins >= 0
    return (np.where(good, value[assigned], 0).astype(np.float32),
            np.where(good, assigned, -1).astype(bins.dtype))


def unbin(velocity, bins, step, rng):
    """
    Return velocity and bins of a field with a velocity of its own in each spaxel.

    The field is smoothed over its bins; then each spaxel gets noise that grows with the size
    of the bin that it was in, as it would with the S/N of a single spaxel.
    """
    good = bins >= 0
    size = np.bincount(bins[good])
    points = size[bins[good]]
    # a bin's own radius, in points of the lattice
    width = max(float(np.sqrt(np.median(points) / np.pi)), 0.7)
    weight = np.maximum(gaussian_filter(good.astype(np.float32), width), 1e-3)
    smooth = gaussian_filter(np.where(good, velocity, 0), width) / weight
    rough = np.sqrt(np.mean((velocity - smooth)[good] ** 2)) * rng.uniform(0.3, 1.5)
    per_spaxel = max((SPAXEL / step) ** 2, 1.0)
    number = np.maximum(points / per_spaxel, 1) ** rng.uniform(0.0, 0.4)
    across = np.arange(LATTICE) * step // SPAXEL
    spaxel = (across[:, None] * (across[-1] + 1) + across).astype(bins.dtype)
    noise = rng.normal(size=int(across[-1] + 1) ** 2).astype(np.float32)
    # neighbouring spaxels share fibres
    side = int(across[-1] + 1)
    noise = gaussian_filter(noise.reshape(side, side), 0.8).ravel()
    noise /= max(noise.std(), 1e-6)
    new = smooth.copy()
    new[good] += rough * np.minimum(number, 4) * noise[spaxel[good]]
    return np.where(good, new, 0), np.where(good, spaxel, -1)


def _drop(bins, rng):
    """Take bins away: some by chance, or a side of the field."""
    present = [layer for layer in bins if (layer >= 0).any()]
    if rng.random() < 0.7:
        for layer in present:
            keep = rng.random(layer.max() + 1) > rng.uniform(0, MOST_DROPPED)
            if keep[layer[layer >= 0]].any():
                layer[(layer >= 0) & ~keep[layer]] = -1
        return
    angle, where = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.6) * LATTICE / 2
    side = np.cos(angle) * _AXIS[None, :] + np.sin(angle) * _AXIS[:, None] > where
    for layer in present:
        if ((layer >= 0) & ~side).any():
            layer[side] = -1
