"""A table in brief: the main columns, and a few lines that sum up."""

import re
from collections import Counter

import numpy as np
from astropy.table import Column, Table

from kinmis._input import COMPONENTS
from kinmis.flags import decode_flags, flag_bits

__all__ = ["brief", "summary"]

# so many names, and so many letters, are shown at most
_MANY, _LONG, _SHORT = 5, 200, 90


def brief(table):
    """
    Return the main columns as text, for the eye.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As `kinmis.measure` returns.

    Returns
    -------
    short : `~astropy.table.Table`
        Angles as "value +/- error" in deg; "-" where there is none; what is to be said of a
        galaxy in words.
    """
    def angles(name):
        return Column(_with_errors(table, name), dtype=str, unit="deg")
    limit = _threshold(table)
    return Table({
        "galaxy": Column([_name(row) for row in table], dtype=str),
        "PA stars": angles("stellar_pa"),
        "PA gas": angles("gas_pa"),
        "misalignment": angles("misalignment"),
        f"P(> {limit:g})": Column([_number(value, ".2f") for value
                                   in table["misalignment_probability"]], dtype=str),
        "remarks": Column([_remarks(row) for row in table], dtype=str)})


def summary(table, seconds=None):
    """
    Sum up a table in a few lines.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As `kinmis.measure` returns.
    seconds : float, optional
        How long it took.

    Returns
    -------
    lines : list of str
    """
    n = len(table)
    count = Counter(str(status) for status in table["status"])
    took = "" if seconds is None else f" in {seconds:.1f} s"
    if seconds and n > 1:
        took += f" ({n / seconds:.3g} a second)"
    lines = [f"{_galaxies(n)}{took}: {count['ok']} ok, {count['partial']} partial, "
             f"{count['failed']} failed"]
    resting = {component: int(np.count_nonzero(_flagged(table, component, "NO_ROTATION")))
               for component in COMPONENTS}
    if any(resting.values()):
        lines.append(f"no rotation: {resting['stellar']} stellar, {resting['gas']} gas")
    lines += _qualities(table)
    compared = table["misalignment"][~table["misalignment"].mask]
    if len(compared):
        limit = _threshold(table)
        beyond = int(np.count_nonzero(compared.unmasked.to_value("deg") > limit))
        lines.append(f"misaligned by more than {limit:g} deg: {beyond} of {len(compared)} "
                     f"({beyond / len(compared):.1%})")
    twice = n - len(set(table["source"].tolist()))
    if twice:
        lines.append(f"{twice} sources are named more than once")
    return lines + _reasons(table)


def _qualities(table):
    """Say how many fields are usable, and how many unlike the training data."""
    quality = {component: np.ma.filled(np.ma.asarray(table[f"{component}_quality"]), -1)
               for component in COMPONENTS}
    if not any((values >= 0).any() for values in quality.values()):
        return []
    good = {component: int(np.count_nonzero(values >= 1)) for component, values in quality.items()}
    both = int(np.count_nonzero((quality["stellar"] >= 1) & (quality["gas"] >= 1)))
    odd = {component: int(np.count_nonzero(_flagged(table, component, "OUT_OF_DISTRIBUTION")))
           for component in COMPONENTS}
    lines = [f"usable: {good['stellar']} stellar, {good['gas']} gas, {both} both"]
    if any(odd.values()):
        lines.append(f"out of distribution: {odd['stellar']} stellar, {odd['gas']} gas")
    return lines


def _reasons(table):
    failed = table[table["status"] == "failed"]
    reasons = {}
    for row in failed:
        reasons.setdefault(_shorten(_reason(row), _LONG), []).append(_name(row))
    lines = []
    for reason, names in sorted(reasons.items(), key=lambda item: -len(item[1])):
        more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
        lines.append(f"{len(names)} failed: {reason} ({', '.join(names[:_MANY])}{more})")
    return lines


def _reason(row):
    """Return the message without what differs from file to file."""
    text = str(row["message"])
    source = re.escape(row["source"].encode("ascii", "backslashreplace").decode())
    text = re.sub(rf"(?<=: ){source}: |['\"]?{source}['\"]?", _ellipsis, text)
    return text.rstrip(".")


def _ellipsis(match):
    return "" if match[0].endswith(": ") else "..."


def _shorten(text, most):
    return text if len(text) <= most else text[:most - 3] + "..."


def _flagged(table, component, name):
    """Return in which rows a flag of a component is set."""
    return np.ma.filled(np.ma.asarray(table[f"{component}_flags"]), 0) & flag_bits(name) != 0


def _threshold(table):
    return table.meta["kinmis"]["options"]["threshold_deg"]


def _galaxies(n):
    return "1 galaxy" if n == 1 else f"{n} galaxies"


def _name(row):
    if row["id"] is not np.ma.masked:
        return str(row["id"])
    return re.split(r"[\\/]", row["source"])[-1] or row["source"]


def _number(value, form):
    return "-" if np.ma.is_masked(value) or not np.isfinite(value) else format(float(value), form)


def _with_errors(table, name):
    def plain(column):
        return column.filled(np.nan).to_value("deg")
    return ["-" if np.isnan(value) else f"{value:.1f} +/- {error:.1f}"
            for value, error in zip(plain(table[name]), plain(table[f"{name}_err"]))]


def _remarks(row):
    """Return flags and message in one cell."""
    words = [name.lower().replace("_", " ") for name in decode_flags(int(row["flags"]))
             if name not in ("FAILED", "SOURCE_WARNING", "NO_DATA", "TOO_FEW_DATA")]
    if row["message"] is not np.ma.masked:
        words.append(_reason(row))
    return _shorten("; ".join(words), _SHORT)
