"""
What a MAPS file of the MaNGA Data Analysis Pipeline holds: extensions, channels, units.

DR15 (pipeline 2.2) is as in a real file of that release; DR17 (3.1, internal release MPL-11)
is as in the data model of the pipeline's documentation,
https://sdss-mangadap.readthedocs.io/en/3.1.2/datamodel.html.
"""

from dataclasses import dataclass

__all__ = ["BITS", "BINID", "SCHEMAS", "Extension", "Schema", "extensions"]

# MANGA_DAPPIXMASK
BITS = {name: 1 << bit for name, bit in (
    ("NOCOV", 0), ("LOWCOV", 1), ("DEADFIBER", 2), ("FORESTAR", 3), ("NOVALUE", 4),
    ("UNRELIABLE", 5), ("MATHERROR", 6), ("FITFAILED", 7), ("NEARBOUND", 8),
    ("NOCORRECTION", 9), ("MULTICOMP", 10), ("DONOTUSE", 30))}

BINID = ("Binned spectra", "Stellar continua", "Em. line moments", "Em. line models",
         "Spectral indices")

LINES_DR15 = (
    "OII-3727 OII-3729 Hthe-3798 Heta-3836 NeIII-3869 Hzet-3890 NeIII-3968 Heps-3971 Hdel-4102 "
    "Hgam-4341 HeII-4687 Hb-4862 OIII-4960 OIII-5008 HeI-5877 OI-6302 OI-6365 NII-6549 Ha-6564 "
    "NII-6585 SII-6718 SII-6732").split()

LINES_DR17 = (
    "OII-3727 OII-3729 H12-3751 H11-3771 Hthe-3798 Heta-3836 NeIII-3869 HeI-3889 Hzet-3890 "
    "NeIII-3968 Heps-3971 Hdel-4102 Hgam-4341 HeII-4687 Hb-4862 OIII-4960 OIII-5008 NI-5199 "
    "NI-5201 HeI-5877 OI-6302 OI-6365 NII-6549 Ha-6564 NII-6585 SII-6718 SII-6732 HeI-7067 "
    "ArIII-7137 ArIII-7753 Peta-9017 SIII-9071 Pzet-9231 SIII-9533 Peps-9548").split()

_INDICES = (
    "CN1 CN2 Ca4227 G4300 Fe4383 Ca4455 Fe4531 C24668 Hb Fe5015 Mg1 Mg2 Mgb Fe5270 Fe5335 Fe5406 "
    "Fe5709 Fe5782 NaD TiO1 TiO2 HDeltaA HGammaA HDeltaF HGammaF CaHK CaII1 CaII2 CaII3 Pa17 "
    "Pa14 Pa12 MgICvD NaICvD MgIIR FeHCvD NaI bTiO aTiO CaH1 CaH2 NaISDSS TiO2SDSS D4000 Dn4000 "
    "TiOCvD").split()
_MAGNITUDES = {"CN1", "CN2", "Mg1", "Mg2", "TiO1", "TiO2", "bTiO", "aTiO", "CaH1", "CaH2",
               "TiO2SDSS"}
_UNITLESS = {"D4000", "Dn4000", "TiOCvD"}
_INDEX_UNITS = ["mag" if name in _MAGNITUDES else "" if name in _UNITLESS else "ang"
                for name in _INDICES]

_FLUX = "1E-17 erg/s/cm^2/spaxel"
_DENSITY = "1E-17 erg/s/cm^2/ang/spaxel"
_FOM = ("rms", "frms", "rchi2", "68th perc frac resid", "99th perc frac resid", "max frac resid",
        "68th perc per pix chi", "99th perc per pix chi", "max per pix chi")


@dataclass(frozen=True)
class Extension:
    """
    One extension of a MAPS file.

    Parameters
    ----------
    name : str
    role : {"DATA", "ERROR", "QUALITY"}
    channels : tuple of str
        Names of the channels; empty for a 2-D map.
    channel_units : tuple of str or None
        Units of the channels, where each has its own.
    unit : str or None
        Unit of all values.
    quantity : str
        Name of the extension with the values, as in ``ERRDATA`` and ``QUALDATA``.
    has_error, has_mask : bool
        Whether that quantity has an extension of errors, of masks.
    """

    name: str
    role: str = "DATA"
    channels: tuple = ()
    channel_units: tuple | None = None
    unit: str | None = None
    quantity: str = ""
    has_error: bool = False
    has_mask: bool = False


def _quantity(name, unit=None, channels=(), units=None, error=True, mask=True, between=()):
    """Return the extensions of a quantity: values, what stands between, errors, masks."""
    common = {"channels": tuple(channels), "quantity": name, "has_error": error,
              "has_mask": mask}
    made = [Extension(name, unit=unit, channel_units=None if units is None else tuple(units),
                      **common), *between]
    if error:
        made.append(Extension(
            f"{name}_IVAR", "ERROR", unit=None if unit is None else _inverse(unit),
            channel_units=None if units is None else tuple(map(_inverse, units)), **common))
    if mask:
        made.append(Extension(f"{name}_MASK", "QUALITY", **common))
    return made


def _alone(name, unit=None, channels=(), units=None):
    return _quantity(name, unit, channels, units, error=False, mask=False)


def _inverse(unit):
    return f"({unit})^{{-2}}" if unit else ""


def _elliptical(prefix, dr17):
    names = [f"{prefix}lliptical radius", "R/Re", f"{prefix}lliptical azimuth"]
    units = ["arcsec", "", "degrees"]
    if dr17:
        names.insert(2, "R h/kpc")
        units.insert(2, "kpc/h")
    return {"channels": names, "units": units}


def _build(lines, dr17):
    moments = ["OIId-3728", *lines[1:]]
    indices = {"channels": _INDICES, "units": _INDEX_UNITS}
    plain_indices = {"channels": _INDICES}
    weighted = "Lum. weighted "
    made = [
        *_alone("SPX_SKYCOO", "arcsec", ["On-sky X", "On-sky Y"]),
        *_alone("SPX_ELLCOO", **_elliptical("E", dr17)),
        *_quantity("SPX_MFLUX", _DENSITY, mask=False),
        *_alone("SPX_SNR"),
        *_alone("BINID", channels=BINID),
        *_alone("BIN_LWSKYCOO", "arcsec", [f"{weighted}on-sky X", f"{weighted}on-sky Y"]),
        *_alone("BIN_LWELLCOO", **_elliptical(f"{weighted}e", dr17)),
        *_alone("BIN_AREA", "arcsec^2"),
        *_alone("BIN_FAREA"),
        *_quantity("BIN_MFLUX", _DENSITY),
        *_alone("BIN_SNR"),
        *_quantity("STELLAR_VEL", "km/s"),
        *_quantity("STELLAR_SIGMA", "km/s"),
    ]
    if dr17:
        made += _alone("STELLAR_SIGMACORR", "km/s", ["resolution difference", "fit"])
        made += _alone("STELLAR_FOM", None, _FOM, [_DENSITY, *[""] * 8])
    else:
        made += _alone("STELLAR_SIGMACORR", "km/s")
        made += _alone("STELLAR_CONT_FRESID", None, ["68th percentile", "99th percentile"])
        made += _alone("STELLAR_CONT_RCHI2")
    for kind, names in (("S", moments), ("G", lines)):
        continuum = _alone(f"EMLINE_{kind}EW_CNT", _DENSITY, names) if dr17 else ()
        made += _quantity(f"EMLINE_{kind}FLUX", _FLUX, names)
        made += _quantity(f"EMLINE_{kind}EW", "ang", names, between=continuum)
    made += _quantity("EMLINE_GVEL", "km/s", lines)
    made += _quantity("EMLINE_GSIGMA", "km/s", lines)
    made += _alone("EMLINE_INSTSIGMA", "km/s", lines) + _alone("EMLINE_TPLSIGMA", "km/s", lines)
    if dr17:
        made += _alone("EMLINE_GA", _DENSITY, lines) + _alone("EMLINE_GANR", None, lines)
        made += _alone("EMLINE_FOM", None, _FOM, [_DENSITY, *[""] * 8])
        made += _alone("EMLINE_LFOM", None, lines)
    for name in ("SPECINDEX", "SPECINDEX_BF", "SPECINDEX_WGT") if dr17 else ("SPECINDEX",):
        made += _quantity(name, **indices)
        made += _alone(f"{name}_CORR", **plain_indices)
        if dr17:
            made += _alone(f"{name}_MODEL", **plain_indices)
    return tuple(made)


@dataclass(frozen=True)
class Schema:
    """
    The schema of a release.

    Parameters
    ----------
    extensions : tuple of `Extension`
        In order, without the primary one.
    lines : tuple of str
        Emission lines that were fitted, in the order of their channels.
    templates : str
        What the analysis type says after the bins.
    versions : tuple
        Primary header keywords that differ between releases, and their values.
    flat_class : str
        ``HDUCLAS1`` of a 2-D map.
    radii : int
        Number of units of radius in the elliptical coordinates.
    empty_moments : tuple of str
        Lines without moments, since they fall into the passband of another line.
    """

    extensions: tuple
    lines: tuple
    templates: str
    versions: tuple
    flat_class: str
    radii: int
    empty_moments: tuple


SCHEMAS = {
    "DR15": Schema(_build(LINES_DR15, dr17=False), tuple(LINES_DR15), "GAU-MILESHC",
                   (("VERSDRP2", "v2_4_3"), ("VERSDRP3", "v2_4_3"), ("VERSDAP", "2.2.1"),
                    ("ELFKEY", "EFITMDB"), ("SCKEY", "GAU-MILESHC")), "CUBE", 2, ("OII-3729",)),
    "DR17": Schema(_build(LINES_DR17, dr17=True), tuple(LINES_DR17), "MILESHC-MASTARSSP",
                   (("VERSDRP2", "v3_1_1"), ("VERSDRP3", "v3_1_1"), ("VERSDAP", "3.1.0"),
                    ("ELFKEY", "EFITMPL11SSP"), ("SCKEY", "MILESHC")), "IMAGE", 3,
                   ("OII-3729", "HeI-3889", "NeIII-3968", "NI-5201")),
}


def extensions(schema):
    """Return the `Extension` list of a release, ``"DR15"`` or ``"DR17"``."""
    if schema not in SCHEMAS:
        raise ValueError(f"schema must be one of {', '.join(SCHEMAS)}, not {schema!r}")
    return SCHEMAS[schema].extensions
