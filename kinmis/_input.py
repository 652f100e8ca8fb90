"""Checks of the arrays that a `~kinmis.VelocityField` is made from."""

import warnings

import numpy as np

from kinmis._units import IVAR, KMS, values_in
from kinmis.exceptions import InvalidValueWarning

COMPONENTS = ("stellar", "gas")


def check_shape(array, shape, name):
    """Raise `ValueError` unless ``array`` has the shape of the velocity."""
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}, but velocity has {shape}; "
                         "all arrays of a field must have one shape")
    return array


def check_velocity(velocity, mask, ivar, error):
    """
    Return velocity, mask and inverse variance as plain arrays of one shape.

    What can't be used is masked: NaN and zero inverse variance silently, since surveys
    write both for "no measurement", infinite or negative values with a warning.
    """
    velocity = values_in(velocity, KMS, "velocity")
    if velocity.ndim not in (1, 2):
        raise ValueError(f"velocity must be a 1-D list or a 2-D map, not {velocity.ndim}-D "
                         f"(shape {velocity.shape}); pick one plane of a cube first")
    if velocity.size == 0:
        raise ValueError("velocity is empty")
    if ivar is not None and error is not None:
        raise ValueError("give ivar or error, not both")
    mask = (np.zeros(velocity.shape, bool) if mask is None
            else check_shape(_as_mask(mask), velocity.shape, "mask").copy())
    _mask_if(np.isinf(velocity), mask, "an infinite velocity")
    mask |= np.isnan(velocity)
    if error is not None:
        error = check_shape(values_in(error, KMS, "error"), velocity.shape, "error")
        # below 1e-150 the inverse variance would be infinite
        _mask_if(np.isinf(error) | (error < 1e-150), mask,
                 "an error that is infinite, zero or negative")
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ivar = np.where(mask, 0, error.astype(float) ** -2)
    elif ivar is not None:
        ivar = check_shape(values_in(ivar, IVAR, "ivar"), velocity.shape, "ivar")
        _mask_if(np.isinf(ivar) | (ivar < 0), mask,
                 "an inverse variance that is infinite or negative")
    if ivar is not None:
        mask |= ~(ivar > 0)
    return velocity, mask, ivar


def check_bin_id(bin_id, shape):
    """Return bin numbers as an integer array of the given shape, or None."""
    if bin_id is None:
        return None
    bin_id = check_shape(np.asarray(bin_id), shape, "bin_id")
    if bin_id.dtype.kind == "f" and np.array_equal(bin_id, np.round(bin_id)):
        bin_id = bin_id.astype(np.int64)
    if bin_id.dtype.kind not in "iu":
        raise TypeError(f"bin_id must hold whole numbers, not {bin_id.dtype}")
    # unsigned numbers can't say "no bin"; a native signed type can
    return bin_id.astype(np.int32 if bin_id.dtype.itemsize <= 4 and bin_id.dtype.kind == "i"
                         else np.int64, copy=False)


def as_fields(fields):
    """
    Return a list of fields, and whether there was but one, on its own.

    A sequence may hold None for a missing field.
    """
    from kinmis.velocity_field import VelocityField

    if isinstance(fields, VelocityField):
        return [fields], True
    try:
        fields = list(fields)
    except TypeError:
        raise TypeError("fields must be a VelocityField or a sequence of them, "
                        f"not {type(fields).__name__}") from None
    for index, field in enumerate(fields):
        if field is not None and not isinstance(field, VelocityField):
            raise TypeError(f"fields[{index}] must be a VelocityField, "
                            f"not {type(field).__name__}")
    return fields, False


def number_bins(bin_id):
    """
    Return a number for each spaxel that only spaxels of its bin share.

    What is in no bin (a negative number) stands alone, with a number of its own.
    """
    alone = bin_id < 0
    if not alone.any():
        return bin_id
    numbers = bin_id.astype(np.int64)
    numbers[alone] = numbers.max(initial=0) + 1 + np.arange(np.count_nonzero(alone))
    return numbers


def rank_bins(names):
    """
    Return the rank of each name among the names, as ``np.unique`` has it, and how many there are.

    Bins are numbered closely, so that a table of the numbers is several times faster than sorting.
    """
    if not names.size:
        return names.astype(np.intp), 0
    low, high = int(names.min()), int(names.max())
    if high - low > 8 * names.size + 1000:
        kinds, ranks = np.unique(names, return_inverse=True)
        return ranks.ravel(), len(kinds)
    places = names - low
    there = np.zeros(high - low + 1, bool)
    there[places] = True
    rank = np.cumsum(there)
    return (rank - 1)[places], int(rank[-1])


def _as_mask(mask):
    mask = np.asarray(mask)
    if mask.dtype.kind in "iu" and mask.size and mask.min() >= 0 and mask.max() <= 1:
        mask = mask.astype(bool)
    if mask.dtype.kind != "b":
        raise TypeError(f"mask must be boolean (True = bad), not {mask.dtype}; "
                        "decode the bits of a bit mask first, for instance mask = bits != 0")
    return mask


def _mask_if(bad, mask, what):
    """Mask what is bad, and say how much of that was not masked before."""
    new = np.count_nonzero(bad & ~mask)
    if new:
        # out of from_arrays, to the caller's line
        warnings.warn(f"{new} of {mask.size} spaxels outside the mask have {what}; "
                      "they are masked now", InvalidValueWarning, stacklevel=4)
        mask |= bad
