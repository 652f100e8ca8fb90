"""
The stages of a chunk of galaxies: read, clean, measure, classify.

Each takes the galaxies of the chunk, and what goes wrong with one stays with that one.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from astropy.utils.exceptions import AstropyWarning

from kinmis.catalogue.row import Measured, error_text, one_line
from kinmis.catalogue.sources import source_text
from kinmis.exceptions import QualityWarning
from kinmis.galaxy import Galaxy
from kinmis.velocity_field import VelocityField

__all__ = ["LeftOut", "classify_all", "clean_all", "measure_all", "read_one"]

# warnings that are none of a galaxy's own are passed on, once a place as usual
_shown = {}


@dataclass
class LeftOut:
    """
    A source that is not read, since the processes that measured it died.

    It has the text of the source and not the object, which may be what they died of.
    """

    text: str
    deaths: int


class ProcessDiedError(RuntimeError):
    """A galaxy ends the process that measures it."""


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
    row = Measured(source.text if isinstance(source, LeftOut) else source_text(source))
    with _Collected(row):
        try:
            row.galaxy = _as_galaxy(source, options)
        except Exception as error:  # whatever a file may lead to: it is told in the row
            row.fail(error)
    return row


def _as_galaxy(source, options):
    if source is None:
        raise ValueError("the row names no source")
    if isinstance(source, LeftOut):
        raise ProcessDiedError("the process that measured this galaxy, and no other, came to an "
                               f"end {source.deaths} times in a row; it is left out")
    if isinstance(source, Galaxy):
        return source
    if isinstance(source, VelocityField):
        if source.component is None:
            raise ValueError("the field says neither stellar nor gas: set its component")
        return Galaxy(**{source.component: source})
    from kinmis.readers import read
    return read(source, format=options.format, **options.reader)


def clean_all(rows, options):
    """Clean the fields of every row; without options what is clean stays as it is."""
    for row in rows:
        fields = {} if row.galaxy is None else row.galaxy.fields
        if options.clean is None:
            row.fields = fields
            continue
        with _Collected(row):
            for component, field in fields.items():
                try:
                    done = "cleaning" in field.meta and not options.clean
                    row.fields[component] = field if done else field.clean(**options.clean)
                except Exception as error:  # told in the row
                    row.fail(error, f"{component} field not cleaned")


def measure_all(rows, options):
    """
    Fit the angles of all fields in one batch, and form the misalignments.

    Those are of stars and gas, over all and over what both share, and of each with the light.
    """
    rows = [row for row in rows if row.fields]
    galaxies = [_Pair(row.fields.get("stellar"), row.fields.get("gas"), _axis(row.galaxy))
                for row in rows]
    results = _all_or_each(lambda some: _misalignments(some, options), galaxies)
    for row, result in zip(rows, results):
        if isinstance(result, Exception):
            _fit_each(row, options, result)
            continue
        for component in row.fields:
            row.angles[component] = getattr(result, component)
        row.comparisons = {f"{component}_photometric": _numbers(other)
                           for component, other in result.photometric.items()}
        row.comparisons["misalignment"] = _numbers(result)
        if result.common is not None:
            row.comparisons["common"] = _numbers(result.common)


def classify_all(rows, options):
    """Classify all galaxies in one batch, where a model was chosen."""
    rows = [row for row in rows if row.fields]
    if options.model is None or not rows:
        return
    from kinmis.catalogue.classification import classify_galaxies
    galaxies = [Galaxy(**row.fields, meta=row.galaxy.meta) for row in rows]
    results = _all_or_each(lambda some: classify_galaxies(some, options.model), galaxies)
    for row, result in zip(rows, results):
        if isinstance(result, Exception):
            row.fail(result, "not classified")
        else:
            row.quality = result


@dataclass
class _Pair:
    """What is compared; a `~kinmis.Galaxy` would copy what is known of it."""

    stellar: object
    gas: object
    meta: dict


def _misalignments(galaxies, options):
    from kinmis.misalignment import measure_misalignments
    return measure_misalignments(galaxies, clean=False, threshold=options.threshold,
                                 common=options.common, **options.fit)


def _axis(galaxy):
    """Return the metadata that a comparison needs, if they are of use."""
    axis = galaxy.meta.get("photometric_pa")
    return {"photometric_pa": axis} if axis is not None and np.isfinite(axis) else {}


def _fit_each(row, options, error):
    """Fit each field of a galaxy alone, after an error with the galaxy as a whole."""
    from kinmis.position_angle import fit_pa
    for component, field in row.fields.items():
        try:
            row.angles[component] = fit_pa(field, **options.fit)
        except Exception as alone:  # told in the row
            row.fail(alone, f"{component} field not fitted")
    if len(row.angles) == len(row.fields):
        row.fail(error, "not compared")


def _numbers(result):
    return {**result.values, "absolute": abs(result.values["difference"]),
            "flags": int(result.flags)}


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
