"""Which preset of the format ``fits-image`` a file has."""

import os
import re

from kinmis.readers.fits_file import numbered_texts
from kinmis.readers.presets import PRESETS

__all__ = ["called_velocity", "recognise"]

# what an extension or a header calls a velocity, as against a dispersion
_VELOCITY = re.compile(r"(?i)(?:v|vel|velocity|vlos|v_?los|.*_vel(?:ocity)?|vel(?:ocity)?_.*|mom1|"
                       r"moment ?1|velocity map.*)$")
_NOT_VELOCITY = re.compile(r"(?i).*(?:err|ivar|var|mask|disp|sig|snr|unc).*$")


def called_velocity(unit):
    """
    Return whether the name of an extension, or its header, calls it a velocity.

    Parameters
    ----------
    unit : `~astropy.io.fits.ImageHDU`
        The extension.

    Returns
    -------
    called : bool
    """
    names = [unit.name if unit.name != "PRIMARY" else "",
             *(str(unit.header.get(key, "")) for key in ("BTYPE", "DP_NAME", "QUANTITY"))]
    return any(_VELOCITY.match(name) and not _NOT_VELOCITY.match(name) for name in names)


def recognise(path, file):
    """
    Return the preset that an open file has.

    Parameters
    ----------
    path : str
        The file.
    file : `~kinmis.readers.fits_file.FitsFile`
        The same, open.

    Returns
    -------
    name : str or None
        The first of `kinmis.readers.presets.PRESETS` whose signs are all there.
    found : dict
        What its name tells.
    """
    for name, preset in PRESETS.items():
        found = preset.signs and _signs_of(preset.signs, path, file)
        if found is not None:
            return name, found
    return None, {}


def _signs_of(signs, path, file):
    """Return what the name of a file tells, or None where it is of another kind."""
    for keyword, pattern in signs.header.items():
        if not re.match(pattern, str(file.primary.get(keyword, ""))):
            return None
    if any(file.find(name) is None for name in signs.extensions):
        return None
    if signs.planes:
        texts = set(numbered_texts(file.images[0].header).values()) if file.images else ()
        if not any(text == plane or text.startswith(plane + " ")
                   for plane in signs.planes for text in texts):
            return None
    if signs.filename is None:
        return {}
    match = re.search(signs.filename, os.path.basename(path))
    return match.groupdict() if match else None
