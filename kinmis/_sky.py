"""Where spaxels lie on the sky: offsets from a WCS, and slices of a WCS."""

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS, Sip

from kinmis._input import check_shape
from kinmis._units import scalar_in, values_in


class LazyWCS:
    """
    A WCS that is made when somebody asks for it, which few do.

    Parameters
    ----------
    make : callable
        Returns the `~astropy.wcs.WCS`, or None.
    *args
        What it is called with.
    """

    def __init__(self, make, *args):
        self._make = make
        self._args = args
        self._wcs = None

    def load(self):
        """Return the WCS, the same one each time."""
        if self._make is not None:
            self._wcs, self._make = self._make(*self._args), None
        return self._wcs


def offsets(east, north, center, wcs, shape):
    """
    Return the offsets to the East and North of the centre, in arcsec.

    They come from ``east`` and ``north`` if given, else from the WCS, never from the array
    axes, whose handedness differs between surveys.
    """
    check_wcs(wcs)
    if (east is None) != (north is None):
        raise ValueError("give both east and north, or neither")
    if east is not None:
        east = check_shape(values_in(east, u.arcsec, "east"), shape, "east")
        north = check_shape(values_in(north, u.arcsec, "north"), shape, "north")
        if center is not None:
            east_0, north_0 = check_center(center)
            east, north = east - east_0, north - north_0
        return east, north
    if wcs is None:
        raise ValueError("the field has no sky positions: give east and north (arcsec offsets "
                         "from the galaxy centre), or wcs (a celestial WCS)")
    if len(shape) != 2:
        raise ValueError("a list of bins has no pixel grid, so wcs can't place it: "
                         "give east and north")
    if center is None:
        center = wcs.pixel_to_world(*(wcs.wcs.crpix - 1))
    elif not isinstance(center, SkyCoord):
        raise TypeError("with a WCS, center must be an astropy.coordinates.SkyCoord, "
                        f"not {type(center).__name__}")
    row, column = np.indices(shape)
    spaxels = wcs.pixel_to_world(column, row)
    east, north = center.transform_to(spaxels.frame).spherical_offsets_to(spaxels)
    return east.to_value(u.arcsec), north.to_value(u.arcsec)


def check_wcs(wcs):
    """Raise unless this is None or a two-dimensional celestial WCS of FITS."""
    if wcs is None or isinstance(wcs, LazyWCS):
        return
    if not isinstance(wcs, WCS):
        raise TypeError(f"wcs must be an astropy.wcs.WCS, not {type(wcs).__name__}")
    if wcs.naxis != 2 or not wcs.has_celestial:
        raise ValueError("wcs must be a 2-D celestial WCS; for a cube use wcs.celestial")


def check_center(center):
    """Return a pair (east, north) of offsets in arcsec."""
    try:
        east, north = center
    except (TypeError, ValueError):
        raise ValueError("center must be a pair (east, north) of offsets in arcsec, "
                         f"not {center!r}") from None
    return scalar_in(east, u.arcsec, "center[0]"), scalar_in(north, u.arcsec, "center[1]")


def slice_wcs(wcs, item, shape):
    """
    Return the WCS of ``array[item]``, or None where that is no regular map.

    Unlike a generic slice this is a full `~astropy.wcs.WCS`, which can be written to FITS,
    and it may run backwards.
    """
    if wcs is None:
        return None
    pixels = [index[item] for index in np.indices(shape)[::-1]]
    if pixels[0].ndim != 2 or pixels[0].size == 0:
        return None
    new = wcs.deepcopy()
    crpix = new.wcs.crpix.copy()
    steps = []
    matrix = (new.wcs.cd if new.wcs.has_cd() else new.wcs.get_pc()).copy()
    for axis, pixel in enumerate(pixels):
        line = pixel[0] if axis == 0 else pixel[:, 0]
        step = line[1] - line[0] if len(line) > 1 else 1
        regular = line[0] + step * np.indices(pixel.shape)[1 - axis]
        if not np.array_equal(pixel, regular):
            return None
        crpix[axis] = (crpix[axis] - 1 - line[0]) / step + 1
        matrix[:, axis] *= step
        steps.append(step)
    if new.wcs.has_cd():
        new.wcs.cd = matrix
    else:
        new.wcs.pc = matrix
    if new.sip is not None:
        if steps != [1, 1]:
            return None     # a distortion polynomial has no coarser or mirrored form
        shift = crpix - new.wcs.crpix
        new.sip = Sip(new.sip.a, new.sip.b, new.sip.ap, new.sip.bp, new.sip.crpix + shift)
    new.wcs.crpix = crpix
    new.wcs.set()
    new.pixel_shape = pixels[0].shape[::-1]
    return new
