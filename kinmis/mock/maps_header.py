"""Headers of mock MAPS files."""

import re

import astropy.units as u
import numpy as np
from astropy.io import fits

from kinmis._units import KMS
from kinmis.mock.maps_schema import SCHEMAS

__all__ = ["extension_header", "map_cards", "plate_ifu", "primary_header"]

_AUTHOR = "kinmis.mock (a model galaxy)"
_DATE = "2020-01-01"


def plate_ifu(galaxy):
    """Return the name of a galaxy as MaNGA has it, ``"PLATE-IFU"``."""
    name = str(galaxy.meta.get("plateifu") or galaxy.id or "")
    return name if re.fullmatch(r"\d{4,5}-\d{3,5}", name) else "99999-1901"


def primary_header(galaxy, schema, daptype, n_bins):
    """Return the header of the primary extension, with the keywords that the DAP writes."""
    release = SCHEMAS[schema]
    versions = dict(release.versions)
    plateifu = plate_ifu(galaxy)
    plate, ifu = map(int, plateifu.split("-"))
    field = galaxy.stellar if galaxy.stellar is not None else galaxy.gas
    meta = galaxy.meta
    ra, dec = (float(u.Quantity(meta.get(key, default), u.deg).value)
               for key, default in zip(("ra", "dec"), field.wcs.wcs.crval))
    psf = _value(meta.get("psf_fwhm"), u.arcsec, 2.5)
    reference = 0.0 if field.v_ref is None else field.v_ref.to_value(KMS)
    binkey = daptype.split("-")[0]
    header = fits.Header()
    header["MOCK"] = (True, "A model galaxy of kinmis, no observation")
    for key, value, comment in (
            ("AUTHOR", _AUTHOR, ""),
            ("VERSDRP2", versions["VERSDRP2"], "MaNGA DRP version (2d processing)"),
            ("VERSDRP3", versions["VERSDRP3"], "MaNGA DRP Version (3d processing)"),
            ("MASKNAME", "MANGA_DAPPIXMASK", "Bits in sdssMaskbits.par used by mask extension"),
            ("TELESCOP", "SDSS 2.5-M", "Sloan Digital Sky Survey"),
            ("INSTRUME", "MaNGA", "SDSS-IV MaNGA IFU"),
            ("SRVYMODE", "MaNGA dither", "Survey leading this observation and its mode"),
            ("OBJSYS", "ICRS", "The TCC objSys"),
            ("EQUINOX", 2000.0, ""),
            ("RADESYS", "FK5", ""),
            ("NEXP", 9, "Total number of exposures"),
            ("EXPTIME", 8100.0, "Total exposure time (seconds)"),
            ("DATE-OBS", _DATE, "Date of median exposure"),
            ("MNGTARG1", 0, "manga_target1 maskbit"),
            ("MNGTARG2", 0, "manga_target2 maskbit"),
            ("MNGTARG3", 0, "manga_target3 maskbit"),
            ("IFURA", float(field.wcs.wcs.crval[0]), "IFU R.A. (J2000 deg.)"),
            ("IFUDEC", float(field.wcs.wcs.crval[1]), "IFU Dec. (J2000 deg.)"),
            ("OBJRA", ra, "Object R.A. (J2000 deg.)"),
            ("OBJDEC", dec, "Object Dec. (J2000 deg.)"),
            ("PLATEID", plate, "Current plate"),
            ("IFUDSGN", ifu, "ifuDesign"),
            ("PLATEIFU", plateifu, "PLATEID-ifuDesign"),
            ("MANGAID", str(meta.get("mangaid") or f"99-{plate}{ifu:05d}"), "MaNGA ID number"),
            ("DRP3QUAL", 0, "DRP-3d quality bitmask"),
            ("EBVGAL", 0.0, "Galactic reddening E(B-V)"),
            *((f"{band}FWHM", psf, f"Reconstructed FWHM in {band.lower()}-band (arcsec)")
              for band in "GRIZ"),
            ("VERSDAP", versions["VERSDAP"], "MaNGA DAP version"),
            ("DAPTYPE", daptype, "DAP analysis method"),
            ("DAPFRMT", "MAPS", "DAP data file format"),
            ("RDXQAKEY", "SNRG", "Method keyword"),
            ("ECOOPA", _value(meta.get("photometric_pa"), u.deg, 0.0),
             "Position angle for ellip. coo"),
            ("ECOOELL", float(meta.get("ellipticity") or 0.0),
             "Ellipticity (1-b/a) for ellip. coo"),
            ("REFF", _value(meta.get("reff"), u.arcsec, 1.0), "Effective radius"),
            ("BINKEY", binkey, "Spectal binning method keyword"),
            ("BINMINSN", 1.0, "Minimum S/N of spectrum to include"),
            ("FSPCOV", 0.8, "Minimum allowed fraction of good pixels"),
            ("NBINS", n_bins, "Number of unique spatial bins"),
            ("BINTYPE", "None" if binkey == "SPX" else "voronoi", "Binning method"),
            ("SCKEY", versions["SCKEY"], "Stellar-continuum model keyword"),
            ("SCMINSN", 1.0, "Minimum S/N of spectrum to include"),
            ("SCINPVEL", reference, "Initial guess velocity"),
            ("SCINPSIG", 100.0, "Initial guess velocity dispersion"),
            ("NSCMOD", n_bins, "Number of unique stellar-continuum models"),
            ("SCTYPE", "stellar_kinematics", ""),
            ("SCMETH", "ppxf", ""),
            ("ELFKEY", versions["ELFKEY"], "Emission-line modeling method keyword"),
            ("ELTYPE", "emission_line", ""),
            ("ELMETH", "sasuke", ""),
            ("SIKEY", "INDXEN", "Spectral-index database keyword"),
            ("DAPQUAL", int(meta.get("quality_bits") or 0), "DAP quality bitmask")):
        header[key] = (value, comment)
    return header


def _value(quantity, unit, default):
    return float(default if quantity is None else u.Quantity(quantity, unit).value)


def map_cards(wcs, channels):
    """Return the cards of the WCS that all extensions share, with or without channels."""
    matrix = wcs.wcs.cd if wcs.wcs.has_cd() else wcs.wcs.get_pc()
    steps = np.ones(2) if wcs.wcs.has_cd() else wcs.wcs.get_cdelt()
    axes = 3 if channels else 2
    step = "Coordinate increment at reference point"
    cards = [("WCSAXES", axes, "Number of coordinate axes")]
    cards += [(f"CRPIX{k + 1}", (*map(float, wcs.wcs.crpix), 1.0)[k],
               "Pixel coordinate of reference point") for k in range(axes)]
    cards += [(f"PC{row + 1}_{column + 1}", float(matrix[row, column]),
               "Coordinate transformation matrix element")
              for row in range(2) for column in range(2) if matrix[row, column]]
    cards += [("CDELT1", float(steps[0]), f"[deg] {step}"),
              ("CDELT2", float(steps[1]), f"[deg] {step}"), ("CDELT3", 1.0, step)][:axes]
    cards += [(f"CUNIT{k}", "deg", "Units of coordinate increment and value") for k in (1, 2)]
    cards += [("CTYPE1", "RA---TAN", "Right ascension, gnomonic projection"),
              ("CTYPE2", "DEC--TAN", "Declination, gnomonic projection"),
              ("CRVAL1", float(wcs.wcs.crval[0]), "[deg] Coordinate value at reference point"),
              ("CRVAL2", float(wcs.wcs.crval[1]), "[deg] Coordinate value at reference point")]
    if channels:
        cards.append(("CRVAL3", 1.0, "Coordinate value at reference point"))
    cards += [("LONPOLE", 180.0, "[deg] Native longitude of celestial pole"),
              ("LATPOLE", float(wcs.wcs.crval[1]), "[deg] Native latitude of celestial pole"),
              ("RADESYS", "FK5", "Equatorial coordinate system"),
              ("EQUINOX", 2000.0, "[yr] Equinox of equatorial coordinates"),
              ("MJD-OBS", 58849.0, "[d] MJD for DATE-OBS"),
              ("DATE-OBS", _DATE, "Date of median exposure")]
    if channels:
        cards += [("CTYPE3", "", "Undefined type"), ("CUNIT3", "", "Undefined units")]
    return [*cards, ("AUTHOR", _AUTHOR, ""), ("MASKNAME", "MANGA_DAPPIXMASK", "")]


def extension_header(extension, cards, flat_class):
    """Return the header of an `~kinmis.mock.maps_schema.Extension`."""
    cards = list(cards)
    # the DAP pads the number of a channel where there are ten or more
    digits = len(str(len(extension.channels)))
    for number, name in enumerate(extension.channels, 1):
        label = f"{number:0{digits}d}"
        cards.append((f"C{label}", name, f"Data in channel {number}"))
        if extension.channel_units is not None and extension.role != "QUALITY":
            cards.append((f"U{label}", extension.channel_units[number - 1],
                          f"Units of data in channel {number}"))
    if extension.unit is not None:
        cards.append(("BUNIT", extension.unit, "Unit of pixel value"))
    cards += [("HDUCLASS", "SDSS", "SDSS format class"),
              ("HDUCLAS1", "CUBE" if extension.channels else flat_class, "Data format"),
              ("HDUCLAS2", extension.role, "")]
    if extension.role == "ERROR":
        cards.append(("HDUCLAS3", "INVMSE", "Value is inverse mean-square error"))
    elif extension.role == "QUALITY":
        cards.append(("HDUCLAS3", "FLAG32BIT", "32-bit mask"))
    if extension.role != "DATA":
        cards.append(("SCIDATA", extension.quantity, "Associated data extension"))
    if extension.has_error and extension.role != "ERROR":
        cards.append(("ERRDATA", f"{extension.quantity}_IVAR",
                      "Associated inv. variance extension"))
    if extension.has_mask and extension.role != "QUALITY":
        cards.append(("QUALDATA", f"{extension.quantity}_MASK", "Associated quality extension"))
    cards.append(("EXTNAME", extension.name, "extension name"))
    return fits.Header(cards)
