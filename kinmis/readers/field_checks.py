"""`check_field`: what a field lacks that a reader made."""

import pickle
import tempfile
import warnings
from pathlib import Path

import astropy.units as u
import numpy as np

from kinmis._input import number_bins
from kinmis._sky import offsets
from kinmis.readers.findings import Finding
from kinmis.readers.values import BLANKS, bins_of_equal
from kinmis.surveys import describe

__all__ = ["check_field"]

# keys of the metadata, and what a program misses without each
_META = {"id": "name in tables and pictures", "source": "where the data come from",
         "survey": "profile, caveats", "z": "redshift", "ra": "sky position",
         "dec": "sky position", "psf_fwhm": "PSF in pictures and caveats",
         "spaxel": "size of a spaxel", "reff": "radii in effective radii"}
_QUANTITIES = {"reff": u.arcsec, "psf_fwhm": u.arcsec, "spaxel": u.arcsec,
               "photometric_pa": u.deg}
_NUMBERS = ("ra", "dec", "z", "ellipticity")


def check_field(field):
    """
    Say what a field lacks, and what can't be right.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        As a reader made it.

    Returns
    -------
    findings : list of `~kinmis.readers.findings.Finding`

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.readers.field_checks import check_field
    >>> for finding in check_field(mock.velocity_field(seed=1, ivar=False)):
    ...     print(finding.level, finding.text)
    good 1279 of 2304 spaxels are valid, -121 to 118 km/s
    lacking no errors: every datum counts alike in fits
    good lies within 11.2 arcsec of the centre
    lacking metadata lack id (name in tables and pictures)
    good can be written, read back and sent to other processes
    good a position angle can be fitted: 30.1 +/- 0.1 deg
    """
    if field.n_valid == 0:
        return [Finding("wrong", "every spaxel is masked")]
    return [*_of_velocities(field), *_of_errors(field), *_of_bins(field), *_of_places(field),
            *_of_metadata(field), *_of_use(field)]


def _of_velocities(field):
    valid = field.data[~field.mask]
    rows = "bins" if field.data.ndim == 1 else "spaxels"
    text = (f"{field.n_valid} of {field.data.size} {rows} are valid, {valid.min():.0f} to "
            f"{valid.max():.0f} km/s")
    once = valid if field.bin_id is None else valid[np.unique(
        number_bins(field.bin_id[~field.mask]), return_index=True)[1]]
    for blank in BLANKS:
        share = np.mean(np.abs(once - blank) <= 1e-6 * abs(blank))
        # the velocity of one bin may have been taken for zero
        if share > 0.02 and share * len(once) > 1.5:
            yield Finding("wrong", f"{text}; {share:.0%} of them are exactly {blank:g}, which "
                                   "looks like a blank: mask them")
            return
    spread = np.subtract(*np.percentile(valid, (98, 2)))
    if abs(np.median(valid)) > 1000 and field.v_ref is None:
        yield Finding("lacking", f"{text}: these look like cz; subtract what shall be zero and "
                                 "give it as v_ref")
    elif spread > 3000:
        yield Finding("wrong", f"{text}: too much for a galaxy; are they in m/s, or are blanks "
                               "among them?")
    elif spread < 2:
        yield Finding("wrong", f"{text}: too little for a galaxy; are they redshifts?")
    else:
        yield Finding("good", text)


def _of_errors(field):
    if field.error is None:
        yield Finding("lacking", "no errors: every datum counts alike in fits")
        return
    error = np.median(field.error.value[~field.mask])
    spread = np.subtract(*np.percentile(field.data[~field.mask], (98, 2)))
    # some surveys quote no more than a fifth of a km/s
    if error > 2 * spread or error < 0.05:
        yield Finding("wrong", f"the median error is {error:.3g} km/s, and velocities span "
                               f"{spread:.3g}: is it a variance, an inverse variance, or in "
                               "another unit?")
    else:
        yield Finding("good", f"errors, {error:.3g} km/s in the median")


def _of_bins(field):
    if field.bin_id is not None:
        numbers = field.bin_id[~field.mask]
        if np.any(numbers < 0):
            yield Finding("lacking", f"{np.count_nonzero(numbers < 0)} valid spaxels are in no "
                                     "bin (a negative bin_id): each counts for itself")
        yield Finding("good", f"{field.n_bins} bins")
    elif field.data.ndim == 2:
        found = bins_of_equal(field.data, None, field.mask)
        repeated = 0 if found is None else 1 - len(np.unique(found[~field.mask])) / field.n_valid
        if repeated > 0.2:
            yield Finding("wrong", f"{repeated:.0%} of the spaxels repeat the velocity of a "
                                   "neighbour: give bin_id, so that each bin counts once")


def _of_places(field):
    numbers = describe(field)
    if not 0.3 < numbers["extent"] < 1200:
        yield Finding("wrong", f"the data are {numbers['extent']:.3g} arcsec across: are east "
                               "and north in another unit than arcsec?")
        return
    if numbers["roundness"] < 0.02:
        yield Finding("wrong", "the data lie on one line: east and north must differ")
        return
    if numbers["offset"] > 0.8:
        yield Finding("lacking", "the centre of the galaxy lies at the edge of the data or "
                                 "outside: are east and north offsets from it?")
    else:
        yield Finding("good", f"lies within {numbers['extent'] / 2:.1f} arcsec of the centre")
    if field.wcs is not None and field.data.ndim == 2:
        yield from _of_wcs(field)
    if field.meta.get("orientation") == "assumed":
        yield Finding("lacking", "the source does not tell which way is East; an option should")


def _of_wcs(field):
    """Compare the offsets with those that the WCS gives, but for a shift."""
    own = [item.value - np.nanmean(item.value) for item in (field.east, field.north)]
    told = [item - np.nanmean(item) for item in offsets(None, None, None, field.wcs, field.shape)]
    apart = np.nanmax(np.hypot(own[0] - told[0], own[1] - told[1]))
    if apart > 0.1 * max(np.nanmax(np.abs(item)) for item in told):
        mirrored = np.nanmax(np.hypot(own[0] + told[0], own[1] - told[1])) < apart / 10
        yield Finding("wrong", "east and north do not agree with the WCS"
                               + (": East is mirrored" if mirrored else ""))


def _of_metadata(field):
    if field.component == "gas" and field.line is None:
        yield Finding("lacking", "gas without line, such as \"Ha-6564\"")
    missing = [key for key in _META if field.meta.get(key) is None]
    if missing:
        yield Finding("lacking", "metadata lack "
                      + ", ".join(f"{key} ({_META[key]})" for key in missing))
    for key, unit in _QUANTITIES.items():
        value = field.meta.get(key)
        if value is not None and not (isinstance(value, u.Quantity)
                                      and value.unit.is_equivalent(unit)):
            yield Finding("wrong", f"meta[{key!r}] is {value!r}; it must be a Quantity in "
                                   f"{unit}")
    for key in _NUMBERS:
        value = field.meta.get(key)
        if value is not None and not isinstance(value, (int, float, np.number)):
            yield Finding("wrong", f"meta[{key!r}] is {value!r}; it must be a plain number")


def _of_use(field):
    from kinmis.velocity_field import VelocityField
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder, "field.fits")
            field.write(path)
            VelocityField.read(path, format="kinmis")
    except (TypeError, ValueError, OSError) as error:
        yield Finding("wrong", f"can't be written: {error}")
        return
    try:
        pickle.loads(pickle.dumps(field))
    except Exception as error:      # whatever an object in the metadata may raise
        yield Finding("wrong", "can't be sent to other processes (pickle): "
                               f"{type(error).__name__}: {error}")
        return
    yield Finding("good", "can be written, read back and sent to other processes")
    result = field.fit_pa()
    if np.isfinite(result.values["pa"]):
        yield Finding("good", f"a position angle can be fitted: {result.values['pa']:.1f} +/- "
                              f"{result.values['pa_err']:.1f} deg")
    else:
        yield Finding("lacking", "no position angle found in this field; try another galaxy")
