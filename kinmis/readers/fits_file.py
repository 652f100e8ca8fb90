"""A FITS file of any layout: its images and tables by name, with errors that name the file."""

import contextlib
import os
import re
import warnings
import zlib

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from kinmis.readers.fits_stream import first_header

__all__ = ["FitsFile", "has_plane", "numbered_texts", "plane_number"]

_NUMBERED = re.compile(r"(?!C(?:TYPE|UNIT|NAME)\d|T(?:TYPE|FORM|UNIT)\d)([A-Z_]+?)_?0*(\d+)$")


class FitsFile:
    """
    An open FITS file.

    Parameters
    ----------
    path : str
        The file, gzipped or not.
    units : `~astropy.io.fits.HDUList`
        What it holds.
    """

    def __init__(self, path, units):
        self.path = path
        self.units = units

    @classmethod
    @contextlib.contextmanager
    def open(cls, path):
        """Open a file; what it raises on a damaged one names the file."""
        first_header(path)      # says what a file is that is not FITS
        with warnings.catch_warnings():
            # headers that are not quite standard are the rule
            warnings.simplefilter("ignore", fits.verify.VerifyWarning)
            warnings.filterwarnings("error", ".*truncated", AstropyUserWarning)
            try:
                with (open(path, "rb") as stream,   # astropy leaves it open where it fails
                      fits.open(stream, memmap=False, lazy_load_hdus=False) as units):
                    yield cls(path, units)
            except (AstropyUserWarning, EOFError, zlib.error, OSError) as error:
                if isinstance(error, OSError) and "corrupt" not in str(error):
                    raise
                raise OSError(f"{path} is truncated or damaged ({error}). Get the file "
                              "anew.") from None

    @property
    def names(self):
        """Names of the extensions, in capitals; those without one have their number."""
        return [unit.name.upper() or str(number) for number, unit in enumerate(self.units)]

    @property
    def primary(self):
        """The primary header."""
        return self.units[0].header

    def find(self, wanted):
        """
        Return an extension, or None where it is not there.

        Parameters
        ----------
        wanted : str, int or tuple
            Name or number, or alternatives.
        """
        for name in wanted if isinstance(wanted, (tuple, list)) else (wanted,):
            if isinstance(name, str):
                if name.upper() in self.names:
                    return self.units[self.names.index(name.upper())]
            elif -1 < name < len(self.units):
                return self.units[int(name)]
        return None

    def get(self, wanted):
        """Return an extension, or raise `ValueError`."""
        unit = self.find(wanted)
        if unit is None:
            raise ValueError(f"{self.path} has no extension {_text(wanted)}; it has "
                             f"{', '.join(self.names)}")
        return unit

    @property
    def images(self):
        """The extensions that hold an image of two axes or more."""
        return [unit for unit in self.units if unit.is_image and unit.header["NAXIS"] >= 2]

    def image(self, unit, plane=None):
        """
        Return a two-dimensional image as numbers of double or single precision.

        Parameters
        ----------
        unit : `~astropy.io.fits.ImageHDU`
            The extension.
        plane : int, str or tuple, optional
            Plane of a cube, see `plane_number`.

        Returns
        -------
        image : `~numpy.ndarray`

        Raises
        ------
        ValueError
            If it is no image, or a cube of which no plane is chosen.
        """
        where = f"{self.path}: the extension {unit.name.upper() or self.units.index(unit)}"
        if not unit.is_image or unit.header["NAXIS"] == 0:
            kind = "no data" if unit.is_image else "a table"
            raise ValueError(f"{where} holds {kind}, no image; give extension=, one of "
                             f"{', '.join(self.names)}"
                             + ("" if unit.is_image else ", or format=\"bin-table\""))
        data = np.asarray(unit.data)
        while data.ndim > 3 and data.shape[0] == 1:
            data = data[0]
        if data.ndim == 3:
            number = plane_number(unit.header, plane, len(data), where)
            data = data[number]
        if data.ndim != 2:
            raise ValueError(f"{where} has the shape {data.shape}, and is no map")
        return data.astype(np.result_type(data.dtype.newbyteorder("="), np.float32))


def plane_number(header, plane, count, where):
    """
    Return the number of a plane, from 0.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Header of the cube.
    plane : int, str, tuple or None
        The number, or the text that a numbered keyword has for it, such as ``"vel Ha"`` for
        ``NAME12  = 'vel Ha'``; numbers count from 0 if a keyword with 0 is there, else from
        1. A text that has it as its first word will do. Of several the first that is there
        counts. None where there is only one plane.
    count : int
        How many there are.
    where : str
        What has them, for messages.

    Returns
    -------
    number : int

    Raises
    ------
    ValueError
        If there is no such plane.

    Examples
    --------
    >>> from astropy.io import fits
    >>> from kinmis.readers.fits_file import plane_number
    >>> plane_number(fits.Header({"NAME0": "flux Ha", "NAME1": "vel Ha"}), "vel Ha", 2, "cube")
    1
    """
    if isinstance(plane, tuple):
        plane = next((item for item in plane if has_plane(header, item, count)), plane[0])
    if plane is None:
        if count == 1:
            return 0
        raise ValueError(f"{where} is a cube of {count} planes; give plane=, a number from 0 or "
                         "the name that the header has for it. If it holds spectra, measure "
                         "the velocities first")
    if not isinstance(plane, str):
        if not 0 <= plane < count:
            raise ValueError(f"{where} has {count} planes, from 0, and so no plane {plane}")
        return int(plane)
    found = numbered_texts(header)
    for fits_it in (lambda text: text == plane, lambda text: text.startswith(plane + " ")):
        for (prefix, number), text in found.items():
            if fits_it(text):
                first = 0 if (prefix, 0) in found else 1
                if 0 <= number - first < count:
                    return number - first
    texts = list(found.values())
    raise ValueError(f"{where} has no plane {plane!r}; "
                     + (f"it has {', '.join(map(repr, texts[:40]))}" if texts else
                        "its header names no planes, give their number"))


def has_plane(header, plane, count):
    """Return whether a cube has a plane, by its number or by its text; or one of several."""
    if isinstance(plane, tuple):
        return any(has_plane(header, item, count) for item in plane)
    if not isinstance(plane, str):
        return 0 <= plane < count
    return any(text == plane or text.startswith(plane + " ")
               for text in numbered_texts(header).values())


def numbered_texts(header):
    """Return the texts of numbered keywords, as a dict from (prefix, number) to text."""
    found = {}
    for card in header.cards:
        match = _NUMBERED.match(card.keyword)
        if match and isinstance(card.value, str):
            found[match[1], int(match[2])] = card.value.strip()
    return found


def _text(wanted):
    return " or ".join(map(str, wanted)) if isinstance(wanted, (tuple, list)) else str(wanted)


def existing(path, beside):
    """Return a path as given, or in the folder of another file, or None."""
    path = os.path.expanduser(os.fspath(path))
    for place in (path, os.path.join(os.path.dirname(beside), path)):
        if os.path.isfile(place):
            return place
    return None
