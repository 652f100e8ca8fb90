"""The 16 views of a galaxy that all deserve one answer: turns, mirror images, both signs."""

import numpy as np

__all__ = ["N_VIEWS", "all_views"]

N_VIEWS = 16


def all_views(images, library=np):
    """
    Return images in the 8 symmetries of the square, with velocities of either sign.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, size, size, 4)
        Velocity and coverage of each field and of its partner.
    library : module
        NumPy, or what can stand for it, such as ``jax.numpy``.

    Returns
    -------
    views : `~numpy.ndarray`, shape (n, 16, size, size, 4)
    """
    turned = [library.rot90(images, turn, axes=(1, 2)) for turn in range(4)]
    views = library.stack([*turned, *(image[:, ::-1] for image in turned)], axis=1)
    # velocities change sign, coverage does not
    sign = np.where(np.arange(images.shape[-1]) % 2 == 0, -1, 1).astype(images.dtype)
    return library.concatenate([views, views * sign], axis=1)
