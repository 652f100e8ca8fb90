"""
The stages of a chunk of galaxies: read, clean, fit, compare.

Each takes the galaxies of the chunk, and what goes wrong with one stays with that one.
"""

import warnings

from astropy.utils.exceptions import AstropyWarning

from kinmis._input import COMPONENTS
from kinmis.catalogue.row import Measured, error_text, one_line
from kinmis.catalogue.sources import source_text
from kinmis.exceptions import QualityWarning
from kinmis.galaxy import Galaxy
from kinmis.velocity_field import VelocityField

__all__ = ["clean_all", "compare_all", "fit_all", "read_one"]

# warnings that are none of a galaxy's own are passed on, once a place as usual
_shown = {}


def read_one(source, options):
    """
    Read one galaxy.

    Parameters
    ----------
    source : object
        A path, an identifier, a `~kinmis.Galaxy`, a `~kinmis.VelocityField` or what else a
        reader takes; None for a missing one.
    options : `~kinmis.catalogue.options.Options`
        How to read it.

    Returns
    -------
    row : `~kinmis.catalogue.row.Measured`
        Without a galaxy, but with a message, where it could not be read.
    """
    row = Measured(source_text(source))
    with _Collected(row):
        try:
            row.galaxy = _as_galaxy(source, options)
        except Exception as error:  # whatever a file may lead to: it is told in the row
            row.fail(error)
    return row


def _as_galaxy(source, options):
    if source is None:
        raise ValueError("the row names no source")
    if isinstance(source, Galaxy):
        return source
    if isinstance(source, VelocityField):
        if source.component is None:
            raise ValueError("the field says neither stellar nor gas: set its component")
        return Galaxy(**{source.component: source})
    from kinmis.readers import read
    return read(source, format=options.format, **options.reader)


def clean_all(rows, options):
    """Clean the fields of every row; without cleaning take them as they are."""
    for row in rows:
        fields = {} if row.galaxy is None else row.galaxy.fields
        if options.clean is None:
            row.fields = fields
            continue
        with _Collected(row):
            for component, field in fields.items():
                try:
                    row.fields[component] = field.clean(**options.clean)
                except Exception as error:  # told in the row
                    row.fail(error, f"{component} field not cleaned")


def fit_all(rows, options):
    """Fit the position angles of all fields in one call."""
    from kinmis.position_angle import fit_pa
    tasks = [(row, component) for row in rows for component in COMPONENTS
             if component in row.fields]
    fields = [row.fields[component] for row, component in tasks]
    for (row, component), angle in zip(tasks, _all_or_each(
            lambda some: fit_pa(some, **options.fit), fields)):
        if isinstance(angle, Exception):
            row.fail(angle, f"{component} field not fitted")
        else:
            row.angles[component] = angle


def compare_all(rows, options):
    """Form the misalignments of stars and gas, and of each with the light."""
    both = [row for row in rows if len(row.angles) == 2]
    for row, result in zip(both, _all_or_each(lambda some: _misalignments(some, options), both)):
        if isinstance(result, Exception):
            row.fail(result, "not compared")
            continue
        row.comparisons["misalignment"] = _numbers(result)
        if result.common is not None:
            row.comparisons["common"] = _numbers(result.common)
    for row in rows:
        light = None if row.galaxy is None else row.galaxy.meta.get("photometric_pa")
        for component, angle in row.angles.items():
            if light is not None and angle.ok:
                row.comparisons[f"{component}_photometric"] = _with_light(angle, light)


def _misalignments(rows, options):
    from kinmis.misalignment import measure_misalignments
    galaxies = [Galaxy(**row.fields, meta=row.galaxy.meta) for row in rows]
    angles = [(row.angles["stellar"], row.angles["gas"]) for row in rows]
    return measure_misalignments(galaxies, angles=angles, threshold=options.threshold,
                                 common=options.common, **options.fit)


def _numbers(result):
    return {"difference": float(result.difference.value), "absolute": float(result.absolute.value),
            "error": float(result.error.value), "probability": float(result.probability),
            "flags": int(result.flags)}


def _with_light(angle, light):
    """Return the angle between two axes, which have no direction: 0 to 90 deg."""
    difference = (angle.values["pa"] - light.to_value("deg")) % 180
    return {"absolute": float(min(difference, 180 - difference)),
            "error": float(angle.values["pa_err"])}


def _all_or_each(function, items):
    """
    Return ``function(items)``, a list.

    Should one item make it fail, each is tried alone, and what was raised stands in the
    place of the result of that one.
    """
    if not items:
        return []
    try:
        return list(function(items))
    except Exception:  # found again below, by the item that leads to it
        results = []
        for item in items:
            try:
                results += function([item])
            except Exception as error:  # told in the row
                results.append(error)
        return results


class _Collected:
    """Collects the warnings about one galaxy into its row, and passes on others."""

    def __init__(self, row):
        self.row = row

    def __enter__(self):
        self._catch = warnings.catch_warnings(record=True)
        self._caught = self._catch.__enter__()
        warnings.simplefilter("always")

    def __exit__(self, *exception):
        self._catch.__exit__(*exception)
        for warning in self._caught:
            if issubclass(warning.category, AstropyWarning):
                self.row.warned |= issubclass(warning.category, QualityWarning)
                self.row.messages.append(
                    error_text(warning.message) if isinstance(warning.message, Exception)
                    else one_line(str(warning.message)))
            else:
                warnings.warn_explicit(warning.message, warning.category, warning.filename,
                                       warning.lineno, registry=_shown)
