"""What a user hands over for fine-tuning, as galaxies with labels, and a part held out."""

import warnings

import numpy as np

from kinmis._input import COMPONENTS
from kinmis.classifier.labels import Labels, check_quality
from kinmis.classifier.prepare import prepare
from kinmis.exceptions import InvalidValueWarning

__all__ = ["MIN_LABELS", "hold_out", "labelled_galaxies"]

#: Fewer labels than these teach nothing.
MIN_LABELS = 20

#: Least number of fields of either kind on either side.
MIN_OF_A_KIND = 3


def labelled_galaxies(items, labels, groups=None):
    """
    Return what can be seen of labelled fields and galaxies.

    Parameters
    ----------
    items : sequence of `~kinmis.VelocityField` or `~kinmis.Galaxy`
    labels : array-like, dict or `~astropy.table.Table`
        As for `~kinmis.classifier.fine_tune`.
    groups : sequence, optional
        Of each item: what stays together.

    Returns
    -------
    lattices : list of `~kinmis.classifier.lattice.Lattice`
    labels : `~kinmis.classifier.labels.Labels`
    groups : `~numpy.ndarray` of int

    Raises
    ------
    TypeError, ValueError
        If labels do not match the items, or are too few.

    Warns
    -----
    InvalidValueWarning
        If labels outside 0, 1, 2, or items without data, are dropped.
    """
    from kinmis.galaxy import Galaxy
    from kinmis.velocity_field import VelocityField
    if isinstance(items, (VelocityField, Galaxy)):
        raise TypeError("fine_tune needs a list of many fields or galaxies, not one "
                        f"{type(items).__name__}")
    items = list(items)
    seen = [prepare(item) for item in items]
    quality = _quality(labels, seen)
    names = [k if groups is None and (item is None or item.id is None) else
             (item.id if groups is None else group)
             for k, (item, group) in enumerate(zip(items, _of_each(groups, items)))]
    number = np.unique(np.array([str(name) for name in names]), return_inverse=True)[1]
    kept = np.array([one.lattice is not None for one in seen], bool)
    present = np.array([one.lattice.present if kept[k] else (False, False)
                        for k, one in enumerate(seen)]).reshape(-1, 2)
    empty = (quality >= 0) & ~present
    if empty.any():
        warnings.warn(f"{np.count_nonzero(empty)} labelled fields have no valid data: dropped",
                      InvalidValueWarning, stacklevel=3)
        quality[empty] = -1
    kept &= (quality >= 0).any(axis=1)
    _check(quality[kept], MIN_LABELS, "there are")
    return ([one.lattice for one, keep in zip(seen, kept) if keep], Labels(quality[kept]),
            number[kept])


def _of_each(groups, items):
    if groups is None:
        return [None] * len(items)
    groups = list(groups)
    if len(groups) != len(items):
        raise ValueError(f"groups has {len(groups)} entries, but there are {len(items)} items")
    return groups


def _quality(labels, seen):
    """Return the labels of stars and gas of each item, -1 where there is none."""
    n, single = len(seen), [len(one.wanted) == 1 for one in seen]
    if hasattr(labels, "colnames"):
        labels = {name: labels[name] for name in labels.colnames}
    if isinstance(labels, dict):
        columns = {name: labels[name] for name in COMPONENTS if name in labels}
        if not columns:
            raise ValueError("labels has neither 'stellar' nor 'gas', but "
                             f"{', '.join(map(repr, labels)) or 'nothing'}")
        quality = np.full((n, 2), -1)
        for name, values in columns.items():
            values = check_quality(values, f"labels[{name!r}]")
            _match(values.shape[:1], n)
            quality[:, COMPONENTS.index(name)] = values
        return quality
    values = check_quality(_numbers(labels))
    _match(values.shape[:1], n)
    if values.ndim == 2 and values.shape[1] == 2:
        return values.copy()
    if values.ndim != 1:
        raise ValueError(f"labels has the shape {values.shape}; give one label for each field, "
                         "or a pair (stellar, gas) for each galaxy")
    if not all(single):
        raise ValueError("labels has one label for each item, but some are galaxies with two "
                         "fields: give pairs (stellar, gas), with -1 where there is none, or "
                         "a table with the columns 'stellar' and 'gas'")
    quality = np.full((n, 2), -1)
    for k, one in enumerate(seen):
        if one.wanted[0] is not None:
            quality[k, COMPONENTS.index(one.wanted[0])] = values[k]
    return quality


def _numbers(labels):
    """Return labels with None as NaN; those of a list of pairs may be missing one by one."""
    if isinstance(labels, np.ndarray):
        return labels
    try:
        return np.array([[np.nan if one is None else one for one in row]
                         if isinstance(row, (tuple, list)) else np.nan if row is None else row
                         for row in labels])
    except ValueError as error:
        raise ValueError("labels must be one number for each field, or a pair for each galaxy: "
                         f"{error}") from None


def _match(shape, n):
    if shape != (n,):
        raise ValueError(f"labels and items do not match: {shape[0] if shape else 'one'} labels "
                         f"for {n} items")


def _check(quality, least, where):
    known = quality[quality >= 0]
    if len(known) < least:
        raise ValueError(f"fine-tuning needs at least {least} labels, 50 to 300 are better; "
                         f"{where} {len(known)}")
    few = [what for what, number in (("usable (1 or 2)", np.count_nonzero(known > 0)),
                                     ("not usable (0)", np.count_nonzero(known == 0)))
           if number < MIN_OF_A_KIND]
    if few:
        raise ValueError(f"fine-tuning needs fields of both kinds, at least {MIN_OF_A_KIND} of "
                         f"each; {where} too few that are {' and '.join(few)}")


def hold_out(quality, groups, share, rng):
    """
    Choose groups whose labels are held out.

    Parameters
    ----------
    quality : `~numpy.ndarray` of int, shape (n, 2)
    groups : `~numpy.ndarray` of int, shape (n,)
    share : float
        Of the labels, from 0 (none are held out) to 0.8.
    rng : `numpy.random.Generator`

    Returns
    -------
    held : `~numpy.ndarray` of bool, shape (n,)

    Raises
    ------
    ValueError
        If no choice leaves both kinds of labels on both sides.
    """
    if not 0 <= share <= 0.8:
        raise ValueError(f"held_out must lie between 0 and 0.8, not {share!r}")
    if share == 0:
        return np.zeros(len(groups), bool)
    count = (quality >= 0).sum(axis=1)
    for _ in range(100):
        order = rng.permutation(np.unique(groups))
        size = np.array([count[groups == group].sum() for group in order])
        wanted = order[:np.searchsorted(np.cumsum(size), share * count.sum()) + 1]
        held = np.isin(groups, wanted)
        sides = [quality[side][quality[side] >= 0] for side in (held, ~held)]
        if all(min((side > 0).sum(), (side == 0).sum()) >= MIN_OF_A_KIND for side in sides):
            return held
    raise ValueError(f"no choice of {share:.0%} of the labels leaves at least {MIN_OF_A_KIND} "
                     "usable and not usable fields on both sides: give more labels, more "
                     "groups, or held_out=0")
