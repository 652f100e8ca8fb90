"""Two catalogues of the same galaxies: what differs."""

import re
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import Column, MaskedColumn, QTable
from astropy.utils.masked import Masked

from kinmis._input import COMPONENTS
from kinmis.catalogue.selections import _numbers
from kinmis.position_angle.circular import wrap_180

__all__ = ["Comparison", "compare"]

#: Beyond this angle (deg) two position angles see different sides recede.
FLIPPED = 120.


@dataclass
class Comparison:
    """
    What differs between two catalogues; `compare` makes it.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        A row for each galaxy that both have: ``id``; ``{stellar,gas}_pa_old``, ``_pa_new``,
        ``_pa_difference`` (new minus old, -180 to 180 deg), ``_pa_deviation`` (over the combined
        error), ``_quality_old``, ``_quality_new``; ``misalignment_old`` and ``_new``; as far as
        both catalogues have them.
    only_old, only_new : list of str
        Names that only one of them has.
    """

    table: QTable
    only_old: list
    only_new: list

    def summary(self):
        """
        Sum up in a few lines.

        Returns
        -------
        lines : list of str
        """
        table = self.table
        lines = [f"{len(table)} galaxies in both, {len(self.only_old)} only in the old, "
                 f"{len(self.only_new)} only in the new catalogue"]
        for name in COMPONENTS:
            if f"{name}_pa_old" in table.colnames:
                lines.append(f"{name}: {self._angles(name)}")
            if f"{name}_quality_old" in table.colnames:
                lines.append(f"{name}: {self._labels(name)}")
        return lines

    def _angles(self, name):
        old, new = (np.isfinite(_numbers(self.table[f"{name}_pa_{which}"]))
                    for which in ("old", "new"))
        difference = np.abs(_numbers(self.table[f"{name}_pa_difference"]))
        difference = difference[np.isfinite(difference)]
        text = f"{len(difference)} angles in both"
        if len(difference):
            half, most = np.percentile(difference, [50, 90])
            text += (f" differ by {half:.2f} deg in the median, 90% by at most {most:.2f} deg, "
                     f"{np.count_nonzero(difference > FLIPPED)} by more than {FLIPPED:g} deg")
        return (f"{text}; {np.count_nonzero(old & ~new)} lost, "
                f"{np.count_nonzero(new & ~old)} gained")

    def _labels(self, name):
        changes = self.label_changes(name)
        total, same = changes.sum(), np.trace(changes)
        if not total:
            return "no label in both"
        moved = [f"{old} to {new}: {changes[old, new]}" for old in range(3) for new in range(3)
                 if old != new and changes[old, new]]
        return (f"{same} of {total} labels alike ({same / total:.1%})"
                + (f"; {', '.join(moved)}" if moved else ""))

    def label_changes(self, component):
        """
        Return how many fields went from each quality to each.

        Parameters
        ----------
        component : {"stellar", "gas"}
            Which fields.

        Returns
        -------
        counts : `~numpy.ndarray`, shape (3, 3)
            The first index is the old quality.
        """
        counts = np.zeros((3, 3), int)
        old, new = (np.ma.filled(np.ma.asarray(self.table[f"{component}_quality_{which}"]), -1)
                    for which in ("old", "new"))
        both = (old >= 0) & (new >= 0)
        np.add.at(counts, (old[both], new[both]), 1)
        return counts

    def plot(self, figure=None):
        """
        Draw new against old angles, the differences, and the labels.

        Parameters
        ----------
        figure : `~matplotlib.figure.Figure`, optional
            Figure to draw in.

        Returns
        -------
        figure : `~matplotlib.figure.Figure`
        """
        from kinmis.report.charts import draw_comparison
        return draw_comparison(self, figure)


def compare(old, new, by="id"):
    """
    Compare two catalogues of the same galaxies.

    Parameters
    ----------
    old, new : `~astropy.table.Table`
        As `kinmis.measure` returns, or with columns of these names.
    by : str
        Column that says which galaxy it is. Of several rows with one name the first counts.

    Returns
    -------
    comparison : `Comparison`

    Raises
    ------
    KeyError
        If one of them lacks the column.

    Examples
    --------
    >>> from kinmis import measure, mock
    >>> from kinmis.catalogue import compare
    >>> galaxies = [mock.galaxy(40, 100, seed=seed, id=f"{seed}") for seed in (1, 2, 3)]
    >>> old, new = (measure(galaxies, weights=weights, classify=False)
    ...             for weights in ("area", "bins"))
    >>> print(compare(old, new).summary()[0])
    3 galaxies in both, 0 only in the old, 0 only in the new catalogue
    """
    rows = []
    for table, which in ((old, "old"), (new, "new")):
        if by not in table.colnames:
            raise KeyError(f"the {which} catalogue has no column {by!r}; it has "
                           f"{', '.join(table.colnames[:20])}")
        rows.append(_rows(table[by]))
    names = [name for name in rows[0] if name in rows[1]]
    tables = [table[[numbers[name] for name in names]] if names else table[:0]
              for table, numbers in zip((old, new), rows)]
    joined = QTable({by: Column(names, dtype=str)})
    for name in COMPONENTS:
        _add_angles(joined, name, *tables)
        _add_both(joined, f"{name}_quality", *tables)
    _add_both(joined, "misalignment", *tables)
    return Comparison(joined, *([name for name in mine if name not in theirs]
                                for mine, theirs in (rows, rows[::-1])))


def _rows(column):
    """Return the first row of each name."""
    rows = {}
    for row, name in enumerate(column.tolist()):
        if name is not None and str(name):
            rows.setdefault(str(name), row)
    return rows


def _add_angles(joined, name, old, new):
    column = f"{name}_pa"
    if column not in old.colnames or column not in new.colnames:
        return
    angles = [_numbers(table[column]) for table in (old, new)]
    difference = np.asarray(wrap_180(angles[1] - angles[0]))
    for which, values in zip(("old", "new", "difference"), (*angles, difference)):
        joined[f"{column}_{which}"] = _masked(values, u.deg)
    if f"{column}_err" in old.colnames and f"{column}_err" in new.colnames:
        error = np.hypot(*(_numbers(table[f"{column}_err"]) for table in (old, new)))
        with np.errstate(divide="ignore", invalid="ignore"):
            joined[f"{column}_deviation"] = _masked(np.where(error > 0, difference / error,
                                                             np.nan))


def _add_both(joined, name, old, new):
    if name not in old.colnames or name not in new.colnames:
        return
    for which, table in (("old", old), ("new", new)):
        if re.search("quality$", name):
            values = np.ma.asarray(table[name])
            joined[f"{name}_{which}"] = MaskedColumn(np.ma.filled(values, 0), dtype=np.int32,
                                                     mask=np.ma.getmaskarray(values))
        else:
            joined[f"{name}_{which}"] = _masked(_numbers(table[name]), u.deg)


def _masked(values, unit=None):
    mask = np.isnan(values)
    return MaskedColumn(values, mask=mask) if unit is None else Masked(values << unit, mask=mask)
