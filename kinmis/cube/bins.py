"""Spectra of bins, summed up slab by slab."""

import numpy as np

__all__ = ["BinnedSpectra"]


class BinnedSpectra:
    """
    Mean spectra of bins.

    Cubes that were binned already repeat the spectrum of a bin in each of its spaxels. Then the
    noise of one spaxel is that of the bin; else noise falls with the number of spaxels.
    Spaxels in no bin are left out.

    Parameters
    ----------
    bin_id : `~numpy.ndarray`
        Bin of each spaxel, flat, negative for none.
    channels : int
        How many.

    Examples
    --------
    >>> import numpy as np
    >>> from kinmis.cube.bins import BinnedSpectra
    >>> bins = BinnedSpectra(np.array([0, 0, 7]), 1)
    >>> bins.add(np.arange(3), np.array([[1.0], [3.0], [5.0]]), np.ones((3, 1)))
    >>> flux, ivar = bins.spectra()
    >>> flux.ravel(), ivar.ravel(), bins.repeats
    (array([2., 5.]), array([2., 1.]), False)
    """

    def __init__(self, bin_id, channels):
        bin_id = np.ravel(bin_id)
        self.number = np.full(bin_id.shape, -1)
        names, self.number[bin_id >= 0] = np.unique(bin_id[bin_id >= 0], return_inverse=True)
        count = len(names)
        self._flux = np.zeros((count, channels))
        self._variance = np.zeros((count, channels))
        self._count = np.zeros((count, channels))
        self._range = np.full((2, count), [[np.inf], [-np.inf]])

    def add(self, places, flux, ivar):
        """Add spectra of spaxels, whose places in the map (flat) are given."""
        number = self.number[places]
        inside = number >= 0
        number, flux, ivar = number[inside], flux[inside], ivar[inside]
        order = np.argsort(number, kind="stable")
        number, flux, ivar = number[order], flux[order], ivar[order]
        if not number.size:
            return
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        names = number[starts]
        good = ivar > 0
        with np.errstate(divide="ignore"):
            variance = np.where(good, 1 / ivar, 0)
        for total, item in ((self._flux, np.where(good, flux, 0)), (self._variance, variance),
                            (self._count, good)):
            total[names] += np.add.reduceat(item, starts, axis=0, dtype=float)
        brightness = flux.sum(axis=1)
        self._range[0, names] = np.minimum(self._range[0, names],
                                           np.minimum.reduceat(brightness, starts))
        self._range[1, names] = np.maximum(self._range[1, names],
                                           np.maximum.reduceat(brightness, starts))

    @property
    def repeats(self):
        """Whether all spaxels of each bin have one spectrum."""
        low, high = self._range[:, np.isfinite(self._range[0])]
        return bool(np.all(high - low <= 1e-6 * np.maximum(np.abs(low), np.abs(high))))

    def spectra(self):
        """Return mean spectra and their inverse variance, a row for each bin."""
        with np.errstate(divide="ignore", invalid="ignore"):
            flux = self._flux / self._count
            ivar = self._count / self._variance * (1 if self.repeats else self._count)
        bad = self._count == 0
        flux[bad], ivar[bad] = 0, 0
        return flux, ivar

    def spread(self, fit):
        """Return the places of all spaxels in bins, and the fit of its bin for each."""
        places = np.flatnonzero(self.number >= 0)
        rows = self.number[places]
        return places, fit._replace(**{name: getattr(fit, name)[rows] for name in fit._fields})
