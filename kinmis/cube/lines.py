"""Emission lines: rest wavelengths in vacuum and air, and which lines move together."""

from dataclasses import dataclass

import astropy.units as u
import numpy as np

from kinmis._units import values_in

__all__ = ["COMPLEXES", "LineComplex", "WAVELENGTHS", "air_to_vacuum", "find_complex",
           "vacuum_to_air"]

#: Rest wavelengths in vacuum (Angstrom): NIST Atomic Spectra Database (Kramida et al.), and the
#: list of the Sloan Digital Sky Survey, which agree within 3 km/s where both have a line.
WAVELENGTHS = {
    "[OII]3727": 3727.092, "[OII]3730": 3729.875, "[NeIII]3870": 3869.86, "Hd": 4102.892,
    "Hg": 4341.684, "Hb": 4862.683, "[OIII]4960": 4960.295, "[OIII]5008": 5008.240,
    "[OI]6302": 6302.046, "[OI]6366": 6365.536, "[NII]6550": 6549.86, "Ha": 6564.614,
    "[NII]6585": 6585.27, "[SII]6718": 6718.295, "[SII]6733": 6732.674,
    "[SIII]9071": 9071.1, "[SIII]9533": 9533.2, "Pab": 12821.59, "Paa": 18756.13,
}

# Groups of lines whose fluxes have a fixed ratio. [OIII] and [NII] leave one level each, so that
# the ratio is one of transition probabilities (Storey and Zeippen 2000, MNRAS 312, 813). That of
# [OII] depends on the density: 1.35 is usual in galaxies, and 1.2 would shift velocities by 7 km/s.
_OII = (("[OII]3730", 1.0), ("[OII]3727", 1 / 1.35))
_NII = (("[NII]6585", 1.0), ("[NII]6550", 1 / 3.05))
_OIII = (("[OIII]5008", 1.0), ("[OIII]4960", 1 / 2.98))
_OI = (("[OI]6302", 1.0), ("[OI]6366", 1 / 3.1))
_SII = (("[SII]6718", 1.0),), (("[SII]6733", 1.0),)
_SIII = (("[SIII]9533", 1.0), ("[SIII]9071", 1 / 2.47))
_HA = (("Ha", 1.0),)

#: What ``line`` may be called, groups of lines that are fitted together, and how many of the
#: groups, from the first, have the flux that is to be detected.
COMPLEXES = {
    "Ha": ((_HA, _NII), 1),
    "NII": ((_NII, _HA), 1),
    "Ha+NII": ((_HA, _NII), 2),
    "Hb": (((("Hb", 1.0),),), 1),
    "Hg": (((("Hg", 1.0),),), 1),
    "Hd": (((("Hd", 1.0),),), 1),
    "OIII": ((_OIII,), 1),
    "OII": ((_OII,), 1),
    "OI": ((_OI,), 1),
    "NeIII": (((("[NeIII]3870", 1.0),),), 1),
    "SII": (_SII, 2),
    "SIII": ((_SIII,), 1),
    "Paa": (((("Paa", 1.0),),), 1),
    "Pab": (((("Pab", 1.0),),), 1),
}


@dataclass(frozen=True)
class LineComplex:
    """
    Lines that are fitted together.

    Parameters
    ----------
    name : str
        What it is called.
    groups : tuple of tuple of (float, float)
        Rest wavelength (Angstrom, in the medium of the spectra) and relative flux of each line;
        the lines of a group share one free flux, and all share velocity and dispersion.
    main : int
        How many groups, from the first, have the flux that is to be detected.
    blended : bool, optional
        Whether the lines of a group overlap.

    Examples
    --------
    >>> from kinmis.cube.lines import find_complex
    >>> find_complex("OIII", "air").wavelengths.round(2)
    array([5006.84, 4958.91])
    """

    name: str
    groups: tuple
    main: int
    blended: bool = False

    @property
    def wavelengths(self):
        """Rest wavelengths of all lines, in the order of the groups."""
        return np.array([wavelength for group in self.groups for wavelength, _ in group])


def vacuum_to_air(wavelength):
    """
    Return wavelengths in air for those in vacuum, both in Angstrom.

    Parameters
    ----------
    wavelength : float or `~numpy.ndarray`
        From 2,000 Angstrom on.

    Returns
    -------
    wavelength : float or `~numpy.ndarray`

    Notes
    -----
    The refractive index of Ciddor 1996 (Applied Optics 35, 1566) for standard air. Near
    H-alpha air and vacuum differ by 83 km/s.

    Examples
    --------
    >>> from kinmis.cube.lines import vacuum_to_air
    >>> print(round(vacuum_to_air(6564.614), 2))
    6562.8
    """
    square = (1e4 / np.asarray(wavelength, float)) ** 2
    index = 1 + 0.05792105 / (238.0185 - square) + 0.00167917 / (57.362 - square)
    return wavelength / index


def air_to_vacuum(wavelength):
    """
    Return wavelengths in vacuum for those in air, both in Angstrom.

    Parameters
    ----------
    wavelength : float or `~numpy.ndarray`
        From 2,000 Angstrom on.

    Returns
    -------
    wavelength : float or `~numpy.ndarray`

    Examples
    --------
    >>> from kinmis.cube.lines import air_to_vacuum, vacuum_to_air
    >>> print(round(air_to_vacuum(vacuum_to_air(5008.24)), 4))
    5008.24
    """
    vacuum = np.asarray(wavelength, float)
    for _ in range(3):      # the index hardly changes with wavelength
        vacuum = wavelength * (vacuum / vacuum_to_air(vacuum))
    return vacuum if np.ndim(wavelength) else float(vacuum)


def find_complex(line, medium):
    """
    Return the lines that a name or a wavelength stands for.

    Parameters
    ----------
    line : str, float or `~astropy.units.Quantity`
        A name in `COMPLEXES`, however it is spelt (``"Ha"``, ``"H-alpha"``, ``"[OIII]"``,
        ``"O III 5007"``), or the rest wavelength of a single line, in the medium of the
        spectra; plain numbers are Angstrom.
    medium : {"air", "vacuum"}
        Of the spectra.

    Returns
    -------
    lines : `LineComplex`

    Raises
    ------
    ValueError
        If nothing has that name, or the wavelength can't be one.

    Examples
    --------
    >>> from kinmis.cube.lines import find_complex
    >>> find_complex("H-alpha", "vacuum").wavelengths
    array([6564.614, 6585.27 , 6549.86 ])
    """
    if not isinstance(line, str):
        wavelength = float(values_in(line, u.AA, "line"))
        if not 900 < wavelength < 1e6:
            raise ValueError(f"line={line!r} is no rest wavelength of an emission line; give it in "
                             f"Angstrom or as a Quantity, or a name: {', '.join(COMPLEXES)}")
        return LineComplex(f"{wavelength:.2f}", (((wavelength, 1.0),),), 1)
    name = _SPELLINGS.get(_plain(line))
    if name is None:
        raise ValueError(f"line={line!r} is unknown; give one of {', '.join(COMPLEXES)}, or the "
                         "rest wavelength of a line")
    groups, main = COMPLEXES[name]
    convert = vacuum_to_air if medium == "air" else float
    return LineComplex(name, tuple(tuple((float(convert(WAVELENGTHS[key])), part)
                                         for key, part in group) for group in groups), main,
                       blended=name == "OII")


def _plain(name):
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter == "+")


_SPELLINGS = {_plain(name): name for name in COMPLEXES} | {
    "halpha": "Ha", "hbeta": "Hb", "hgamma": "Hg", "hdelta": "Hd", "ha6563": "Ha", "ha6565": "Ha",
    "ha6564": "Ha", "ha6562": "Ha", "hb4861": "Hb", "hb4863": "Hb", "oiii5007": "OIII",
    "oiii5008": "OIII", "oiii4959": "OIII", "nii6583": "NII", "nii6584": "NII", "nii6585": "NII",
    "oii3727": "OII", "oii3729": "OII", "oi6300": "OI", "siii9531": "SIII", "siii9069": "SIII",
    "halpha+nii": "Ha+NII", "paalpha": "Paa", "pabeta": "Pab",
}
