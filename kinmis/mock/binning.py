"""Voronoi-like bins: single spaxels where the signal is high, larger bins where it is low."""

import numpy as np

from kinmis.mock.noise import correlation

__all__ = ["bin_error", "bin_field", "bin_mean"]


def bin_field(x, y, light, n_bins):
    """
    Share spaxels out among bins of about equal signal-to-noise.

    Parameters
    ----------
    x, y : `~numpy.ndarray`
        Positions of the spaxels, 1-D.
    light : `~numpy.ndarray`
        Their surface brightness; the squared signal-to-noise is proportional to it.
    n_bins : int
        Number of bins, from 1 to the number of spaxels.

    Returns
    -------
    bin_id : `~numpy.ndarray` of int
        0 to ``n_bins - 1``; every bin has a spaxel. Bins are numbered outward from the
        brightest.

    Notes
    -----
    The spaxels are cut in two along their longer axis, again and again, each part getting
    bins in proportion to its share of the signal; then every spaxel goes to the bin whose
    centroid is nearest in units of the bin's size, as in the weighted Voronoi tessellation
    of Diehl and Statler 2006 (MNRAS 368, 497). Bins are compact but need not be connected.
    """
    if not 1 <= n_bins <= len(x):
        raise ValueError(f"bins must be from 1 to the number of spaxels, {len(x)}, not {n_bins}")
    if n_bins == len(x):
        bin_id = np.arange(n_bins)
    else:
        bin_id = _refine(_split(x, y, _share(light, n_bins), n_bins), x, y, light, n_bins)
    brightness = np.bincount(bin_id, light) / np.bincount(bin_id)
    rank = np.empty(n_bins, int)
    rank[np.argsort(-brightness, kind="stable")] = np.arange(n_bins)
    return rank[bin_id]


def _share(light, n_bins):
    """Return the bins that each spaxel is worth: 1 at most, ``n_bins`` in all."""
    ordered = np.sort(light)[::-1]
    rest = ordered[::-1].cumsum()[::-1]
    # with the k brightest alone, the others share what is left
    alone = np.arange(n_bins)
    scale = (n_bins - alone) / rest[:n_bins]
    fits = scale * ordered[:n_bins] <= 1
    k = np.argmax(fits) if fits.any() else n_bins - 1
    return np.minimum(light * scale[k], 1)


def _split(x, y, share, n_bins):
    bin_id = np.empty(len(x), int)
    parts = [(np.arange(len(x)), n_bins)]
    done = 0
    while parts:
        members, count = parts.pop()
        if count == 1:
            bin_id[members] = done
            done += 1
            continue
        if count == len(members):
            bin_id[members] = done + np.arange(count)
            done += count
            continue
        first, second = x[members], y[members]
        if np.ptp(second) > np.ptp(first):
            first, second = second, first
        members = members[np.lexsort((second, first))]
        total = share[members].cumsum()
        half = count // 2
        cut = np.searchsorted(total, total[-1] * half / count) + 1
        cut = min(max(cut, half), len(members) - (count - half))
        parts += [(members[:cut], half), (members[cut:], count - half)]
    return bin_id


def _refine(bin_id, x, y, light, n_bins, rounds=3):
    from scipy.spatial import cKDTree  # slow to import, and needed for bins only
    for _ in range(rounds):
        area = np.bincount(bin_id, minlength=n_bins)
        flux = np.bincount(bin_id, light, n_bins)
        x_bin = np.bincount(bin_id, light * x, n_bins) / flux
        y_bin = np.bincount(bin_id, light * y, n_bins) / flux
        neighbours = min(8, n_bins)
        distance, near = cKDTree(np.column_stack([x_bin, y_bin])).query(
            np.column_stack([x, y]), k=neighbours)
        if neighbours == 1:
            return bin_id
        best = near[np.arange(len(x)), np.argmin(distance / np.sqrt(area)[near], axis=1)]
        # no bin may lose its last spaxel
        new = best
        lost = np.setdiff1d(np.arange(n_bins), new)
        for lonely in lost:
            old = np.flatnonzero(bin_id == lonely)
            counts = np.bincount(new, minlength=n_bins)
            free = old[counts[new[old]] > 1]
            if len(free) == 0:
                return bin_id
            new[free[0]] = lonely
        bin_id = new
    return bin_id


def bin_mean(values, light, bin_id):
    """Return the mean of each bin, weighted with the light; no bin may be empty."""
    return np.bincount(bin_id, light * values) / np.bincount(bin_id, light)


def bin_error(error, light, bin_id, row=None, column=None, fwhm=0.0):
    """
    Return the error of each bin's weighted mean.

    Parameters
    ----------
    error, light : `~numpy.ndarray`
        Of the spaxels.
    bin_id : `~numpy.ndarray` of int
        Consecutive from 0.
    row, column : `~numpy.ndarray` of int, optional
        Array indices of the spaxels; needed for correlated noise.
    fwhm : float, optional
        Of the Gaussian that correlates the noise (spaxels).

    Returns
    -------
    error : `~numpy.ndarray`
    """
    part = light * error / np.bincount(bin_id, light)[bin_id]
    variance = np.bincount(bin_id, part**2)
    if fwhm:
        members = np.argsort(bin_id, kind="stable")
        ends = np.bincount(bin_id).cumsum()
        for start, end in zip(np.concatenate([[0], ends[:-1]]), ends):
            if end - start > 1:
                m = members[start:end]
                squared = ((row[m] - row[m, None]) ** 2 + (column[m] - column[m, None]) ** 2)
                variance[bin_id[m[0]]] = part[m] @ correlation(squared, fwhm) @ part[m]
    return np.sqrt(variance)
