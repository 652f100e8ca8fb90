"""Which input a row was made from: enough to see, in a later run, whether it is another."""

import hashlib
import os

import numpy as np

from kinmis.catalogue.sources import source_text
from kinmis.galaxy import Galaxy
from kinmis.velocity_field import VelocityField

__all__ = ["ABSENT", "identity", "same_inputs"]

#: State of a path or identifier at which there is no file.
ABSENT = "absent"


def identity(source):
    """
    Return the name of a source and the state that it is in, as short text.

    Parameters
    ----------
    source : object
        What `kinmis.measure` takes.

    Returns
    -------
    name : str
        Hash of the path or identifier as it was given.
    state : str or None
        Size, time of change and whether it can be read, for a file; a hash of the content for
        an object; ``"absent"`` for what is no file here; None for an object that can't be told
        from others.
    """
    name = hashlib.sha256(source_text(source).encode()).hexdigest()[:16]
    if isinstance(source, (str, bytes, os.PathLike)):
        return name, _state_of_file(source)
    if source is None:
        return name, ABSENT
    if isinstance(source, VelocityField):
        source = Galaxy(**{source.component or "stellar": source})
    return name, _content(source) if isinstance(source, Galaxy) else None


def same_inputs(recorded, present):
    """
    Return whether a shard was made from the inputs as they are now.

    A file that has gone since can't have changed: what was measured while it was there holds.

    Parameters
    ----------
    recorded, present : sequence of pairs
        As `identity` returns, for each source of a shard, then and now.

    Returns
    -------
    same : bool
    """
    return len(recorded) == len(present) and all(
        name == other and state is not None and now in (state, ABSENT)
        for (name, state), (other, now) in zip(recorded, present))


def _state_of_file(path):
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ABSENT
    readable = "r" if os.access(path, os.R_OK) else "-"
    return f"{status.st_size}:{status.st_mtime_ns}:{readable}"


def _content(galaxy):
    """Return a hash of all that a galaxy in memory brings to its row."""
    digest = hashlib.sha256(repr(sorted(galaxy.meta.items())).encode())
    for component, field in galaxy.fields.items():
        facts = component, field.shape, field.line, field.v_ref, sorted(field.meta.items())
        digest.update(repr(facts).encode())
        uncertainty = None if field.uncertainty is None else field.uncertainty.array
        for array in (field.data, field.mask, uncertainty, field.east.value, field.north.value,
                      field.bin_id):
            if array is None:
                digest.update(b"none")
            else:
                digest.update(array.dtype.str.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]
