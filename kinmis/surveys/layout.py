"""What a field is like: its extent, shape, coverage, bins and velocities, as numbers."""

import astropy.units as u
import numpy as np

__all__ = ["describe"]

_ANGLES = np.deg2rad(np.arange(0, 180, 5))


def describe(field):
    """
    Measure what a field is like, for a comparison with other fields.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        A map or a list.

    Returns
    -------
    numbers : dict
        ``spaxel``: side of a spaxel (arcsec), None of a list that does not tell it.
        ``extent``: widest extent of the valid data (arcsec), with the spaxels' own size.
        ``roundness``: narrowest extent over widest: 1 for a circle, 0.87 for a hexagon, 0.71 for
        a square.
        ``coverage``: valid area over that of the convex hull; None of a list.
        ``offset``: distance of the middle of the valid data from the centre of the galaxy,
        over half the extent.
        ``bins``: number of independent data.
        ``velocity``: half the range between the 5th and 95th percentile of the valid data (km/s).
        Where nothing is valid all are None but ``spaxel`` and ``bins``.

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.surveys import describe
    >>> numbers = describe(mock.velocity_field(shape="circle", size=15, seed=1))
    >>> round(numbers["extent"], 1), round(numbers["roundness"], 2)
    (15.5, 0.99)
    """
    steps = _steps(field)
    spaxel = _spaxel(field, steps)
    good = ~field.mask & np.isfinite(field.data)
    numbers = {"spaxel": spaxel, "bins": field.n_bins}
    if not good.any():
        return numbers | dict.fromkeys(("extent", "roundness", "coverage", "offset",
                                        "velocity"))
    places = np.stack([field.east.value[good], field.north.value[good]], axis=-1).astype(float)
    projected = places @ np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])
    widths = np.ptp(projected, axis=0) + (spaxel or 0)
    extent = float(widths.max())
    low, high = np.percentile(field.data[good], (5, 95))
    return numbers | {
        "extent": extent,
        "roundness": float(widths.min() / extent) if extent else None,
        "coverage": None if steps is None else _coverage(places, steps),
        "offset": float(np.hypot(*places.mean(axis=0)) / (extent / 2)) if extent else None,
        "velocity": float(high - low) / 2}


def _steps(field):
    """Return the offsets of a step along each axis of a map, None of a list."""
    if field.data.ndim == 1 or min(field.shape) < 2:
        return None
    arrays = field.east.value, field.north.value
    steps = np.array([[np.nanmedian(np.diff(array, axis=axis)) for array in arrays]
                      for axis in (0, 1)], float)
    return steps if np.isfinite(steps).all() else None


def _spaxel(field, steps):
    told = field.meta.get("spaxel")
    if isinstance(told, u.Quantity):
        return float(told.to_value(u.arcsec))
    if steps is None:
        return None
    # one row or column on one place has no area
    return float(np.sqrt(abs(np.linalg.det(steps)))) or None


def _coverage(places, steps):
    """Return the area of the spaxels over that of their hull, corners included."""
    from scipy.spatial import ConvexHull
    area = abs(np.linalg.det(steps))
    if area == 0:
        return None
    corners = [places + (first * steps[0] + second * steps[1]) / 2
               for first in (-1, 1) for second in (-1, 1)]
    hull = ConvexHull(np.concatenate(corners)).volume
    return min(float(len(places) * area / hull), 1.0)
