"""Classifications as a table, a row a field, and in brief for the eye."""

from dataclasses import dataclass

import numpy as np
from astropy.table import Column, MaskedColumn, QTable, Table

from kinmis.classifier.classification import Classification, GalaxyClassification
from kinmis.classifier.network import FEATURES, NOTES

__all__ = ["Row", "brief", "quality_table", "rows_of"]

# so many letters of a remark are shown at most
_LONG = 90


@dataclass
class Row:
    """
    What a row is made of.

    Parameters
    ----------
    source : str
        Where the field comes from.
    result : `~kinmis.Classification` or None
        None where the source could not be read.
    message : str
        What else is to be told.
    id : str or None
        Name of the galaxy.
    """

    source: str
    result: Classification | None = None
    message: str = ""
    id: str | None = None


def rows_of(result, source="", message=""):
    """
    Return the rows of a result, one for each field.

    Parameters
    ----------
    result : `~kinmis.Classification` or `~kinmis.classifier.GalaxyClassification`
    source, message : str

    Returns
    -------
    rows : list of `Row`
    """
    results = (list(result.fields.values()) if isinstance(result, GalaxyClassification)
               else [result])
    return [Row(source, one, message, one.id) for one in results]


def _probability(k):
    return lambda one: float(one.probabilities[k])


def _among(name, group):
    return lambda one: getattr(one, group).get(name)


# name, type, function of a result, description, UCD
_COLUMNS = (
    ("component", str, lambda one: one.component, "What moves: stellar or gas", "meta.id.part"),
    ("quality", np.int32, lambda one: one.quality,
     "Quality of the field: 0 do not use, 1 messy, 2 clean; none without data or confidence",
     "meta.code.qual"),
    ("label", str, lambda one: one.label, "The quality in words", "meta.code.qual"),
    ("usable", float, lambda one: one.usable, "Probability that the field can be used",
     "stat.probability"),
    *((f"quality_p{k}", float, _probability(k), f"Probability that the field is {label}",
       "stat.probability") for k, label in enumerate(("not to be used", "messy", "clean"))),
    ("ood_score", float, lambda one: one.ood_score,
     "How unlike the training set the field is; above 1 it is out of distribution",
     "meta.code.qual"),
    ("paired", bool, lambda one: one.paired, "Whether the other component was seen too",
     "meta.code"),
    *((name, float, _among(name, "features"),
       f"Probability that an expert would note: {name.replace('_', ' ')}", "stat.probability")
      for name in FEATURES),
    *((f"gas_{name}", float, _among(name, "notes"),
       f"Of gas that is not usable: probability of {name.replace('_', ' ')}", "stat.probability")
      for name in NOTES),
    ("flags", np.int32, lambda one: one.flags, "Flags; kinmis.decode_flags names them",
     "meta.code"),
)


def quality_table(rows, meta=None):
    """
    Make a table of classifications.

    Parameters
    ----------
    rows : list of `Row`
    meta : dict, optional
        Metadata of the table.

    Returns
    -------
    table : `~astropy.table.QTable`
        Values that are missing are masked.
    """
    table = QTable(meta=meta)
    table["id"] = _masked([row.id for row in rows], str)
    table["source"] = Column([row.source for row in rows], dtype=str)
    facts = {"id": ("Name of the galaxy", "meta.id;src"),
             "source": ("Where the field was read from", "meta.ref.uri"),
             "message": ("Errors and warnings", "meta.note")}
    for name, dtype, get, description, ucd in _COLUMNS:
        table[name] = _masked([None if row.result is None else get(row.result) for row in rows],
                              dtype)
        facts[name] = description, ucd
    table["message"] = _masked([row.message or None for row in rows], str)
    for name, (description, ucd) in facts.items():
        table[name].info.description, table[name].info.meta = description, {"ucd": ucd}
    return table


def _masked(values, dtype):
    mask = np.array([value is None or value != value for value in values], bool)
    blank = {str: "", float: np.nan}.get(dtype, 0)
    data = np.array([blank if gone else value for value, gone in zip(values, mask)], dtype)
    return MaskedColumn(data, mask=mask)


def brief(rows):
    """
    Return the main columns as text, for the eye.

    Parameters
    ----------
    rows : list of `Row`

    Returns
    -------
    short : `~astropy.table.Table`
    """
    return Table({name: Column([cell(row) for row in rows], dtype=str)
                  for name, cell in _CELLS.items()})


def _of(get):
    def cell(row):
        value = None if row.result is None else get(row.result)
        if value is None or value != value:
            return "-"
        return f"{value:.2f}" if isinstance(value, float) else str(value)
    return cell


def _name(row):
    return row.id or row.source.replace("\\", "/").split("/")[-1] or row.source or "-"


def _remarks(row):
    words = []
    if row.result is not None:
        words += [name.lower().replace("_", " ") for name in row.result.flag_names
                  if name != "NO_DATA"]
        words += row.result.noted
    text = "; ".join([*words, *filter(None, [row.message])])
    return text if len(text) <= _LONG else text[:_LONG - 3] + "..."


_CELLS = {
    "galaxy": _name,
    "component": _of(lambda one: one.component),
    "quality": _of(lambda one: one.quality),
    "label": _of(lambda one: one.label),
    "usable": _of(lambda one: one.usable),
    "P(0)": _of(_probability(0)), "P(1)": _of(_probability(1)), "P(2)": _of(_probability(2)),
    "ood": _of(lambda one: one.ood_score),
    "remarks": _remarks,
}
