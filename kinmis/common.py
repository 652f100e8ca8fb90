"""The common footprint of two fields: the spaxels that both have, binned alike."""

import numpy as np
from astropy.nddata import InverseVariance

from kinmis._input import number_bins, rank_bins
from kinmis._meta import copy_meta
from kinmis._units import IVAR

#: Bins that two fields must share to be compared.
FEWEST_BINS = 10


def common_footprint(first, second):
    """
    Cut two fields down to the spaxels that both have, and bin both like the one coarser there.

    Stars are often binned and gas is not, or their footprints differ; a warp then looks like
    a misalignment, since each field sees other radii.

    Parameters
    ----------
    first, second : `~kinmis.VelocityField`
        Fields on one grid.

    Returns
    -------
    fields : tuple of two `~kinmis.VelocityField`, or None
        With the same mask and the same bins; a field that is so already is returned itself.
        None if the fields are not on one grid or share fewer than 10 bins.

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.common import common_footprint
    >>> galaxy = mock.galaxy(pa_stellar=40, seed=1)
    >>> stars, gas = common_footprint(galaxy.stellar, galaxy.gas)
    >>> stars.n_bins == gas.n_bins
    True
    """
    if not _on_one_grid(first, second):
        return None
    mask = first.mask | second.mask
    good = ~mask.ravel()
    own = [_bins(field, good) for field in (first, second)]
    count, coarse, bins = min(((numbers.max(initial=-1) + 1, field, numbers)
                               for field, numbers in zip((first, second), own)),
                              key=lambda item: item[0])
    if count < FEWEST_BINS:
        return None
    if np.array_equal(coarse.mask, mask):
        # the very numbers, by which a fit sees that both fields are laid out alike
        bin_id = coarse.bin_id
    else:
        bin_id = np.full(mask.size, -1)
        bin_id[good] = bins
        bin_id = bin_id.reshape(mask.shape)
    return tuple(_binned(field, mask, numbers, bins, bin_id)
                 for field, numbers in zip((first, second), own))


def _bins(field, good):
    """Return the number of the bin of each good spaxel, from 0 on."""
    if field.bin_id is None:
        return np.arange(np.count_nonzero(good))
    return rank_bins(number_bins(field.bin_id.ravel()[good]))[0]


def _on_one_grid(first, second):
    if first.shape != second.shape:
        return False
    return all(_same_memory(one, other) or np.allclose(one, other, atol=1e-3, equal_nan=True)
               for one, other in ((first.east.value, second.east.value),
                                  (first.north.value, second.north.value)))


def _same_memory(one, other):
    """Whether two arrays of one shape are the same numbers in memory."""
    return (one.ctypes.data == other.ctypes.data and one.strides == other.strides
            and one.dtype == other.dtype)


def _binned(field, mask, own, bins, bin_id):
    """Return the field with the mean of each bin; spaxels that repeat a datum count once."""
    good = ~mask.ravel()
    if np.array_equal(own, bins) and np.array_equal(field.mask, mask):
        return field
    area = np.bincount(bins)
    data = np.zeros(mask.size)
    data[good] = (np.bincount(bins, field.data.ravel()[good]) / area)[bins]
    uncertainty = None
    if field.uncertainty is not None:
        variance = np.bincount(bins, 1. / field.uncertainty.array.ravel()[good]) / area
        ivar = np.zeros(mask.size)
        ivar[good] = (_distinct(own, bins, area) / variance)[bins]
        uncertainty = InverseVariance(ivar.reshape(mask.shape), unit=IVAR)
    # a fit needs no more of what is known of the galaxy
    meta = copy_meta({key: field.meta[key] for key in ("id", "reff") if key in field.meta})
    return field._replace(data=data.reshape(mask.shape), mask=mask, uncertainty=uncertainty,
                          bin_id=bin_id, partner=None, meta=meta)


def _distinct(own, bins, area):
    """Return the number of a field's own bins in each bin, of so many spaxels."""
    count = own.max() + 1
    if count == len(own):
        return area     # none repeats
    if np.array_equal(own, bins):
        return np.ones(count)       # binned like this already
    # one number for each pair is sorted faster than pairs
    pairs = np.unique(bins * count + own)
    return np.bincount(pairs // count, minlength=len(area))
