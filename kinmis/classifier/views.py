"""The 16 views of a galaxy that all deserve one answer: turns, mirror images, both signs."""

import numpy as np

__all__ = ["N_VIEWS", "all_views"]

N_VIEWS = 16


def all_views(images):
    """
    Return images in the 8 symmetries of the square, with velocities of either sign.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, size, size, 4)
        Velocity and coverage of each field and of its partner.

    Returns
    -------
    views : `~numpy.ndarray`, shape (n, 16, size, size, 4)
    """
    views = np.empty((len(images), N_VIEWS, *images.shape[1:]), images.dtype)
    for turn in range(4):
        turned = np.rot90(images, turn, axes=(1, 2))
        views[:, turn] = turned
        views[:, 4 + turn] = turned[:, ::-1]
    views[:, 8:] = views[:, :8]
    views[:, 8:, ..., ::2] *= -1
    return views
