"""
Selections that people make of a catalogue.

Each takes a table of `kinmis.measure` and returns the rows that it is about, so that one can be
put after the other.
"""

import astropy.units as u
import numpy as np
from astropy.table import hstack
from scipy.special import ndtr

from kinmis._units import scalar_in

__all__ = ["clean_pairs", "is_usable", "join_repeats", "misaligned", "misalignment_probability",
           "usable_pairs"]


def usable_pairs(table, quality=1):
    """
    Return the galaxies whose stars and gas both have an angle and are usable.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As `kinmis.measure` returns, with classification.
    quality : {1, 2}
        The least quality of both fields: 1 (messy) or 2 (clean).

    Returns
    -------
    rows : `~astropy.table.QTable`

    Raises
    ------
    ValueError
        If the table was made without classification.

    Examples
    --------
    >>> from kinmis import measure, mock
    >>> from kinmis.catalogue import usable_pairs
    >>> table = measure([mock.galaxy(pa_stellar=40, seed=1)], classify=False)
    >>> table["stellar_quality"] = table["gas_quality"] = [2]
    >>> len(usable_pairs(table))
    1
    """
    return table[_has_angles(table) & is_usable(table, "stellar", quality)
                 & is_usable(table, "gas", quality)]


def clean_pairs(table):
    """
    Return the galaxies whose stars and gas both have an angle and are clean (quality 2).

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As for `usable_pairs`.

    Returns
    -------
    rows : `~astropy.table.QTable`
    """
    return usable_pairs(table, quality=2)


def is_usable(table, component, quality=1):
    """
    Return which fields have at least a quality.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As for `usable_pairs`.
    component : {"stellar", "gas"}
        Which fields.
    quality : {1, 2}
        The least quality.

    Returns
    -------
    usable : `~numpy.ndarray` of bool
    """
    if quality not in (1, 2):
        raise ValueError(f"quality must be 1 (usable) or 2 (clean), not {quality!r}")
    column = table[f"{component}_quality"]
    values = np.ma.filled(np.ma.asarray(column), -1)
    if len(table) and not (values >= 0).any():
        raise ValueError("no galaxy of the table was classified: measure with classify=True "
                         "(pip install 'kinmis[classifier]')")
    return values >= quality


def misalignment_probability(table, threshold=None, *, common=False):
    """
    Return the probability that each misalignment exceeds a threshold.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As `kinmis.measure` returns.
    threshold : `~astropy.units.Quantity` or float, optional
        The angle (deg); by default, and where it is the same, that of the table, whose
        probabilities come from both posteriors. For another one they come from the misalignment
        and its error, as if that were normally distributed and the senses of rotation sure.
    common : bool
        Whether to take the misalignment over the spaxels that both fields share.

    Returns
    -------
    probability : `~numpy.ndarray`
        NaN where there is no misalignment.

    Examples
    --------
    >>> from kinmis import measure, mock
    >>> from kinmis.catalogue.selections import misalignment_probability
    >>> table = measure([mock.galaxy(40, 85, seed=1)], classify=False)
    >>> misalignment_probability(table, 60).round(2)
    array([0.])
    """
    name = "misalignment_common" if common else "misalignment"
    own = table.meta["kinmis"]["options"]["threshold_deg"]
    limit = own if threshold is None else scalar_in(threshold, u.deg, "threshold")
    if not 0 < limit < 180:
        raise ValueError(f"threshold must be between 0 and 180 deg, not {limit:g}")
    if limit == own:
        return _numbers(table[f"{name}_probability"])
    angle, error = _numbers(table[name]), np.maximum(_numbers(table[f"{name}_err"]), 1e-9)
    turns = angle[:, None] + 360. * np.arange(-2, 3)
    inside = ndtr((limit - turns) / error[:, None]) - ndtr((-limit - turns) / error[:, None])
    return 1. - inside.sum(axis=1)


def misaligned(table, threshold=None, *, probability=0.5, common=False):
    """
    Return the galaxies that are misaligned, by so much and with such a probability.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As `kinmis.measure` returns.
    threshold, common
        As for `misalignment_probability`.
    probability : float
        The least probability, 0 to 1.

    Returns
    -------
    rows : `~astropy.table.QTable`

    Examples
    --------
    >>> from kinmis import measure, mock
    >>> from kinmis.catalogue import misaligned
    >>> table = measure([mock.galaxy(40, gas, seed=1) for gas in (45, 100, 220)], classify=False)
    >>> print(misaligned(table, probability=0.9)["misalignment"].round())
    [60. 180.] deg
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must be from 0 to 1, not {probability!r}")
    # a comparison with NaN is False
    return table[misalignment_probability(table, threshold, common=common) >= probability]


def join_repeats(table, by):
    """
    Put the observations of each galaxy that was observed more than once side by side.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As `kinmis.measure` returns.
    by : str or sequence of pairs
        Name of the column that says which galaxy it is, such as ``"mangaid"``; or pairs of the
        names (``id``) of two observations of one galaxy.

    Returns
    -------
    pairs : `~astropy.table.QTable`
        A row for each two observations of a galaxy, every column twice: with ``_1`` and ``_2``
        appended.

    Raises
    ------
    KeyError
        If there is no such column.

    Examples
    --------
    >>> from kinmis import measure, mock
    >>> from kinmis.catalogue import join_repeats
    >>> table = measure([mock.galaxy(40, seed=seed, id=f"900{seed}-1901") for seed in (1, 2)],
    ...                 classify=False)
    >>> join_repeats(table, [("9001-1901", "9002-1901")])["id_1", "id_2"].pprint()
       id_1      id_2
    --------- ---------
    9001-1901 9002-1901
    """
    if isinstance(by, str):
        if by not in table.colnames:
            raise KeyError(f"the table has no column {by!r}, which would say what galaxy it is")
        groups = {}
        for row, name in enumerate(table[by].tolist()):
            if name is not None and name == name and name != "":
                groups.setdefault(name, []).append(row)
        pairs = [(one, other) for rows in groups.values()
                 for i, one in enumerate(rows) for other in rows[i + 1:]]
    else:
        rows = {name: row for row, name in enumerate(table["id"].tolist()) if name}
        pairs = [(rows[one], rows[other]) for one, other in by if one in rows and other in rows]
    first, second = (np.array([pair[i] for pair in pairs], int) for i in (0, 1))
    joined = hstack([table[first], table[second]], table_names=["1", "2"],
                    metadata_conflicts="silent")
    joined.meta = dict(table.meta)
    return joined


def _has_angles(table):
    return np.isfinite(_numbers(table["stellar_pa"])) & np.isfinite(_numbers(table["gas_pa"]))


def _numbers(column):
    """Return a column as plain numbers, NaN where it is masked."""
    values = column.filled(np.nan) if hasattr(column, "filled") else column
    return np.asarray(getattr(values, "value", values), float)
