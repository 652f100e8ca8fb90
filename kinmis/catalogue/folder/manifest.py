"""The manifest of a folder: what every shard in it was made with."""

import json
from datetime import UTC, datetime

from kinmis.catalogue.folder.atomic import write_atomically

__all__ = ["Manifest", "differences"]

#: Layout of the folder; raised when an older kinmis could no longer read it.
LAYOUT = 1


class Manifest:
    """
    What the shards of a folder have in common.

    Parameters
    ----------
    key : dict
        Options, versions and model; plain values.
    created : str
        When the run began.
    """

    def __init__(self, key, created=None):
        self.key = json.loads(json.dumps(key))
        self.created = created or datetime.now(UTC).isoformat(timespec="seconds")

    @classmethod
    def read(cls, path):
        """
        Return the manifest in a file, or None where there is no file.

        Raises
        ------
        ValueError
            If the file is no manifest, or one of a later layout.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            facts = json.loads(text)
            layout, key, created = facts["layout"], facts["key"], facts["created"]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"'{path}' is damaged, or no manifest of kinmis; choose another "
                             "folder, or ask for overwrite to begin anew") from None
        if layout != LAYOUT:
            raise ValueError(f"'{path}' was written by a kinmis with another layout ({layout}, "
                             f"this one has {LAYOUT}); choose another folder, or ask for "
                             "overwrite to begin anew")
        return cls(key, created)

    def write(self, path):
        """Write it, at once and complete."""
        facts = {"layout": LAYOUT, "created": self.created, "key": self.key}
        write_atomically(path, json.dumps(facts, indent=1).encode())


def differences(one, other, name=""):
    """
    Return in words where two keys differ.

    Parameters
    ----------
    one, other : dict
        Keys of a manifest: that which is there, and that which is asked for.

    Returns
    -------
    lines : list of str

    Examples
    --------
    >>> from kinmis.catalogue.folder.manifest import differences
    >>> differences({"options": {"weights": "bins"}}, {"options": {"weights": "area"}})
    ["options.weights: 'bins' there, 'area' now"]
    """
    if isinstance(one, dict) and isinstance(other, dict):
        lines = []
        for key in dict.fromkeys([*one, *other]):
            lines += differences(one.get(key), other.get(key), f"{name}.{key}" if name else key)
        return lines
    return [] if one == other else [f"{name}: {one!r} there, {other!r} now"]
