"""Arithmetic on the circle, in degrees."""

import numpy as np

__all__ = ["angle_difference", "wrap_180", "wrap_360"]


def wrap_360(angle):
    """
    Return the angle in [0, 360) deg.

    Parameters
    ----------
    angle : float or array-like
        In deg.

    Returns
    -------
    angle : float or `~numpy.ndarray`

    Examples
    --------
    >>> from kinmis.position_angle.circular import wrap_360
    >>> float(wrap_360(-30))
    330.0
    """
    wrapped = np.mod(angle, 360.)
    # np.mod(-1e-20, 360) is 360
    return np.where(wrapped == 360., 0., wrapped)[()]


def wrap_180(angle):
    """
    Return the angle in (-180, 180] deg.

    Parameters
    ----------
    angle : float or array-like
        In deg.

    Returns
    -------
    angle : float or `~numpy.ndarray`

    Examples
    --------
    >>> from kinmis.position_angle.circular import wrap_180
    >>> float(wrap_180(-180)), float(wrap_180(350))
    (180.0, -10.0)
    """
    return 180. - np.mod(180. - np.asarray(angle, dtype=float), 360.)[()]


def angle_difference(first, second):
    """
    Return ``first - second`` on the circle, in (-180, 180] deg.

    Parameters
    ----------
    first, second : float or array-like
        In deg.

    Returns
    -------
    difference : float or `~numpy.ndarray`

    Examples
    --------
    >>> from kinmis.position_angle.circular import angle_difference
    >>> float(angle_difference(10, 350))
    20.0
    """
    return wrap_180(np.subtract(first, second))
