"""Where the pixels of a map lie on the sky: its WCS, repaired where it must be, or a scale."""

import re
import warnings

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from astropy.wcs.utils import proj_plane_pixel_scales

from kinmis._units import scalar_in
from kinmis.exceptions import ReaderWarning

__all__ = ["grid_offsets", "pixel_of_center", "repaired_wcs", "side_of_spaxel"]

_CTYPE = re.compile(r"(RA|DEC|GLON|GLAT|ELON|ELAT)-+([A-Z]{3})\s*$")
_PAIRS = {"RA": "DEC", "DEC": "RA", "GLON": "GLAT", "GLAT": "GLON", "ELON": "ELAT",
          "ELAT": "ELON"}
_HINT = ("give spaxel=, the side of a spaxel in arcsec (north up, east left), or its steps "
         "to the East and to the North, such as spaxel=(-0.5, 0.5)")


def repaired_wcs(headers, shape, path):
    """
    Return the celestial WCS of a map.

    Two things are put right, with a warning: axis types with the wrong number of dashes or
    of two projections (``DEC---TAN``), and a scale in arcsec that claims to be in degrees.

    Parameters
    ----------
    headers : iterable of `~astropy.io.fits.Header`
        Those that may have it; the first that does counts.
    shape : tuple of int
        Shape of the map.
    path : str
        The file, for messages.

    Returns
    -------
    wcs : `~astropy.wcs.WCS`
        Two-dimensional.

    Raises
    ------
    ValueError
        If no header has one, or one that can't be right.

    Warns
    -----
    ReaderWarning
        If something was put right.
    """
    for header in headers:
        types = [str(header.get(f"CTYPE{axis}", "")) for axis in (1, 2)]
        if all(map(_CTYPE.match, types)):
            return _from_header(header, types, shape, path)
    raise ValueError(f"{path} has no celestial WCS in any header; {_HINT}")


def _from_header(header, types, shape, path):
    new = fits.Header([card for card in header.cards
                       if card.keyword not in ("COMMENT", "HISTORY", "")])
    names, projections = zip(*[_CTYPE.match(item).groups() for item in types])
    if _PAIRS[names[0]] != names[1]:
        raise ValueError(f"{path}: the axes {types[0]} and {types[1]} make no WCS; {_HINT}")
    right = [f"{name:-<4}-{projections[0]}" for name in names]
    if right != [item.rstrip() for item in types]:
        warnings.warn(f"{path}: the axis types {' and '.join(types)} are not valid FITS; read "
                      f"as {' and '.join(right)}", ReaderWarning, stacklevel=6)
    new["CTYPE1"], new["CTYPE2"] = right
    try:
        wcs = _celestial(new, shape)
        side = side_of_spaxel(wcs)
        if side > 60 and _is_arcsec(header):
            warnings.warn(f"{path}: its WCS has spaxels of {side / 3600:.3g} degrees; read as "
                          "arcsec", ReaderWarning, stacklevel=6)
            for axis in (1, 2):
                # reference values stay degrees, so the unit can't just be put right
                for key in (f"CDELT{axis}", f"CD{axis}_1", f"CD{axis}_2"):
                    if key in new:
                        new[key] /= 3600
            wcs = _celestial(new, shape)
            side = side_of_spaxel(wcs)
    except (ValueError, TypeError, np.linalg.LinAlgError) as error:
        raise ValueError(f"{path}: its header describes no valid WCS "
                         f"({' '.join(str(error).split())}); {_HINT}") from None
    if not 1e-3 < side < 60:
        raise ValueError(f"{path}: its WCS has spaxels of {side:.3g} arcsec, which can't be "
                         f"right; {_HINT}")
    return wcs


def _is_arcsec(header):
    """Whether numbers that were taken for degrees look like arcsec."""
    units = {str(header.get(f"CUNIT{axis}", "deg")).strip().lower() for axis in (1, 2)}
    return units <= {"", "deg", "degree", "degrees"}


def _celestial(header, shape):
    with warnings.catch_warnings():
        # dates and units of old headers are put right, which is no news to a user
        warnings.simplefilter("ignore", FITSFixedWarning)
        wcs = WCS(header, naxis=2).celestial
        wcs.wcs.set()
    wcs.pixel_shape = shape[::-1]
    return wcs


def side_of_spaxel(wcs):
    """Return the mean side of a spaxel in arcsec."""
    return float(np.sqrt(np.prod(proj_plane_pixel_scales(wcs)))) * 3600


def pixel_of_center(center, wcs, shape, header, path):
    """
    Return the position of the centre of the galaxy.

    Parameters
    ----------
    center : str or tuple or `~astropy.coordinates.SkyCoord`
        ``"reference"``, ``"image"``, two keywords, the column and the row (from 0) of a
        pixel, two angles, or a position.
    wcs : `~astropy.wcs.WCS` or None
        The WCS of the map.
    shape : tuple of int
        Shape of the map.
    header : `~astropy.io.fits.Header`
        Where keywords are looked up.
    path : str
        The file, for messages.

    Returns
    -------
    column, row : float
        From 0.

    Raises
    ------
    ValueError
        If it is nothing of the kind, or not on the map.

    Warns
    -----
    ReaderWarning
        If the reference position is not on the map: its middle is taken.
    """
    middle = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    if isinstance(center, str):
        if center not in ("reference", "image"):
            raise ValueError(f"center must be 'reference', 'image', a position or a pair, not "
                             f"{center!r}")
        if center == "image" or wcs is None:
            return middle
        pixel = tuple(float(value) for value in wcs.wcs.crpix - 1)
        if _inside(pixel, shape):
            return pixel
        warnings.warn(f"{path}: the reference position of its WCS is not on the map, so that "
                      "the centre of the galaxy is taken to be in the middle; give center= (a "
                      "SkyCoord)", ReaderWarning, stacklevel=5)
        return middle
    if not isinstance(center, SkyCoord):
        try:
            first, second = center
        except (TypeError, ValueError):
            raise ValueError("center must be a SkyCoord or a pair, not "
                             f"{center!r}") from None
        if isinstance(first, str):
            first, second = (header.get(key) for key in (first, second))
            if first is None or second is None or wcs is None:
                return pixel_of_center("reference", wcs, shape, header, path)
            first, second = first * u.deg, second * u.deg
        elif not isinstance(first, u.Quantity):
            pixel = float(first), float(second)
            if not _inside(pixel, shape):
                raise ValueError(f"center is the pixel {pixel}, which is not on the map of "
                                 f"{shape[1]} columns and {shape[0]} rows")
            return pixel
        center = SkyCoord(first, second)
    if wcs is None:
        raise ValueError(f"{path} has no WCS, so center must be a pixel: a pair (column, row), "
                         "from 0")
    pixel = tuple(float(value) for value in wcs.world_to_pixel(center))
    if not _inside(pixel, shape):
        raise ValueError(f"{path}: the centre {center.to_string('hmsdms')} is not on the map")
    return pixel


def _inside(pixel, shape):
    return all(-0.5 <= value <= length - 0.5 for value, length in zip(pixel, shape[::-1]))


def grid_offsets(spaxel, shape, center):
    """
    Return the offsets of the pixels of a map without a WCS.

    Parameters
    ----------
    spaxel : float or `~astropy.units.Quantity` or pair of them
        Side of a spaxel in arcsec (north up, east left), or the steps to the East along a
        row and to the North along a column.
    shape : tuple of int
        Shape of the map.
    center : tuple of float
        Column and row of the centre, from 0.

    Returns
    -------
    east, north : `~numpy.ndarray`
        In arcsec.

    Raises
    ------
    ValueError
        If a step is zero, or a side is not positive.

    Examples
    --------
    >>> from kinmis.readers.sky_grid import grid_offsets
    >>> grid_offsets(0.5, (1, 3), (1, 0))[0]
    array([[ 0.5,  0. , -0.5]])
    """
    if np.size(spaxel) == 1:
        side = scalar_in(spaxel, u.arcsec, "spaxel")
        if side <= 0:
            raise ValueError(f"spaxel must be positive, not {side}; for a map that is not north "
                             "up, east left, give the two steps")
        steps = -side, side
    else:
        try:
            first, second = spaxel
        except ValueError:
            raise ValueError(f"spaxel must be one number or a pair, not {spaxel!r}") from None
        steps = (scalar_in(first, u.arcsec, "spaxel[0]"),
                 scalar_in(second, u.arcsec, "spaxel[1]"))
        if 0 in steps:
            raise ValueError(f"spaxel has a step of zero: {spaxel!r}")
    row, column = np.indices(shape)
    return steps[0] * (column - center[0]), steps[1] * (row - center[1])
