"""Celestial WCSs: made from a header, taken to pieces, and put together again."""

import math
import re
import warnings

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning, Sip

__all__ = ["dict_to_wcs", "spaxel_of_header", "wcs_of_header", "wcs_to_dict"]

# keywords that the short way does not understand: distortions, parameters, rotation, names
_SPECIAL = re.compile(rb"\n(?:P[VS]\d|CD\d|CROTA|[AB]P?_|C[PQ]DIS|D2IM|D[PQ]\d|WCSNAME|CNAME)")
_TEXTS = ("radesys", "dateobs")
_NUMBERS = ("lonpole", "latpole", "equinox", "mjdobs")


def wcs_of_header(header, path):
    """
    Return the celestial WCS that a header describes.

    A plain header, which nearly every map has, takes 50 microseconds here, and a thousand
    through `~astropy.wcs.WCS`.

    Parameters
    ----------
    header : `~kinmis.readers.cards.Cards`
        The header.
    path : str
        The file, for messages.

    Returns
    -------
    wcs : `~astropy.wcs.WCS` or None
        Two-dimensional; None where the header describes none.

    Raises
    ------
    ValueError
        If the header describes a WCS that makes no sense.
    """
    get = header.get
    if "CTYPE1" not in header:
        return None
    try:
        if (get("WCSAXES", get("NAXIS")) != 2
                or _SPECIAL.search(b"\n" + b"\n".join(header.keywords))):
            wcs = _by_astropy(fits.Header.fromstring(header.raw))
        else:
            wcs = _plain({
                "ctype": [get("CTYPE1"), get("CTYPE2", "")],
                "cunit": [get("CUNIT1", ""), get("CUNIT2", "")],
                "pc": _matrix(header),
                **{name: [get(f"{name.upper()}{axis}", default) for axis in (1, 2)]
                   for name, default in (("crpix", 0), ("crval", 0), ("cdelt", 1))},
                **{name: get(keyword) for name, keyword in zip(
                    _TEXTS + _NUMBERS, ("RADESYS", "DATE-OBS", "LONPOLE", "LATPOLE", "EQUINOX",
                                        "MJD-OBS"))},
            })
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: its header describes no valid WCS: {error}") from None
    if wcs is None or not wcs.has_celestial:
        return None
    wcs.pixel_shape = get("NAXIS1"), get("NAXIS2")
    return wcs


def _matrix(header):
    return [[header.get(f"PC{i}_{j}", float(i == j)) for j in (1, 2)] for i in (1, 2)]


def spaxel_of_header(header):
    """
    Return the mean side of a spaxel.

    Parameters
    ----------
    header : `~kinmis.readers.cards.Cards`
        Header of a map or cube with a celestial WCS in degrees.

    Returns
    -------
    spaxel : `~astropy.units.Quantity` or None
        In arcsec, rounded to a thousandth, since headers give the scale in degrees; None
        where the header tells no scale.
    """
    if "CD1_1" in header:
        matrix = [[header.get(f"CD{i}_{j}", 0.) for j in (1, 2)] for i in (1, 2)]
    else:
        matrix = [[header.get(f"CDELT{i}", 1.) * item for item in row]
                  for i, row in enumerate(_matrix(header), 1)]
    side = sum(math.hypot(*column) for column in zip(*matrix)) / 2 * 3600
    return round(side, 3) * u.arcsec if 0 < side < 60 else None


def wcs_to_dict(wcs):
    """
    Take a WCS to pieces that JSON can hold, without rounding any number.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`
        Two-dimensional, celestial.

    Returns
    -------
    pieces : dict
        For `dict_to_wcs`.

    Raises
    ------
    ValueError
        If it holds distortion tables.
    """
    if any(table is not None for table in (wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2)):
        raise ValueError("the WCS holds distortion tables, which can't be written; give the "
                         "field one without them")
    old = wcs.wcs
    # CDELT means nothing beside CD, and astropy warns of looking at it
    arrays = ("crpix", "crval", "cd") if old.has_cd() else ("crpix", "crval", "cdelt")
    pieces = {"ctype": list(old.ctype), "cunit": [str(unit) for unit in old.cunit],
              **{name: getattr(old, name).tolist() for name in arrays},
              **{name: getattr(old, name) for name in _TEXTS + _NUMBERS},
              "pixel_shape": None if wcs.pixel_shape is None else list(wcs.pixel_shape)}
    if not old.has_cd():
        pieces["pc"] = old.get_pc().tolist()
    if wcs.sip is None and dict_to_wcs(pieces).to_header() == wcs.to_header():
        return pieces
    # the rest comes from the text of a header, whose numbers are rounded
    pieces["header"] = wcs.to_header(relax=True).tostring()
    pieces["pv"] = [list(item) for item in old.get_pv()]
    if wcs.sip is not None:
        pieces["sip"] = [None if item is None else np.asarray(item).tolist() for item in (
            wcs.sip.a, wcs.sip.b, wcs.sip.ap, wcs.sip.bp, wcs.sip.crpix)]
    return pieces


def dict_to_wcs(pieces):
    """
    Put a WCS together.

    Parameters
    ----------
    pieces : dict
        From `wcs_to_dict`.

    Returns
    -------
    wcs : `~astropy.wcs.WCS`
    """
    pieces = dict(pieces)
    shape = pieces.pop("pixel_shape")
    header, pv, sip = (pieces.pop(name, None) for name in ("header", "pv", "sip"))
    if header is None:
        wcs = _plain(pieces)
    else:
        wcs = _by_astropy(fits.Header.fromstring(header))
        if pv:
            pieces["pv"] = [tuple(item) for item in pv]
        wcs = _plain(pieces, wcs)
        if sip:
            wcs.sip = Sip(*[None if item is None else np.array(item) for item in sip])
    wcs.pixel_shape = shape
    return wcs


def _plain(pieces, wcs=None):
    wcs = WCS(naxis=2) if wcs is None else wcs
    inner = wcs.wcs
    for name, value in pieces.items():
        if name == "pv":
            inner.set_pv(value)
        elif value is not None:
            setattr(inner, name, value)
    inner.set()
    return wcs


def _by_astropy(header):
    with warnings.catch_warnings():
        # it corrects dates and units of old headers and says so, which is no news to a user
        warnings.simplefilter("ignore", FITSFixedWarning)
        wcs = WCS(header)
    wcs.wcs.set()
    return wcs.celestial if wcs.has_celestial else None
