"""Which galaxies of a catalogue are worth a look."""

import numpy as np

from kinmis._input import COMPONENTS
from kinmis.catalogue.selections import _numbers
from kinmis.catalogue.summary import _flagged

__all__ = ["worth_a_look"]


def worth_a_look(table, count=8):
    """
    Return which galaxies to show, and why.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As `kinmis.measure` returns.
    count : int
        How many of each kind at most.

    Returns
    -------
    groups : list of tuple
        Heading, an explanation, and numbers of rows.
    """
    classified = any((np.ma.filled(np.ma.asarray(table[f"{name}_quality"]), -1) >= 0).any()
                     for name in COMPONENTS)
    groups = [_most_misaligned(table, classified), _least_certain(table, classified)]
    if classified:
        groups.append(_out_of_distribution(table))
    chosen = [(heading, text, _largest(worth, table["source"], count))
              for heading, text, worth in groups]
    return [group for group in chosen if group[2]]


def _most_misaligned(table, classified):
    angle, error = (_numbers(table[name]) for name in ("misalignment", "misalignment_err"))
    # an angle that is hardly known is not among the largest
    worth = np.where(error < 15, angle - 2 * error, np.nan)
    text = "Largest misalignments that stand after two errors are taken off"
    if classified:
        for name in COMPONENTS:
            usable = np.ma.filled(np.ma.asarray(table[f"{name}_quality"]), -1) >= 1
            worth = np.where(usable, worth, np.nan)
        text += ", of galaxies with both fields usable"
    return "Most misaligned", text + ".", worth


def _least_certain(table, classified):
    if classified:
        doubt = [0.5 - np.abs(_numbers(table[f"{name}_usable"]) - 0.5) for name in COMPONENTS]
        worth = np.fmax(*doubt)
        text = "One of the fields may as well be usable as not: the probability is nearest to 1/2."
    else:
        worth = 0.5 - np.abs(_numbers(table["misalignment_probability"]) - 0.5)
        text = ("Misaligned or not: the probability is nearest to 1/2. (No classification was "
                "made.)")
    return "Least certain", text, np.where(worth > 0, worth, np.nan)


def _out_of_distribution(table):
    score = np.fmax(*(np.where(_flagged(table, name, "OUT_OF_DISTRIBUTION"),
                               _numbers(table[f"{name}_ood_score"]), np.nan)
                      for name in COMPONENTS))
    return ("Out of distribution", "Least like what the classifier was trained with: do not rely "
            "on its answer.", score)


def _largest(values, sources, count):
    """Return the places of the largest values, NaN left out, each source once."""
    chosen, seen = [], set()
    for place in np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable").tolist():
        if len(chosen) == count or not np.isfinite(values[place]):
            break
        if sources[place] not in seen:
            seen.add(sources[place])
            chosen.append(place)
    return chosen
