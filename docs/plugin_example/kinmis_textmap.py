"""Plug-in of kinmis for text maps: columns of east, north, velocity and error."""

import numpy as np

from kinmis import Galaxy, VelocityField, register_reader

MARK = "# velocity map of"


def read_textmap(source, *, component="gas"):
    """Read columns of east and north (arcsec), velocity and error (km/s)."""
    with open(source, encoding="utf-8") as file:
        name = file.readline().removeprefix(MARK).strip()
        east, north, velocity, error = np.loadtxt(file, unpack=True, ndmin=2)
    return Galaxy(**{component: VelocityField.from_arrays(
        velocity, error=error, east=east, north=north, component=component,
        meta={"id": name, "source": source})})


def is_textmap(source):
    """Return whether a source is a text map; never raise."""
    try:
        with open(source if isinstance(source, str) else "", "rb") as file:
            return file.read(len(MARK)) == MARK.encode()
    except (OSError, ValueError):
        return False


def register():
    """Add the format; kinmis calls this before the first file is read."""
    register_reader("textmap", read_textmap, is_textmap, recognises=f"the first line '{MARK} ...'",
                    description="Text map with columns of east, north, velocity and error")
