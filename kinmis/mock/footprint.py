"""Where the spaxels of a mock lie: shape and size of the field of view, grid, WCS."""

import functools
from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS

from kinmis.mock.model import SIGMA_OF_FWHM
from kinmis.mock.smoothing import as_sparse, gaussian, smooth

__all__ = ["BUNDLES", "SHAPES", "Grid", "footprint", "make_grid"]

# long diameter (arcsec) of MaNGA's hexagonal bundles of 19 to 127 fibres of 2.5 arcsec pitch:
# Law et al. 2016 (AJ 152, 83)
BUNDLES = {19: 12.0, 37: 17.0, 61: 22.0, 91: 27.0, 127: 32.0}

SHAPES = ("hexagon", "circle", "square", "rectangle")


@dataclass(frozen=True, eq=False)
class Grid:
    """
    A regular grid of spaxels; offsets in arcsec, read-only arrays shared by many fields.

    Parameters
    ----------
    east, north : `~numpy.ndarray`
        Offsets of the spaxels, 2-D.
    inside : `~numpy.ndarray` of bool
        True within the field of view.
    spaxel : float
        Size of a spaxel.
    axes : `~numpy.ndarray`
        2 x 2: East and North per column and per row, in spaxels.
    wcs : `~astropy.wcs.WCS`

    Examples
    --------
    >>> from kinmis.mock import Disc, make_grid
    >>> grid = make_grid("circle", size=15)
    >>> light, velocity = grid.smear(Disc(), psf_fwhm=2.5)
    >>> velocity.shape == grid.inside.shape
    True
    """

    east: np.ndarray
    north: np.ndarray
    inside: np.ndarray
    spaxel: float
    axes: np.ndarray
    wcs: WCS

    def smear(self, disc, psf_fwhm, oversample=3):
        """
        Return light and velocity of a disc at the spaxels, as seen through a Gaussian PSF.

        The light (an exponential disc) and light times velocity are computed on a finer and
        wider grid, both are convolved, and their ratio is the observed velocity.

        Parameters
        ----------
        disc : `~kinmis.mock.Disc`
        psf_fwhm : float
            In arcsec; 0 for none. The PSF is that of the map, spaxel included.
        oversample : int, optional
            Fine pixels along a spaxel.

        Returns
        -------
        light, velocity : `~numpy.ndarray`
        """
        if not psf_fwhm:
            return disc.light_and_velocity(self.east, self.north)
        sigma = psf_fwhm * SIGMA_OF_FWHM / self.spaxel
        # the fine grid must resolve a narrow PSF
        oversample = max(oversample, int(np.ceil(1.5 / sigma)))
        (rows, fine_rows), (columns, fine_columns) = (
            _kernel(length, oversample, sigma) for length in self.east.shape)
        column, row = fine_columns[None, :], fine_rows[:, None]
        corner = self.east[0, 0], self.north[0, 0]
        east, north = (corner[k] + self.spaxel * (self.axes[k, 0] * column + self.axes[k, 1] * row)
                       for k in range(2))
        flux, velocity = disc.light_and_velocity(east, north)
        light = smooth(flux, rows, columns)
        return light, smooth(flux * velocity, rows, columns) / light


@functools.lru_cache(maxsize=32)
def _kernel(length, oversample, sigma):
    """
    Return a matrix that smooths a fine axis and picks the spaxels, and the fine positions.

    ``sigma`` is in spaxels. Rows are normalised over the fine axis, which reaches 5 sigma
    beyond the ends.
    """
    margin = int(np.ceil(5 * sigma))
    fine = (np.arange((length + 2 * margin) * oversample) + 0.5) / oversample - margin - 0.5
    kernel = gaussian(fine - np.arange(length)[:, None], sigma)
    kernel /= kernel.sum(axis=1, keepdims=True)
    return as_sparse(kernel), fine


@functools.lru_cache(maxsize=64)
def make_grid(shape="hexagon", size=22.0, spaxel=0.5, handedness="manga", rotation=0.0,
              ra=180.0, dec=30.0):
    """
    Return the `Grid` of a field of view.

    Parameters
    ----------
    shape : {"hexagon", "circle", "square", "rectangle"}
        Shape of the field of view.
    size : float or pair of float
        Long diameter of a hexagon (its corners lie along the columns' axis, as in MaNGA),
        diameter of a circle, side of a square, or width and height of a rectangle (arcsec).
    spaxel : float
        Size of a spaxel (arcsec).
    handedness : {"manga", "east"}
        ``"manga"``: columns run West; ``"east"``: columns run East, so that the array is the
        mirror image.
    rotation : float
        Angle from North through East to the direction in which rows run (deg).
    ra, dec : float
        Sky position of the origin (deg).

    Returns
    -------
    grid : `Grid`
        The same object for the same arguments.

    Raises
    ------
    ValueError
        If a name or a size can't be.

    Examples
    --------
    >>> from kinmis.mock import BUNDLES, make_grid
    >>> print(make_grid("hexagon", BUNDLES[37]).inside.sum())
    743
    """
    if shape not in SHAPES:
        raise ValueError(f"shape must be one of {', '.join(SHAPES)}, not {shape!r}")
    if handedness not in ("manga", "east"):
        raise ValueError(f"handedness must be 'manga' or 'east', not {handedness!r}")
    width, height = size if isinstance(size, tuple) else (size, size)
    if not (width > 0 and height > 0 and spaxel > 0):
        raise ValueError(f"size and spaxel must be positive, not {size} and {spaxel} arcsec")
    # an even number of spaxels with the origin right of the middle, as MaNGA has it
    half = [int(length / 2 / spaxel) + 2 for length in (height, width)]
    row, column = np.mgrid[-half[0]:half[0], -half[1]:half[1]]
    angle = np.deg2rad(rotation)
    mirror = -1.0 if handedness == "manga" else 1.0
    axes = np.array([[mirror * np.cos(angle), np.sin(angle)],
                     [-mirror * np.sin(angle), np.cos(angle)]])
    axes[np.abs(axes) < 1e-15] = 0
    east, north = (spaxel * (axes[k, 0] * column + axes[k, 1] * row) for k in range(2))
    inside = footprint(spaxel * column, spaxel * row, shape, width, height)
    for array in (east, north, inside):
        array.flags.writeable = False
    return Grid(east, north, inside, spaxel, axes, _wcs(half, spaxel, axes, ra, dec))


def footprint(x, y, shape, width, height):
    """Return which positions (arcsec, in the axes of the array) lie in the field of view."""
    x, y = np.abs(x), np.abs(y)
    if shape == "circle":
        return x**2 + y**2 <= (width / 2) ** 2
    if shape == "hexagon":
        return (y <= np.sqrt(3) / 4 * width) & (x + y / np.sqrt(3) <= width / 2)
    return (x <= width / 2) & (y <= height / 2)


def _wcs(half, spaxel, axes, ra, dec):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [half[1] + 1, half[0] + 1]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.pc = axes * spaxel / 3600
    wcs.wcs.radesys = "FK5"
    wcs.wcs.equinox = 2000.0
    wcs.wcs.set()
    return wcs
