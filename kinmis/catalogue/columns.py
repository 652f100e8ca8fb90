"""
Columns of the catalogue: each is declared here, once.

The table, its descriptions and UCDs, and the documentation are made from `COLUMNS`.
"""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import QTable

from kinmis._input import COMPONENTS
from kinmis._units import KMS

__all__ = ["COLUMNS", "ColumnSpec", "column_names", "describe_columns"]


@dataclass(frozen=True)
class ColumnSpec:
    """
    One column of the catalogue.

    Parameters
    ----------
    name : str
        Name of the column.
    dtype : type
        `str`, `float` or an integer type of numpy.
    unit : `~astropy.units.Unit` or None
        Unit.
    description : str
        What it says, in ASCII.
    ucd : str
        What it is, in the IVOA's controlled vocabulary (UCD1+).
    get : callable
        Function from a `~kinmis.catalogue.row.Measured` to the value in the unit, or None
        where there is none.
    required : bool
        Whether every row has a value.
    """

    name: str
    dtype: type
    unit: object
    description: str
    ucd: str
    get: object
    required: bool = False


def _meta(key, unit=None):
    """Return a function that takes a value from the metadata of the galaxy."""
    def get(row):
        value = None if row.galaxy is None else row.galaxy.meta.get(key)
        if value is None or unit is None:
            return value
        return float(u.Quantity(value, unit).value)
    return get


def _of_row(name):
    return lambda row: getattr(row, name)


def _of_angle(component, name):
    def get(row):
        angle = row.angles.get(component)
        return None if angle is None else angle.values[name]
    return get


def _of_field(component, get_value):
    def get(row):
        field = row.fields.get(component)
        return None if field is None else get_value(field)
    return get


def _of_quality(component, name):
    return lambda row: row.quality.get(component, {}).get(name)


def _compared(name, which="misalignment"):
    return lambda row: row.compared(which).get(name)


def _galaxy_columns():
    return (
        ColumnSpec("id", str, None, "Name of the galaxy", "meta.id;meta.main", _of_row("id")),
        ColumnSpec("source", str, None, "Where the data come from: file or identifier as given",
                   "meta.ref;meta.file", _of_row("source"), required=True),
        ColumnSpec("status", str, None,
                   "ok: both fields were fitted; partial: one is missing or has too few data; "
                   "failed: nothing could be measured",
                   "meta.code.status", _of_row("status"), required=True),
        ColumnSpec("message", str, None, "What went wrong, or what the source warns of",
                   "meta.note", _of_row("message")),
        ColumnSpec("flags", np.int32, None,
                   "Bits of everything that is flagged for this galaxy, in either field or in "
                   "their comparison; kinmis.decode_flags names them",
                   "meta.code", _of_row("flags"), required=True),
        ColumnSpec("survey", str, None, "Survey", "meta.id;meta.dataset", _meta("survey")),
        ColumnSpec("release", str, None, "Data release", "meta.version;meta.dataset",
                   _meta("release")),
        ColumnSpec("quality_bits", np.int64, None,
                   "Quality bits given by the pipeline of the survey (MaNGA: DAPQUAL)",
                   "meta.code.qual", _meta("quality_bits")),
        ColumnSpec("ra", float, u.deg, "Right ascension of the centre", "pos.eq.ra;meta.main",
                   _meta("ra", u.deg)),
        ColumnSpec("dec", float, u.deg, "Declination of the centre", "pos.eq.dec;meta.main",
                   _meta("dec", u.deg)),
        ColumnSpec("z", float, None, "Redshift", "src.redshift", _meta("z")),
        ColumnSpec("reff", float, u.arcsec, "Effective radius", "phys.angSize;src",
                   _meta("reff", u.arcsec)),
        ColumnSpec("ellipticity", float, None, "Ellipticity 1 - b/a of the light",
                   "src.ellipticity", _meta("ellipticity")),
        ColumnSpec("photometric_pa", float, u.deg,
                   "Position angle of the major axis of the light, from North through East",
                   "pos.posAng;em.opt", _meta("photometric_pa", u.deg)),
        ColumnSpec("psf_fwhm", float, u.arcsec, "Full width at half maximum of the seeing",
                   "instr.obsty.seeing", _meta("psf_fwhm", u.arcsec)),
    )


# name, unit, description (of the {what}), UCD
_ANGLE_COLUMNS = (
    ("pa", u.deg, "Kinematic position angle of the {what}: from North through East to the "
                  "receding side, 0 to 360", "pos.posAng"),
    ("pa_err", u.deg, "1-sigma error of {name}_pa", "stat.error;pos.posAng"),
    ("pa_lower_68", u.deg, "Lower bound of the 68% interval of {name}_pa; it may be below 0",
     "pos.posAng;stat.min"),
    ("pa_upper_68", u.deg, "Upper bound of the 68% interval of {name}_pa; it may be above 360",
     "pos.posAng;stat.max"),
    ("pa_lower_95", u.deg, "Lower bound of the 95% interval of {name}_pa; it may be below 0",
     "pos.posAng;stat.min"),
    ("pa_upper_95", u.deg, "Upper bound of the 95% interval of {name}_pa; it may be above 360",
     "pos.posAng;stat.max"),
    ("pa_inner", u.deg, "Position angle of the {what}, inner half in radius", "pos.posAng"),
    ("pa_inner_err", u.deg, "1-sigma error of {name}_pa_inner", "stat.error;pos.posAng"),
    ("pa_outer", u.deg, "Position angle of the {what}, outer half in radius", "pos.posAng"),
    ("pa_outer_err", u.deg, "1-sigma error of {name}_pa_outer", "stat.error;pos.posAng"),
    ("v_sys", KMS, "Systemic velocity of the {what} relative to {name}_v_ref",
     "spect.dopplerVeloc"),
    ("v_sys_err", KMS, "1-sigma error of {name}_v_sys", "stat.error;spect.dopplerVeloc"),
    ("amplitude", KMS, "Weighted mean rotation of the {what}, projected on the line of sight",
     "phys.veloc.rotat"),
    ("intrinsic_scatter", KMS, "Scatter of the {what} about the model beyond the errors",
     "stat.stdev;spect.dopplerVeloc"),
    ("chi2_reduced", None, "Reduced chi-square of the {what} with the errors of the source",
     "stat.fit.chi2"),
    ("significance", None, "Significance of the rotation of the {what} in standard deviations, "
                           "at most 37", "stat.fit.goodness"),
    ("sense_significance", None, "Net rotation of the {what} over its error",
     "stat.snr"),
    ("area_fraction", None, "Fraction of the valid area of the {what} that the fit used",
     "stat.filling"),
    ("n_data", np.int32, "Number of independent data of the {what} that the fit used",
     "meta.number"),
    ("n_clipped", np.int32, "Number of data of the {what} that the fit clipped as outliers",
     "meta.number"),
)


def _component_columns(name):
    what = {"stellar": "stars", "gas": "gas"}[name]

    def spec(column, dtype, unit, description, ucd, get):
        return ColumnSpec(f"{name}_{column}", dtype, unit,
                          description.format(what=what, name=name), ucd, get)

    for column, unit, description, ucd in _ANGLE_COLUMNS:
        dtype, unit = (unit, None) if unit is np.int32 else (float, unit)
        yield spec(column, dtype, unit, description, ucd, _of_angle(name, column))
    yield spec("harmonic", np.int32, None, "Highest harmonic of the model of the {what}",
               "stat.fit.param", _of_row(f"{name}_harmonic"))
    yield spec("v_ref", float, KMS, "The velocity cz that counts as zero for the {what}",
               "spect.dopplerVeloc.opt", _of_field(name, lambda field: _in(field.v_ref, KMS)))
    yield spec("n_removed", np.int32, None,
               "Number of spaxels of the {what} that cleaning removed", "meta.number",
               _of_field(name, _n_removed))
    yield spec("n_valid", np.int32, None,
               "Number of valid spaxels of the {what}, after cleaning", "meta.number",
               _of_field(name, lambda field: field.n_valid))
    yield spec("n_bins", np.int32, None,
               "Number of bins (independent data) among the valid spaxels of the {what}",
               "meta.number", _of_field(name, lambda field: field.n_bins))
    yield spec("flags", np.int32, None,
               "Flags of the {what}; kinmis.decode_flags names them", "meta.code",
               _of_row(f"{name}_flags"))
    yield spec("quality", np.int32, None,
               "Quality of the field of the {what}: 0 do not use, 1 messy, 2 clean",
               "meta.code.qual", _of_quality(name, "quality"))
    for value, label in enumerate(("not to be used", "messy", "clean")):
        yield spec(f"quality_p{value}", float, None,
                   f"Probability that the field of the {{what}} is {label}",
                   "stat.probability", _of_quality(name, f"p{value}"))
    yield spec("usable", float, None, "Probability that the field of the {what} can be used",
               "stat.probability", _of_quality(name, "usable"))
    yield spec("ood_score", float, None,
               "How unlike the training set of the classifier the field of the {what} is",
               "meta.code.qual", _of_quality(name, "ood_score"))


def _comparison_columns():
    return (
        ColumnSpec("delta_pa", float, u.deg,
                   "Position angle of the gas minus that of the stars, -180 to 180",
                   "pos.posAng;arith.diff", _compared("difference")),
        ColumnSpec("misalignment", float, u.deg,
                   "Kinematic misalignment: angle between the rotation of stars and gas, "
                   "0 to 180", "pos.posAng;arith.diff", _compared("absolute")),
        ColumnSpec("misalignment_err", float, u.deg, "1-sigma error of misalignment",
                   "stat.error;pos.posAng;arith.diff", _compared("error")),
        ColumnSpec("misalignment_probability", float, None,
                   "Probability that the misalignment exceeds the threshold (see the metadata)",
                   "stat.probability", _compared("probability")),
        ColumnSpec("misalignment_flags", np.int32, None,
                   "Flags of the comparison of stars and gas; kinmis.decode_flags names them",
                   "meta.code", _compared("flags")),
        ColumnSpec("misalignment_common", float, u.deg,
                   "Misalignment over the spaxels that stars and gas share, binned alike",
                   "pos.posAng;arith.diff", _compared("absolute", "common")),
        ColumnSpec("misalignment_common_err", float, u.deg,
                   "1-sigma error of misalignment_common",
                   "stat.error;pos.posAng;arith.diff", _compared("error", "common")),
        ColumnSpec("misalignment_common_probability", float, None,
                   "Probability that misalignment_common exceeds the threshold",
                   "stat.probability", _compared("probability", "common")),
        *(ColumnSpec(f"{name}_photometric_misalignment{suffix}", float, u.deg, description,
                     ucd, _compared(value, f"{name}_photometric"))
          for name, what in zip(COMPONENTS, ("stars", "gas"))
          for suffix, description, ucd, value in (
              ("", f"Angle between the kinematic axis of the {what} and the major axis of the "
                   "light, 0 to 90", "pos.posAng;arith.diff", "absolute"),
              ("_err", f"1-sigma error of {name}_photometric_misalignment",
               "stat.error;pos.posAng;arith.diff", "error"))),
    )


def _n_removed(field):
    report = field.meta.get("cleaning")
    return None if report is None else report["n_valid_before"] - report["n_valid_after"]


def _in(quantity, unit):
    return None if quantity is None else float(quantity.to_value(unit))


COLUMNS = (*_galaxy_columns(), *_component_columns("stellar"), *_component_columns("gas"),
           *_comparison_columns())


def column_names():
    """
    Return the names of the columns of the catalogue, in order.

    Returns
    -------
    names : list of str

    Examples
    --------
    >>> from kinmis.catalogue import column_names
    >>> column_names()[:3]
    ['id', 'source', 'status']
    """
    return [column.name for column in COLUMNS]


def describe_columns():
    """
    Return a table of the columns: name, type, unit, description and UCD.

    Returns
    -------
    table : `~astropy.table.QTable`

    Examples
    --------
    >>> from kinmis.catalogue import describe_columns
    >>> columns = describe_columns()
    >>> columns[columns["name"] == "stellar_pa"]["unit", "ucd"].pprint()
    unit    ucd
    ---- ----------
     deg pos.posAng
    """
    return QTable({
        "name": column_names(),
        "dtype": [np.dtype(column.dtype).name for column in COLUMNS],
        "unit": ["" if column.unit is None else str(column.unit) for column in COLUMNS],
        "description": [column.description for column in COLUMNS],
        "ucd": [column.ucd for column in COLUMNS]})
