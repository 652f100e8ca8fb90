"""
Presets of the format ``bin-table``: how surveys and pipelines write tables of bins.

A preset is a `TablePreset` with a `TableLayer` for each velocity field. A user's own is a dict
with the same names, or a TOML file with them, like those of `kinmis.readers.presets`.
"""

from dataclasses import dataclass

from kinmis.readers.presets import resolve

__all__ = ["TABLE_PRESETS", "TableLayer", "TablePreset", "make_table_preset"]


@dataclass(frozen=True)
class TableLayer:
    """
    Where the velocities of one component are; columns may be tuples of alternatives.

    Parameters
    ----------
    component : {"stellar", "gas"}, optional
        What moves.
    line : str, optional
        Emission line.
    velocity, error : str or tuple, optional
        Columns with the velocity and its 1-sigma error.
    bin_id : str or tuple, optional
        Column with the number of the bin, or of the bin that a spaxel belongs to.
    part : str, optional
        Which of several files has it: the end of its name, such as ``"_kin"``.
    """

    component: str | None = None
    line: str | None = None
    velocity: object = None
    error: object = None
    bin_id: object = None
    part: str | None = None


@dataclass(frozen=True)
class TablePreset:
    """
    How a survey or a pipeline writes tables of bins.

    Parameters
    ----------
    name, description : str, optional
        For lists and messages.
    layers : tuple of `TableLayer`, optional
        The velocity fields; of several for one component the first that is there counts.
    x, y : str, optional
        Columns with the position of a bin or spaxel.
    east : {"x", "-x"}, optional
        Which way is East; the North is y.
    east_assumed : bool, optional
        The files do not tell which way is East: ``east`` is what is usual.
    rows : {"bins", "spaxels"}, optional
        What a row of the table with the velocities is.
    spaxels : str or tuple, optional
        The table of spaxels: the end of its name, such as ``"_table"``, or the names of the
        two files ``aperture.dat`` and ``bins.dat`` of DYNAMITE.
    spaxel_bin : str, optional
        Column of the table of spaxels with the number of the bin, negative for none.
    first_bin : int, optional
        Number of the first bin, where bins are numbered by their rows.
    position_unit : str, optional
        Unit of the positions; by default that of the column, or arcsec.
    unit, blank, absolute, v_ref
        As for `kinmis.readers.presets.MapPreset`.
    center : tuple or str, optional
        Position of the galaxy in the coordinates of the table, or ``"origin"``.
    survey, release : str, optional
        For the metadata.
    filename : str, optional
        Regular expression for the name of the file, whose group ``id`` is the galaxy.
    """

    name: str = "your own"
    description: str = ""
    layers: tuple = (TableLayer(),)
    x: object = None
    y: object = None
    east: str | None = None
    east_assumed: bool = False
    rows: str = "bins"
    spaxels: object = None
    spaxel_bin: str = "BIN_ID"
    first_bin: int = 0
    position_unit: str | None = None
    unit: str | None = None
    blank: object = None
    absolute: bool | None = None
    v_ref: float | None = None
    center: object = "origin"
    survey: str | None = None
    release: str | None = None
    filename: str | None = None


_GAS = (("Ha-6564", ("Ha_6562.8_V", "Ha_6562.80_V", "Ha_6562.79_V", "Ha_6562.82_V")),
        ("Hb-4862", ("Hb_4861.32_V", "Hb_4861.3_V", "Hb_4861.33_V")),
        ("OIII-5008", ("[OIII]_5006.77_V", "[OIII]_5006.84_V", "[OIII]_5006.8_V")))


def _gist_gas(line, names, part):
    errors = tuple(name[:-2] + ending for name in names
                   for ending in ("_FORM_ERR_V", "_ERR_V", "_V_ERR"))
    return TableLayer("gas", line, names, errors, part=part)


TABLE_PRESETS = {preset.name: preset for preset in (
    TablePreset(
        "atlas3d", "ATLAS3D stellar kinematics, a row a bin (Cappellari et al. 2011); XS grows "
        "to the West", (TableLayer("stellar", None, "VPXF", "EVPXF"),),
        "XS", "YS", "-x", position_unit="arcsec", unit="km/s", absolute=True, survey="ATLAS3D",
        filename=r"(?:.*?_)?(?P<id>[A-Z]+\d+\w*?)_"),
    TablePreset(
        "califa-kin", "CALIFA V1200 stellar kinematics, a row a spaxel of 1 arcsec "
        "(Falcon-Barroso et al. 2017); X grows to the West",
        (TableLayer("stellar", None, "VPXF", "DVPXF", "BIN_ID"),),
        "X", "Y", "-x", rows="spaxels", position_unit="arcsec", unit="km/s", blank=-999.9,
        absolute=True, survey="CALIFA", filename=r"(?P<id>[A-Z]+\d+\w*?)\."),
    TablePreset(
        "gist", "GIST and nGIST tables: _table with _kin, _gas_BIN or _gas_SPAXEL (Bittner et "
        "al. 2019); X runs along a row of the cube, taken to the West",
        (TableLayer("stellar", None, "V", ("FORM_ERR_V", "ERR_V"), part="_kin"),
         *(_gist_gas(*item, part) for part in ("_gas_BIN", "_gas_SPAXEL") for item in _GAS)),
        "X", "Y", "-x", True, spaxels="_table", position_unit="arcsec", unit="km/s",
        absolute=False, filename=r"(?i)(?P<id>.+?)_(?:table|mask|kin|gas_bin|gas_spaxel)\."),
    TablePreset(
        "dynamite", "DYNAMITE kinematics: ECSV table with aperture.dat and bins.dat (Jethwa et "
        "al. 2020); x of the aperture is taken to the West",
        (TableLayer("stellar", None, "v", "dv", "vbin_id"),),
        east="-x", east_assumed=True, spaxels=("aperture.dat", "bins.dat"), first_bin=1,
        unit="km/s"),
)}
"""The presets, by name."""


def make_table_preset(preset):
    """
    Return a preset from whatever names or describes it.

    Parameters
    ----------
    preset : str, os.PathLike, dict or `TablePreset`
        A name of `TABLE_PRESETS`, the path of a TOML file, or the entries.

    Returns
    -------
    preset : `TablePreset`

    Raises
    ------
    FileNotFoundError
        If it is neither a name nor a file.
    ValueError
        If an entry is unknown, or the file is no TOML.

    Examples
    --------
    >>> from kinmis.readers.table_presets import make_table_preset
    >>> make_table_preset("atlas3d").x
    'XS'
    """
    return resolve(preset, TablePreset, TableLayer, TABLE_PRESETS)
