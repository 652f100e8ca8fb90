"""
Read MAPS files of the MaNGA data analysis pipeline (DAP), format ``manga-dap``.

Extensions, channels and bits are those of the data model of the DAP [1]_, as in the public
releases DR15, DR16 and DR17. Everything is found by its name: DR15 has 22 lines and H-alpha
in channel 19, DR17 has 35 and H-alpha in channel 24.

References
----------
.. [1] Westfall et al. 2019, AJ 158, 231; https://sdss-mangadap.readthedocs.io
"""

import os
import warnings
from typing import NamedTuple

import astropy.constants as const
import astropy.units as u
import numpy as np

from kinmis._sky import LazyWCS
from kinmis._units import KMS
from kinmis.exceptions import QualityWarning
from kinmis.galaxy import Galaxy
from kinmis.readers.celestial import spaxel_of_header, wcs_of_header
from kinmis.readers.fits_stream import first_header, read_extensions
from kinmis.readers.formats import register_reader
from kinmis.readers.sas import find_maps, is_plateifu
from kinmis.velocity_field import VelocityField

__all__ = ["PIXMASK_BITS", "QUALITY_BITS", "read_maps"]

PIXMASK_BITS = {
    "NOCOV": 0, "LOWCOV": 1, "DEADFIBER": 2, "FORESTAR": 3, "NOVALUE": 4, "UNRELIABLE": 5,
    "MATHERROR": 6, "FITFAILED": 7, "NEARBOUND": 8, "NOCORRECTION": 9, "MULTICOMP": 10,
    "DONOTUSE": 30,
}
"""Bits of the masks of MAPS files, ``MANGA_DAPPIXMASK``."""

QUALITY_BITS = {
    "FORESTAR": 0, "BADZ": 1, "LINELESS": 2, "PPXFFAIL": 3, "SINGLEBIN": 4, "BADGEOM": 5,
    "DRPCRIT": 28, "DAPCRIT": 29, "CRITICAL": 30,
}
"""Bits of the quality of a whole MAPS file, ``MANGA_DAPQUAL``."""

# those that cast doubt on the velocities or on what the metadata say
_SERIOUS = ("BADZ", "PPXFFAIL", "BADGEOM", "DRPCRIT", "DAPCRIT", "CRITICAL")
_C = float(const.c.to_value(KMS))
_EXTENSIONS = {"stellar": "STELLAR_VEL", "gas": "EMLINE_GVEL"}
_RELEASES = {"v2_4_3": "DR15", "v3_1_1": "DR17"}     # by the version of the reduction


def read_maps(source, *, line="Ha-6564", mask_bits=None, release=None, bintype=None,
              template=None):
    """
    Read the stellar and the gas velocity field of a MAPS file of MaNGA.

    Of a gzipped file no more is inflated than is needed. What is used is compared with the
    checksums of the file (``DATASUM``); damage further on is not seen.

    Parameters
    ----------
    source : str
        Path of a MAPS file (DR15 to DR17, bins of any type), gzipped or not, or a plate-IFU
        such as ``"8485-1901"``, which is looked for in the local tree ``$SAS_BASE_DIR``.
    line : str, optional
        Emission line whose velocity is the gas velocity. All lines share one velocity in
        these files, and differ in where it can be measured.
    mask_bits : sequence of str or int, optional
        Bits of ``MANGA_DAPPIXMASK`` that make a spaxel bad, by name or by number; by default
        any bit does. Spaxels with zero inverse variance are bad anyway.
    release, bintype, template : str, optional
        Which file of a plate-IFU to read, see `kinmis.readers.sas.maps_path`. ``release``
        also names the release of a file that does not tell its own.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`
        Velocities are relative to the redshift of the catalogue, ``v_ref``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file is truncated or damaged.
    ValueError
        If it is not FITS, lacks an extension or a channel, or if a bit is unknown.

    Warns
    -----
    QualityWarning
        If the pipeline itself calls the data doubtful (``DAPQUAL``).
    """
    chosen = mask_value(mask_bits)
    path = source
    if is_plateifu(source) and not os.path.isfile(source):
        path = find_maps(source, release, bintype, template)
    return make_galaxy(read_planes(path, line), path, line=line, chosen=chosen, release=release)


class MapsPlanes(NamedTuple):
    """
    What of a MAPS file a galaxy is made from, wherever it was read.

    Parameters
    ----------
    primary : `~kinmis.readers.cards.Cards`
        The primary header.
    header : `~kinmis.readers.cards.Cards`
        The celestial WCS.
    wcs : `~kinmis._sky.LazyWCS`
        The same, ready to be made.
    offsets : pair of `~numpy.ndarray`
        To the East and North, in arcsec.
    bins : dict
        From component to the map of bin numbers.
    maps : dict
        From component to velocity, inverse variance and mask bits.
    """

    primary: object
    header: object
    wcs: object
    offsets: tuple
    bins: dict
    maps: dict


def read_planes(path, line):
    """
    Read from a MAPS file what a galaxy is made from.

    Parameters
    ----------
    path : str
        The file.
    line : str
        Emission line of the gas.

    Returns
    -------
    planes : `MapsPlanes`

    Raises
    ------
    OSError, ValueError
        As for `read_maps`.
    """
    found = read_extensions(path, {
        "SPX_SKYCOO": None,
        "BINID": None,
        "STELLAR_VEL": None, "STELLAR_VEL_IVAR": None, "STELLAR_VEL_MASK": None,
        **dict.fromkeys(("EMLINE_GVEL", "EMLINE_GVEL_IVAR", "EMLINE_GVEL_MASK"),
                        lambda header: _channel(header, line, path)),
    })
    header = found["STELLAR_VEL"].header
    bins = _planes(found["BINID"], ("Stellar continua", "Em. line models"), path)
    return MapsPlanes(
        found["PRIMARY"].header, header, LazyWCS(wcs_of_header, header, path),
        _planes(found["SPX_SKYCOO"], ("On-sky X", "On-sky Y"), path),
        {component: bins[number] for number, component in enumerate(_EXTENSIONS)},
        {component: tuple(found[name + suffix].image for suffix in ("", "_IVAR", "_MASK"))
         for component, name in _EXTENSIONS.items()})


def make_galaxy(planes, source, *, line, chosen=-1, release=None, extra=None,
                facts=None):
    """
    Make a galaxy from what a MAPS file, or a server that has the file, holds.

    Parameters
    ----------
    planes : `MapsPlanes`
        What was read.
    source : str
        Where it comes from.
    line : str
        Emission line of the gas.
    chosen : int, optional
        Number with the bits set that make a spaxel bad, see `mask_value`.
    release : str, optional
        Data release.
    extra : dict, optional
        Further metadata.
    facts : dict, optional
        Metadata for where the header has none.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`

    Warns
    -----
    QualityWarning
        If the pipeline itself calls the data doubtful (``DAPQUAL``).
    """
    meta = _metadata(planes.primary, source, release)
    _warn_of_quality(meta, source)
    if (spaxel := spaxel_of_header(planes.header)) is not None:
        meta["spaxel"] = spaxel
    lacking = {key: value for key, value in (facts or {}).items() if key not in meta}
    if lacking.keys() - {"summary"}:
        meta.update(lacking)
    meta.update(extra or {})
    east, north = planes.offsets
    reference = planes.primary.get("SCINPVEL")
    fields = {}
    for component, (velocity, ivar, bits) in planes.maps.items():
        fields[component] = VelocityField.from_arrays(
            velocity, ivar=ivar, mask=bits.astype(np.int64) & chosen != 0,
            east=east, north=north, bin_id=planes.bins[component], wcs=planes.wcs, meta=meta,
            component=component, line=line if component == "gas" else None,
            v_ref=reference)
    return Galaxy(**fields, meta=meta)


def _identify(source):
    """Return whether a source is a plate-IFU or a MAPS file, whatever its name."""
    if not isinstance(source, str):
        return False
    try:
        return first_header(source).get("DAPFRMT") == "MAPS"
    except FileNotFoundError:
        return is_plateifu(source)
    except (OSError, ValueError):
        # a file that breaks off early is best explained by the reader of its kind
        name = os.path.basename(source)
        return name.startswith("manga-") and "-MAPS-" in name


def mask_value(bits):
    """Return the number that has the chosen bits set; all for None."""
    if bits is None:
        return -1
    value = 0
    for bit in [bits] if isinstance(bits, (str, int)) else bits:
        number = PIXMASK_BITS.get(bit.upper()) if isinstance(bit, str) else bit
        if number is None or not 0 <= number < 63:
            raise ValueError(f"mask_bits has {bit!r}, which is no bit of MANGA_DAPPIXMASK; "
                             f"there are {', '.join(PIXMASK_BITS)} (or numbers)")
        value |= 1 << int(number)
    return value


def _channel(header, name, path):
    """Return the number of a channel, from 0; some releases write C1, others C01."""
    number = header.keyword_of(name, "C")
    if number is None:
        raise ValueError(f"{path}: the extension {header.get('EXTNAME')} has no channel "
                         f"{name!r}; it has {', '.join(header.numbered('C').values())}")
    return number - 1


def _planes(extension, names, path):
    """Return the planes of a cube with the given names."""
    numbers = [_channel(extension.header, name, path) for name in names]
    if extension.image.ndim != 3 or max(numbers) >= len(extension.image):
        raise ValueError(f"{path}: the extension {extension.name} has the shape "
                         f"{extension.image.shape}, too few planes for its channels")
    return extension.image[numbers]


def _metadata(primary, path, release):
    """Return what the primary header tells of the galaxy."""
    kind = primary.get("DAPTYPE", "")
    bintype, _, template = kind.partition("-")
    quality = primary.get("DAPQUAL", 0)
    reference = primary.get("SCINPVEL")
    # what the pipeline works with where the catalogue has no photometry
    missing = (primary.get("ECOOELL"), primary.get("ECOOPA"), primary.get("REFF")) == (0, 0, 1)
    photometry = {} if missing or quality & 1 << QUALITY_BITS["BADGEOM"] else {
        "reff": _quantity(primary.get("REFF"), u.arcsec),
        "photometric_pa": _quantity(primary.get("ECOOPA"), u.deg),
        "ellipticity": primary.get("ECOOELL"),
    }
    meta = {
        "id": primary.get("PLATEIFU"), "plateifu": primary.get("PLATEIFU"),
        "mangaid": primary.get("MANGAID"), "survey": "MaNGA",
        "release": (release and str(release).upper()) or _RELEASES.get(primary.get("VERSDRP3")),
        "source": path,
        "ra": primary.get("OBJRA"), "dec": primary.get("OBJDEC"),
        "z": None if reference is None else reference / _C,
        **photometry,
        "psf_fwhm": _quantity(primary.get("RFWHM"), u.arcsec),
        "daptype": kind or None, "bintype": bintype or None, "template": template or None,
        "quality_bits": quality,
    }
    return {key: value for key, value in meta.items() if value is not None}


def _quantity(value, unit):
    """Return a number as a Quantity, or None where it is the mark of a missing value."""
    return None if value is None or value <= -999 else float(value) * unit


def _warn_of_quality(meta, path):
    names = [name for name in _SERIOUS if meta["quality_bits"] >> QUALITY_BITS[name] & 1]
    if names:
        meta["quality_warning"] = ", ".join(names)
        warnings.warn(f"{path}: the pipeline flags these data {meta['quality_warning']} "
                      "(MANGA_DAPQUAL)", QualityWarning, stacklevel=5)


register_reader("manga-dap", read_maps, _identify, priority=10,
                recognises="FITS with DAPFRMT = MAPS; plate-IFUs",
                description="MAPS file of MaNGA (DR15 to DR17), or a plate-IFU such as "
                            "8485-1901 in the local tree $SAS_BASE_DIR")
