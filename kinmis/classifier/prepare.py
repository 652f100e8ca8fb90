"""From what a user hands over to lattices that the networks can see."""

from dataclasses import dataclass

from kinmis._input import COMPONENTS
from kinmis.classifier.lattice import Lattice, make_lattice

__all__ = ["Item", "prepare"]


@dataclass
class Item:
    """
    One thing to classify.

    Parameters
    ----------
    target : `~kinmis.VelocityField`, `~kinmis.Galaxy` or None
        What was handed over.
    wanted : tuple of str
        Components to say something about.
    lattice : `~kinmis.classifier.lattice.Lattice` or None
        None if nothing can be seen.
    cleaned : dict
        From component to whether it was cleaned here.
    """

    target: object
    wanted: tuple
    lattice: Lattice | None
    cleaned: dict


def prepare(target, clean=True):
    """
    Make an item of a field, a galaxy or None.

    Parameters
    ----------
    target : `~kinmis.VelocityField`, `~kinmis.Galaxy` or None
        A field that does not say what moves counts as one of stars.
    clean : bool
        Whether to clean fields that have not been cleaned.

    Returns
    -------
    item : `Item`

    Raises
    ------
    TypeError
        If it is something else.
    """
    from kinmis.galaxy import Galaxy
    from kinmis.velocity_field import VelocityField
    if target is None:
        return Item(None, (None,), None, {})
    if isinstance(target, Galaxy):
        fields, wanted = target.fields, tuple(target.fields)
    elif isinstance(target, VelocityField):
        name = target.component or "stellar"
        fields, wanted = {name: target}, (name,)
        other = COMPONENTS[1 - COMPONENTS.index(name)]
        if target.partner is not None:
            fields[other] = target.partner
    else:
        raise TypeError("only a VelocityField or a Galaxy can be classified, not "
                        f"{type(target).__name__}; VelocityField.read(...) and "
                        "Galaxy.read(...) make one from a file")
    seen, cleaned = {}, {}
    for name, field in fields.items():
        cleaned[name] = clean and "cleaning" not in field.meta and field.n_valid > 0
        seen[name] = field.clean() if cleaned[name] else field
    # a field without data has nothing to say about the other
    shown = {name: field for name, field in seen.items() if field.n_valid > 0}
    lattice = make_lattice(shown.get("stellar"), shown.get("gas")) if shown else None
    return Item(target, wanted, lattice, cleaned)
