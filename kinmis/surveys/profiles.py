"""
Profiles of surveys: every number is declared here, once, with its source.

What could not be traced to a source or to a file is None, and is left blank in the
documentation.
"""

from dataclasses import dataclass, field

__all__ = ["PROFILES", "REFERENCES", "SurveyProfile", "find_profile"]

REFERENCES = {
    "Bacon 1999": "Bacon et al. 1999, SAURON: integral-field spectroscopy of galaxies",
    "Bundy 2015": "Bundy et al. 2015, ApJ 798, 7; arXiv:1412.1482",
    "Cappellari 2011": "Cappellari et al. 2011, MNRAS 413, 813; arXiv:1012.1551",
    "Croom 2021": "Croom et al. 2021, MNRAS 505, 991; arXiv:2101.12224",
    "Emsellem 2004": "Emsellem et al. 2004, MNRAS 352, 721; arXiv:astro-ph/0404034",
    "Emsellem 2022": "Emsellem et al. 2022, A&A 659, A191",
    "ESO 2021": "ESO archive, first data release of the PHANGS-MUSE large programme, 2021",
    "Hector": "Hector survey, https://hector.survey.org.au, and Bryant, colloquium, "
              "University of Melbourne, June 2022",
    "Hsieh 2017": "Hsieh et al. 2017, ApJ 851, L24",
    "Husemann 2013": "Husemann et al. 2013, A&A 549, A87; arXiv:1210.8150",
    "ING": "Isaac Newton Group, pages on the LIFU of WEAVE: 547 fibres of 2.6 arcsec, 3.4 arcsec "
           "apart, which is a hexagon of 13 rings",
    "Law 2016": "Law et al. 2016, AJ 152, 83; arXiv:1607.08619",
    "Morrissey 2018": "Morrissey et al. 2018, ApJ 864, 93",
    "Scott 2018": "Scott et al. 2018, MNRAS 481, 2299",
    "Sharples 2014": "Sharples et al. 2014, Proc. SPIE 9147, 91470W",
    "Wake 2017": "Wake et al. 2017, AJ 154, 86; arXiv:1707.02989",
    "Wisnioski 2019": "Wisnioski et al. 2019, ApJ 886, 124; arXiv:1909.11096",
    "files": "files of the survey itself: their headers and footprints",
}
"""What the sources of the profiles stand for."""


@dataclass(frozen=True)
class SurveyProfile:
    """
    What the velocity fields of a survey, or an instrument, look like.

    Parameters
    ----------
    name : str
        As in ``field.meta["survey"]``.
    description : str
        What it is.
    shape : {"hexagon", "circle", "square", "rectangle", "mosaic"}, optional
        Shape of the field of view.
    size : float or tuple of float, optional
        Its usual size (arcsec): long diameter of a hexagon, diameter, side, or width and
        height; of a mosaic that of one pointing.
    spaxel : float, optional
        Usual side of a spaxel of the public maps (arcsec).
    psf_fwhm : float, optional
        Usual full width at half maximum of the PSF (arcsec).
    coverage : tuple of float, optional
        How far the fields reach, in effective radii.
    stellar_bins, gas_bins : {"voronoi", "spaxels"}, optional
        How the usual maps are binned.
    redshift : tuple of float, optional
        Lowest and highest redshift.
    resolution : str, optional
        Spectral resolution.
    ranges : dict, optional
        Lowest and highest ``size``, ``spaxel`` or ``psf_fwhm``, where they differ.
    aliases : tuple of str, optional
        Other names.
    sources : dict
        For each of the above that is given, keys of `REFERENCES`.

    Examples
    --------
    >>> from kinmis.surveys import PROFILES
    >>> PROFILES["SAMI"].shape, PROFILES["SAMI"].size, PROFILES["SAMI"].sources["size"]
    ('circle', 15.0, ('files',))
    """

    name: str
    description: str
    shape: str | None = None
    size: object = None
    spaxel: float | None = None
    psf_fwhm: float | None = None
    coverage: tuple | None = None
    stellar_bins: str | None = None
    gas_bins: str | None = None
    redshift: tuple | None = None
    resolution: str | None = None
    ranges: dict = field(default_factory=dict)
    aliases: tuple = ()
    sources: dict = field(default_factory=dict)

    def mock_options(self):
        """
        Return options for `kinmis.mock.velocity_field` that make a field of this survey.

        Returns
        -------
        options : dict
            Shape, size, spaxel, PSF and the middle of the redshifts. What the profile does
            not tell is left out, and keeps the default of the mock.

        Examples
        --------
        >>> from kinmis import mock
        >>> from kinmis.surveys import PROFILES
        >>> mock.velocity_field(40, seed=1, **PROFILES["SAMI"].mock_options())
        <VelocityField: stellar, 34 x 34, 709 valid, ... km/s>
        """
        options = {"shape": "square" if self.shape == "mosaic" else self.shape,
                   "size": self.size, "spaxel": self.spaxel, "psf_fwhm": self.psf_fwhm,
                   "z": None if self.redshift is None else sum(self.redshift) / 2}
        return {name: value for name, value in options.items() if value is not None}


PROFILES = {profile.name: profile for profile in (
    SurveyProfile(
        "MaNGA", "SDSS-IV MaNGA, fibre bundles at Apache Point Observatory", "hexagon", 22.0,
        0.5, 2.54, (1.5, 2.5), "voronoi", "spaxels", (0.01, 0.15), "R 2000",
        ranges={"size": (12.0, 32.0)},
        sources={"shape": ("Bundy 2015",), "size": ("Bundy 2015",), "spaxel": ("files",),
                 "psf_fwhm": ("Law 2016",), "coverage": ("Wake 2017",),
                 "stellar_bins": ("files",), "gas_bins": ("files",),
                 "redshift": ("Hsieh 2017",), "resolution": ("Bundy 2015",)}),
    SurveyProfile(
        "SAMI", "SAMI Galaxy Survey DR3, hexabundles at the AAT", "circle", 15.0, 0.5, 2.04,
        None, "spaxels", "spaxels", (0.004, 0.113), "R 1808 (blue), 4304 (red)",
        ranges={"psf_fwhm": (1.47, 2.85)},
        sources={"shape": ("files",), "size": ("files",), "spaxel": ("files",),
                 "psf_fwhm": ("files",), "stellar_bins": ("files",), "gas_bins": ("files",),
                 "redshift": ("Scott 2018",), "resolution": ("Croom 2021",)}),
    SurveyProfile(
        "CALIFA", "CALIFA, PMAS/PPak at Calar Alto", "hexagon", 79.0, 1.0, None, None,
        "voronoi", None, (0.005, 0.03),
        sources={"shape": ("files",), "size": ("files",), "spaxel": ("files",),
                 "stellar_bins": ("files",), "redshift": ("Husemann 2013",)}),
    SurveyProfile(
        "ATLAS3D", "ATLAS3D, SAURON at the William Herschel Telescope", "rectangle",
        (33.0, 41.0), 0.94, None, (1.0,), "voronoi", None, (0.0, 0.01), "3 Angstrom",
        sources={"shape": ("Bacon 1999",), "size": ("Bacon 1999",), "spaxel": ("Bacon 1999",),
                 "coverage": ("Emsellem 2004",), "stellar_bins": ("Emsellem 2004", "files"),
                 "redshift": ("Cappellari 2011",), "resolution": ("Bacon 1999",)}),
    SurveyProfile(
        "PHANGS-MUSE", "PHANGS-MUSE, mosaics of nearby spirals at the VLT", "mosaic", 60.0,
        0.2, 0.85, None, "voronoi", "spaxels", (0.0, 0.005), ranges={"psf_fwhm": (0.7, 1.0)},
        aliases=("PHANGS", "MUSE"),
        sources={"shape": ("Emsellem 2022",), "size": ("Emsellem 2022",),
                 "spaxel": ("Emsellem 2022",), "psf_fwhm": ("ESO 2021",),
                 "stellar_bins": ("Emsellem 2022",), "gas_bins": ("Emsellem 2022",),
                 "redshift": ("Emsellem 2022",)}),
    SurveyProfile(
        "Hector", "Hector Galaxy Survey, hexabundles of up to 27 arcsec at the AAT", None, 27.0,
        0.5, None, (2.0,), redshift=(0.0, 0.1), resolution="1.3 Angstrom",
        sources={"size": ("Hector",), "spaxel": ("files",),
                 "coverage": ("Hector",), "redshift": ("Hector",), "resolution": ("Hector",)}),
    SurveyProfile(
        "WEAVE-LIFU", "Large IFU of WEAVE at the William Herschel Telescope", "hexagon", 91.0,
        resolution="R 2500 or 10000", aliases=("WEAVE",),
        sources={"shape": ("ING",), "size": ("ING",), "resolution": ("ING",)}),
    SurveyProfile(
        "KCWI", "Keck Cosmic Web Imager", "rectangle", (16.5, 20.0),
        ranges={"size": ((8.25, 20.0), (33.0, 20.0))},
        sources={"shape": ("Morrissey 2018",), "size": ("Morrissey 2018",)}),
    SurveyProfile(
        "KMOS3D", "KMOS3D, galaxies at high redshift at the VLT", "square", 2.8, 0.2, 0.5,
        redshift=(0.6, 2.7), aliases=("KMOS",),
        sources={"shape": ("Sharples 2014",), "size": ("Sharples 2014",),
                 "spaxel": ("Sharples 2014",), "psf_fwhm": ("Sharples 2014",),
                 "redshift": ("Wisnioski 2019",)}),
)}
"""
Profiles by name.

Redshifts of samples that are limited in distance (42 Mpc for ATLAS3D, 20 Mpc for PHANGS-MUSE)
are for a Hubble constant of 70 km/s/Mpc.
"""


def find_profile(name):
    """
    Return the profile of a survey.

    Parameters
    ----------
    name : str
        Name of the survey, in capitals or not.

    Returns
    -------
    profile : `SurveyProfile`

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> from kinmis.surveys import find_profile
    >>> find_profile("sami").name
    'SAMI'
    """
    for profile in PROFILES.values():
        if str(name).lower() in (item.lower() for item in (profile.name, *profile.aliases)):
            return profile
    raise ValueError(f"there is no profile of a survey {name!r}; there are {', '.join(PROFILES)}")
