"""Small pictures of single galaxies."""

import io
import warnings

import astropy.units as u
import numpy as np

from kinmis._input import COMPONENTS
from kinmis.catalogue.row import error_text

__all__ = ["thumbnail"]


def thumbnail(row, meta, galaxies=None):
    """
    Draw a galaxy of a catalogue.

    Parameters
    ----------
    row : `~astropy.table.Row`
        Its row.
    meta : dict
        Metadata of the table, which say how galaxies were read.
    galaxies : callable, optional
        Returns the galaxy of a row.

    Returns
    -------
    picture : bytes or None
        A PNG file.
    problem : str
        Why there is none.
    """
    from matplotlib import rc_context
    try:
        with warnings.catch_warnings():
            # what the reader warns of is in the table
            warnings.simplefilter("ignore")
            galaxy = _read(row, meta) if galaxies is None else galaxies(row)
            options = meta["kinmis"]["options"]
            if options["clean"]:
                galaxy = galaxy.clean(**(options["clean"] if isinstance(options["clean"], dict)
                                         else {}))
    except Exception as error:  # told in the place of the picture
        return None, error_text(error)
    angles = {name: _angle(row, name) for name in COMPONENTS}
    buffer = io.BytesIO()
    with rc_context({"savefig.dpi": 80}):
        galaxy.plot(pa=angles, width=6.).savefig(buffer, format="png", bbox_inches="tight", dpi=80)
    return buffer.getvalue(), ""


def _read(row, meta):
    from kinmis.readers import read
    options = meta["kinmis"]["options"]
    return read(str(row["source"]), format=options["format"], **options["reader"])


def _angle(row, name):
    """Return the angle of the table, as the picture takes it."""
    value = row[f"{name}_pa"]
    if np.ma.is_masked(value):
        return False
    return float(getattr(value, "value", value)) * u.deg
