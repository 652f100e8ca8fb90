"""
Presets of the format ``fits-image``: how surveys write velocity maps, as declarations.

A preset is a `MapPreset`, which holds one `MapLayer` for each velocity field of the file. A
user's own is a dict with the same names, or a TOML file with them; what is left out keeps
its default. ``layers`` is a list of tables there, or is left out where there is one layer,
whose entries then stand beside the others.
"""

import dataclasses
import os
import tomllib
from dataclasses import dataclass, field

__all__ = ["MapLayer", "MapPreset", "PRESETS", "Signs", "make_preset"]


@dataclass(frozen=True)
class Signs:
    """
    What a file is recognised by; all that is given must be there.

    Parameters
    ----------
    header : dict, optional
        For keywords of the primary header, a regular expression that the value must match.
    extensions : tuple of str, optional
        Names of extensions; each may be a tuple of alternatives.
    planes : tuple of str, optional
        Names of planes of the first image, see `MapLayer`.
    filename : str, optional
        Regular expression that must be found in the name of the file, where the header tells
        too little. Its group ``id`` is the name of the galaxy.
    """

    header: dict = field(default_factory=dict)
    extensions: tuple = ()
    planes: tuple = ()
    filename: str | None = None


@dataclass(frozen=True)
class MapLayer:
    """
    Where the velocities of one component are.

    Extensions are given by name or by number (0 is the primary one), or as a tuple of
    alternatives, of which the first that is there counts.

    Parameters
    ----------
    component : {"stellar", "gas"}, optional
        What moves.
    line : str, optional
        Emission line.
    extension : str, int or tuple, optional
        The velocity; by default the first image that is called one, or the only image.
    plane : int, str or tuple, optional
        Plane of a cube, from 0, or the text that a numbered keyword has for it, such as
        ``"vel Ha"`` for a card ``NAME12  = 'vel Ha'``; or alternatives.
    error, ivar : str, int or tuple, optional
        The 1-sigma error or the inverse variance: an extension, or the name of another file.
    error_plane : int, str or tuple, optional
        Plane of the error; by default that of the velocity.
    mask : str, int or tuple, optional
        The mask: an extension, or the name of another file; zero is good.
    bits : tuple of int, optional
        Bits of the mask that count; by default any does.
    bin_id : str, int or tuple, optional
        Number of the bin of each spaxel, negative for none.
    repeats : bool, optional
        As for `MapPreset`, for this component.
    """

    component: str | None = None
    line: str | None = None
    extension: object = None
    plane: object = None
    error: object = None
    ivar: object = None
    error_plane: object = None
    mask: object = None
    bits: tuple | None = None
    bin_id: object = None
    repeats: bool = False


@dataclass(frozen=True)
class MapPreset:
    """
    How a survey writes velocity maps.

    Parameters
    ----------
    name, description : str, optional
        For lists and messages.
    layers : tuple of `MapLayer`, optional
        The velocity fields; those whose extension or plane a file lacks are left out.
    unit : str, optional
        Unit of velocity; by default that of the header (``BUNIT`` or ``UNIT``).
    blank : float or sequence of float, optional
        What means no measurement, besides NaN; by default exactly 0, -999, -999.9, -9999
        and -1e6.
    absolute : bool, optional
        Whether velocities are cz; by default that is seen from them.
    v_ref : float or str, optional
        The velocity cz that counts as zero (km/s), or the keyword that has it.
    center : str or tuple, optional
        Where the centre of the galaxy is: ``"reference"`` (position) of the WCS,
        ``"image"`` (middle), or two keywords with right ascension and declination in degrees.
    spaxel : float or tuple, optional
        Arcsec, where the file has no WCS: side of a spaxel, or the steps to the East and to
        the North along the two axes of the image.
    repeats : bool, optional
        Maps repeat one measurement in all spaxels of a bin, and the bins are not told.
    survey, release : str, optional
        For the metadata.
    keywords : dict, optional
        For keys of the metadata, the keyword of the primary header.
    signs : `Signs`, optional
        What a file is recognised by.
    """

    name: str = "your own"
    description: str = ""
    layers: tuple = (MapLayer(),)
    unit: str | None = None
    blank: object = None
    absolute: bool | None = None
    v_ref: object = None
    center: object = "reference"
    spaxel: object = None
    repeats: bool = False
    survey: str | None = None
    release: str | None = None
    keywords: dict = field(default_factory=dict)
    signs: Signs | None = None


_SAMI = dict(blank=(), absolute=False, repeats=True, survey="SAMI", release="DR3",
             keywords={"id": "CATID", "z": "Z_IN"})
_SAMI_GAS = MapLayer("gas", "Ha-6564", 0, plane=0, error="V_ERR")
_PIPE3D_GAS = dict(component="gas", line="Ha-6564", plane="vel Ha", error_plane="e_vel Ha")
# stars are fitted in bins; later versions describe the planes in other words, in this order
_PIPE3D_STARS = dict(component="stellar", plane=("vel_ssp", 13), error_plane=("e_vel_ssp", 14),
                     repeats=True)
_PIPE3D = dict(unit="km/s", blank=0)
_HA = ("HA6562_VEL", "HA_6562.8_V", "HA_6562.80_V", "HA_6562.79_V", "HA6563_VEL")
_HB = ("HB4861_VEL", "HB_4861.32_V", "HB_4861.3_V")


def _errors(names):
    """Return the names of errors that belong to names of velocities of GIST."""
    return tuple(f"{name}_ERR" for name in names)


PRESETS = {preset.name: preset for preset in (
    MapPreset(
        "sami-stellar", "SAMI DR3 stellar-velocity maps, two-moment (Croom et al. 2021)",
        (MapLayer("stellar", None, 0, error="VEL_ERR"),), **_SAMI,
        signs=Signs({"PRODUCT": "Stellar Kinematics", "DP_NAME": "VEL$"}, ("VEL_ERR",))),
    MapPreset(
        "sami-gas", "SAMI DR3 gas-velocity maps, 1-comp or recom-comp (Croom et al. 2021): the "
        "first plane, which is the total or the narrowest component", (_SAMI_GAS,), **_SAMI,
        signs=Signs({"BUNIT": "km/s"}, ("V_ERR",),
                    filename=r"(?P<id>\d+)_[A-Z]_gas-velocity_")),
    MapPreset(
        "pipe3d-manga", "Pipe3D file of a MaNGA galaxy (Sanchez et al. 2022)",
        (MapLayer(extension="SSP", error="SSP", **_PIPE3D_STARS),
         MapLayer(extension="FLUX_ELINES", error="FLUX_ELINES", **_PIPE3D_GAS)), **_PIPE3D,
        center=("OBJRA", "OBJDEC"), survey="MaNGA",
        keywords={"id": "PLATEIFU", "plateifu": "PLATEIFU", "mangaid": "MANGAID"},
        signs=Signs({"PLATEIFU": r"\d+-\d+"}, ("SSP", "FLUX_ELINES"))),
    MapPreset(
        "pipe3d", "Pipe3D file of any other survey, such as CALIFA, NAME.Pipe3D.cube.fits",
        (MapLayer(extension="SSP", error="SSP", **_PIPE3D_STARS),
         MapLayer(extension="FLUX_ELINES", error="FLUX_ELINES", **_PIPE3D_GAS)), **_PIPE3D,
        keywords={"id": "OBJECT"}, signs=Signs(extensions=("SSP", "FLUX_ELINES"))),
    MapPreset(
        "pipe3d-ssp", "Pipe3D cube of stellar populations, CALIFA (Sanchez et al. 2016)",
        (MapLayer(extension=0, error=0, **_PIPE3D_STARS),), **_PIPE3D,
        keywords={"id": "OBJECT"}, signs=Signs(planes=("vel_ssp",))),
    MapPreset(
        "pipe3d-elines", "Pipe3D cube of emission lines, CALIFA (Sanchez et al. 2016)",
        (MapLayer(extension=0, error=0, **_PIPE3D_GAS),), **_PIPE3D,
        keywords={"id": "OBJECT"}, signs=Signs(planes=("vel Ha",))),
    MapPreset(
        "phangs-muse", "PHANGS-MUSE MAPS (Emsellem et al. 2022)",
        (MapLayer("stellar", None, "V_STARS", error="FORM_ERR_V_STARS", bin_id="BIN_ID"),
         MapLayer("gas", "Ha-6564", "HA6562_VEL", error="HA6562_VEL_ERR")),
        unit="km/s", absolute=False, center="image", survey="PHANGS-MUSE",
        keywords={"id": "OBJECT"},
        signs=Signs(extensions=("V_STARS", "HA6562_VEL"))),
    MapPreset(
        "gist-maps", "GIST and nGIST maps of stellar kinematics, _KIN_maps (Bittner et al. 2019)",
        (MapLayer("stellar", None, "V", error=("FORM_ERR_V", "ERR_V"),
                  bin_id=("BIN_ID", "BINID")),),
        unit="km/s", absolute=False, center="image", repeats=True,
        signs=Signs(extensions=("V", "SIGMA"),
                    filename=r"(?i)(?P<id>.+)_kin_maps\.fits")),
    MapPreset(
        "gist-gas-maps", "GIST and nGIST maps of emission lines, _gas_BIN_maps or "
        "_gas_SPAXEL_maps (Bittner et al. 2019): H-alpha, else H-beta",
        (MapLayer("gas", "Ha-6564", _HA, error=_errors(_HA), bin_id=("BIN_ID", "BINID")),
         MapLayer("gas", "Hb-4862", _HB, error=_errors(_HB), bin_id=("BIN_ID", "BINID"))),
        unit="km/s", absolute=False, center="image", repeats=True,
        signs=Signs(extensions=(_HA + _HB,),
                    filename=r"(?i)(?P<id>.+)_gas_(?:bin|spaxel)_maps\.fits")),
    MapPreset(
        "simspin", "SimSpin mock observation (Harborne et al. 2020); its maps have no errors, "
        "as STAT belongs to the cube",
        (MapLayer("stellar", None, "OBS_VEL", bin_id="VORONOI"),),
        unit="km/s", absolute=False, center="image", survey="SimSpin",
        keywords={"id": "OBJECT"}, signs=Signs(extensions=("OBS_VEL",))),
    MapPreset(
        "fabry-perot", "H-alpha velocity field of a Fabry-Perot survey such as GHASP "
        "(Epinat et al. 2008)",
        (MapLayer("gas", "Ha-6564", 0),), unit="km/s", blank=(), center="image",
        keywords={"id": "OBJECT"},
        signs=Signs({"CTYPE1": "RA-+ARC", "NAXIS": "2$"})),
)}
"""The presets, by name."""


def make_preset(preset):
    """
    Return a preset from whatever names or describes it.

    Parameters
    ----------
    preset : str, os.PathLike, dict or `MapPreset`
        A name of `PRESETS`, the path of a TOML file, or the entries.

    Returns
    -------
    preset : `MapPreset`

    Raises
    ------
    FileNotFoundError
        If it is neither a name nor a file.
    ValueError
        If an entry is unknown, or the file is no TOML.

    Examples
    --------
    >>> from kinmis.readers.presets import make_preset
    >>> make_preset("sami-stellar").layers[0].error
    'VEL_ERR'
    >>> make_preset({"extension": "VEL", "error": "EVEL", "unit": "km/s"}).layers[0].extension
    'VEL'
    """
    return resolve(preset, MapPreset, MapLayer, PRESETS)


def resolve(preset, kind, layer_kind, presets):
    """Return a preset of some kind from a name in ``presets``, a TOML file or a dict."""
    if isinstance(preset, kind):
        return preset
    if isinstance(preset, (str, os.PathLike)):
        if preset in presets:
            return presets[preset]
        return from_entries(kind, layer_kind, read_toml(preset, presets), str(preset))
    if not isinstance(preset, dict):
        raise TypeError("preset must be a name, the path of a TOML file or a dict, not "
                        f"{type(preset).__name__}")
    return from_entries(kind, layer_kind, preset, "your own")


def read_toml(path, names):
    """Return the entries of a TOML file; ``names`` are what else could have been meant."""
    path = os.path.expanduser(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"preset {path!r} is neither a file nor one of the presets "
                                f"{', '.join(names)}")
    with open(path, "rb") as file:
        try:
            return tomllib.load(file)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"the preset {path} is no TOML file: {error}") from None


def from_entries(kind, layer_kind, entries, name):
    """Return a preset from a dict, which may hold the entries of its only layer as well."""
    entries = {"name": name, **entries}
    known = {item.name for item in dataclasses.fields(kind)} - {"signs"}
    known_of_layer = {item.name for item in dataclasses.fields(layer_kind)}
    layers = entries.pop("layers", None)
    common = {key: entries.pop(key) for key in list(entries)
              if key in known_of_layer and key not in known}
    layers = [common if layer is None else {**common, **layer} for layer in layers or [None]]
    wrong = sorted(entries.keys() - known
                   | set().union(*layers) - known_of_layer)
    if wrong:
        raise ValueError(f"the preset {entries['name']} has the unknown entry "
                         f"{', '.join(wrong)}; there are "
                         f"{', '.join(sorted(known | known_of_layer))}")
    return kind(layers=tuple(layer_kind(**{key: _tuple(value) for key, value in layer.items()})
                             for layer in layers),
                **{key: _tuple(value) for key, value in entries.items()})


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value
