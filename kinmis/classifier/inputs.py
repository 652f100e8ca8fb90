"""What the network sees: small images of both fields, and a few numbers beside them."""

from dataclasses import asdict, dataclass

import numpy as np

from kinmis.classifier.lattice import LATTICE

__all__ = ["InputConfig", "as_rows", "block_mean", "make_inputs", "pixel_area", "standardise"]

#: FWHM that is taken where a field does not say its own: that of the training data, arcsec.
TRAINING_PSF = 2.5

#: Scalars of each component, by name: typical value and spread over the training data.
SCALARS = {
    "amplitude": (1.95, 0.35),      # log10 km/s
    "bins": (2.2, 0.6),             # log10 of the number of independent data
    "area": (1.5, 0.35),            # log10 of the footprint, in areas of the PSF
}


@dataclass(frozen=True)
class InputConfig:
    """
    How a lattice becomes an input of the network.

    Parameters
    ----------
    size : int
        Pixels along a side of the images; divides the lattice.
    scalars : tuple of str
        Which of "amplitude", "bins" and "area" go beside each image.
    normalise : {"percentile", "rms", "fixed"}
        What velocities are divided by: their 90th percentile about the median, their rms
        about it, or 100 km/s.
    clip : float
        Largest normalised velocity.
    """

    size: int = 32
    scalars: tuple = ("amplitude", "bins", "area")
    normalise: str = "percentile"
    clip: float = 2.5

    def to_dict(self):
        """Return plain values."""
        return {**asdict(self), "scalars": list(self.scalars)}

    @classmethod
    def from_dict(cls, values):
        """Make one from what `to_dict` returned."""
        return cls(**{**values, "scalars": tuple(values["scalars"])})


def block_mean(velocity, weight, size):
    """
    Average a lattice to an image, over what is valid.

    Parameters
    ----------
    velocity, weight : `~numpy.ndarray`, shape (..., side, side)
        Velocity (zero where invalid), and 1 where valid.
    size : int
        Side of the image; divides ``side``.

    Returns
    -------
    mean, coverage : `~numpy.ndarray` of float32, shape (..., size, size)
        Mean velocity of what is valid in a pixel, zero where nothing is, and the valid
        fraction of its area.
    """
    step = velocity.shape[-1] // size
    coverage = _block_sum(weight.astype(np.float32), step) / step ** 2
    total = _block_sum(velocity, step) / step ** 2
    return np.divide(total, coverage, out=np.zeros_like(total), where=coverage > 0), coverage


def _block_sum(values, step):
    """Return sums over squares; strided sums are many times faster than reducing short axes."""
    rows = sum(values[..., k::step, :] for k in range(1, step)) + values[..., ::step, :]
    return sum(rows[..., k::step] for k in range(1, step)) + rows[..., ::step]


def standardise(mean, coverage, n_bins, area, config):
    """
    Set zero point and range of images, and form the scalars.

    Parameters
    ----------
    mean, coverage : `~numpy.ndarray`, shape (n, 2, size, size)
        As `block_mean` returns them.
    n_bins : `~numpy.ndarray`, shape (n, 2)
        Number of independent data.
    area : `~numpy.ndarray`, shape (n,)
        Of one pixel of the images, in areas of the PSF.
    config : `InputConfig`

    Returns
    -------
    images : `~numpy.ndarray` of float32, shape (n, 2, size, size, 2)
        Normalised velocity and coverage of stars and gas; zeros for a missing component.
    scalars : `~numpy.ndarray` of float32, shape (n, 2, 1 + len(config.scalars))
        Whether the component is there, and its scalars; zeros if not.
    """
    n, _, size, _ = mean.shape
    weight = coverage.reshape(2 * n, -1)
    flat = np.where(weight > 0, mean.reshape(2 * n, -1), np.nan)
    present = (weight > 0).any(axis=1)
    median, scale = np.zeros(2 * n, np.float32), np.ones(2 * n, np.float32)
    if present.any():
        median[present] = np.nanmedian(flat[present], axis=1)
        off = np.abs(flat[present] - median[present, None])
        if config.normalise == "rms":
            spread = np.sqrt(np.nanmean(off ** 2, axis=1))
        else:
            spread = np.nanpercentile(off, 90, axis=1)
        # a field of one bin has no spread; a km/s keeps its zeros
        scale[present] = np.maximum(spread, 1)
    divisor = np.full_like(scale, 100) if config.normalise == "fixed" else scale
    normal = np.where(weight > 0, (flat - median[:, None]) / divisor[:, None], 0)
    images = np.stack([np.clip(normal, -config.clip, config.clip), weight], axis=-1)
    values = {"amplitude": np.log10(scale),
              "bins": np.log10(np.maximum(n_bins.reshape(-1), 1)),
              "area": np.log10(np.maximum(weight.sum(axis=1) * np.repeat(area, 2), 1e-3))}
    columns = [present.astype(np.float32)]
    for name in config.scalars:
        middle, spread = SCALARS[name]
        columns.append(np.where(present, (values[name] - middle) / spread, 0))
    scalars = np.stack(columns, axis=-1)
    return (images.reshape(n, 2, size, size, 2).astype(np.float32),
            scalars.reshape(n, 2, -1).astype(np.float32))


def make_inputs(lattices, config):
    """
    Make the inputs of the network from lattices.

    Parameters
    ----------
    lattices : sequence of `~kinmis.classifier.lattice.Lattice`
    config : `InputConfig`

    Returns
    -------
    images, scalars : `~numpy.ndarray`
        As `standardise` returns them.
    """
    velocity = np.stack([lattice.velocity for lattice in lattices])
    weight = np.stack([lattice.bins >= 0 for lattice in lattices])
    mean, coverage = block_mean(velocity, weight, config.size)
    n_bins = np.array([lattice.n_bins for lattice in lattices], float)
    area = np.array([pixel_area(lattice.step, lattice.psf, config.size) for lattice in lattices])
    return standardise(mean, coverage, n_bins, area, config)


def pixel_area(step, psf, size):
    """Return the area of an image's pixel in areas (squared FWHM) of the PSF."""
    return (step * LATTICE / size / (TRAINING_PSF if psf is None else psf)) ** 2


def as_rows(images, scalars):
    """
    Return what the network sees of each field: the field first, then its partner.

    Parameters
    ----------
    images, scalars : `~numpy.ndarray`
        Of galaxies, as `standardise` returns them.

    Returns
    -------
    rows : dict of `~numpy.ndarray`
        "images" (m, size, size, 4) and "scalars" (m, 1 + 2 k) of the fields that are there.
    galaxy, component : `~numpy.ndarray` of int, shape (m,)
        Where each row comes from; components 0 (stars) and 1 (gas).
    """
    galaxy, component = np.nonzero(scalars[..., 0] > 0)
    own, other = (galaxy, component), (galaxy, 1 - component)
    sign = np.where(component == 1, 1, -1).astype(np.float32)[:, None]
    return ({"images": np.concatenate([images[own], images[other]], axis=-1),
             "scalars": np.concatenate([sign, scalars[own], scalars[other]], axis=-1)},
            galaxy, component)
