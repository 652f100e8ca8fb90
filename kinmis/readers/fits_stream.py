"""
Read chosen image extensions of a FITS file, gzipped or plain, and nothing beyond them.

A gzip stream has no index, so what lies before a wanted extension must be inflated, but not
what lies behind the last one. The price is that the CRC at the end of the stream is not
reached: the FITS checksums of what is used are verified instead, and damage elsewhere in the
file stays unseen.
"""

import functools
import os
import sys
from dataclasses import dataclass, field

import numpy as np

from kinmis.readers.byte_sources import open_source
from kinmis.readers.cards import Cards

__all__ = ["Extension", "checksum", "first_header", "read_extensions"]

_BLOCK = 2880
_END = b"END" + b" " * 77
_DTYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class Extension:
    """
    One header and data unit (HDU) of a file.

    Parameters
    ----------
    path : str
        The file, for messages.
    name : str
        Its ``EXTNAME``, in capitals; ``"PRIMARY"`` for the first.
    header : `~kinmis.readers.cards.Cards`
        Its header.
    bitpix : int
        Type of its data, as in the FITS standard.
    shape : tuple of int
        Shape of its data, slowest axis first; empty where there are none.
    data : bytes-like
        Its data unit, with the padding.
    """

    path: str
    name: str
    header: Cards
    bitpix: int
    shape: tuple
    data: object = field(repr=False, default=b"")

    def image(self, plane=None):
        """
        Return the image, or one plane of a cube, in native byte order.

        Parameters
        ----------
        plane : int, optional
            Number of the plane, from 0.

        Returns
        -------
        image : `~numpy.ndarray`
            A copy; scaled where the header says so.

        Raises
        ------
        ValueError
            If the extension is not an image, or has no such plane.
        """
        kind = self.header.get("XTENSION", "IMAGE")
        if kind != "IMAGE" or not self.shape:
            raise ValueError(f"{self.path}: the extension {self.name} holds no image"
                             + (f" but a {kind}" if kind != "IMAGE" else "")
                             + (": funpack the file first" if "ZIMAGE" in self.header else ""))
        image = np.frombuffer(self.data, _DTYPES[self.bitpix], _product(self.shape))
        image = image.reshape(self.shape)
        if plane is not None:
            if image.ndim != 3 or not 0 <= plane < len(image):
                raise ValueError(f"{self.path}: the extension {self.name} has the shape "
                                 f"{self.shape}, and so no plane {plane + 1}")
            image = image[plane]
        return self._scaled(image.astype(image.dtype.newbyteorder("=")))

    def _scaled(self, image):
        scale, zero = self.header.get("BSCALE", 1), self.header.get("BZERO", 0)
        if scale == 1 and zero == 0:
            return image
        if image.dtype.kind == "i" and scale == 1 and zero == 1 << (8 * image.itemsize - 1):
            # how FITS stores unsigned integers
            unsigned = image.view(f"u{image.itemsize}")
            return unsigned ^ unsigned.dtype.type(zero)
        return image * float(scale) + float(zero)

    def verify(self):
        """
        Compare the data with ``DATASUM``, where the header has it.

        Raises
        ------
        OSError
            If the sums differ.
        """
        expected = self.header.get("DATASUM")
        if expected is not None and checksum(self.data) != int(expected) % 0xFFFFFFFF:
            raise OSError(f"{self.path} is damaged: the data of its extension {self.name} do "
                          "not have the sum that DATASUM gives. Get the file anew.")


def checksum(data):
    """
    Return the sum of big-endian 32-bit words, modulo 2^32 - 1.

    That is the ones' complement sum of the FITS standard 4.0, appendix J, with 0 for either
    of its zeros.

    Parameters
    ----------
    data : bytes-like
        Its length is a multiple of 8.

    Returns
    -------
    total : int

    Examples
    --------
    >>> from kinmis.readers.fits_stream import checksum
    >>> checksum(bytes([0, 0, 1, 2, 255, 255, 255, 255]))
    258
    """
    words = np.frombuffer(data, np.uint32)
    if sys.byteorder == "little":
        words = words.byteswap()
    # numpy adds 64-bit words fast: the words at the higher places by themselves; what the
    # others add up to follows from the total, which may wrap around
    pairs = words.view(np.uint64)
    high = int((pairs >> np.uint64(32)).sum())
    low = (int(pairs.sum()) - (high << 32)) & 0xFFFFFFFFFFFFFFFF
    return (high + low) % 0xFFFFFFFF


def read_extensions(path, names):
    """
    Read the primary header and the named extensions of a FITS file.

    Parameters
    ----------
    path : str
        The file, gzipped or not.
    names : iterable of str
        Names of extensions, in capitals.

    Returns
    -------
    extensions : dict of `Extension`
        By name, and the first one as ``"PRIMARY"``, whose data are left out. Where several
        have one name, the first of them counts.

    Raises
    ------
    OSError
        If the file is missing, truncated or damaged.
    ValueError
        If it is not FITS, or lacks an extension.
    """
    wanted = set(names)
    found, seen, place = {}, [], 0
    with open_source(path) as source:
        while wanted and (unit := _next(source, place, seen)) is not None:
            raw, name, bitpix, shape, start, stop = unit
            seen.append(name)
            if name in wanted:
                wanted.discard(name)
                data = source.fetch(start, stop, exact=not wanted)
                if len(data) < stop - start:
                    raise _truncated(path, name)
                found[name] = Extension(path, name, Cards(raw), bitpix, shape, data)
                found[name].verify()
            elif place == 0:
                found["PRIMARY"] = Extension(path, name, Cards(raw), bitpix, shape)
            place = stop
    if wanted:
        raise ValueError(f"{path} has no extension {', '.join(sorted(wanted))}; it has "
                         f"{', '.join(seen)}")
    return found


def first_header(path):
    """
    Return the primary header of a FITS file, gzipped or not.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    header : `~kinmis.readers.cards.Cards`

    Raises
    ------
    OSError
        If the file is missing, truncated or damaged.
    ValueError
        If it is not FITS.
    """
    status = os.stat(path)
    return _first_header(path, status.st_mtime_ns, status.st_size, status.st_ino)


@functools.lru_cache(maxsize=4)     # several formats look at one file, one after the other
def _first_header(path, *_):
    with open_source(path) as source:
        return Cards(_next(source, 0, ())[0])


def _next(source, place, seen):
    """
    Return what begins at ``place``, None at the end of the file.

    That is the header, the name, the type and shape of the data, and where they begin and end.
    """
    path = source.path
    raw = bytes(source.fetch(place, place + 2 * _BLOCK))
    if not raw.startswith(b"XTENSION=" if place else b"SIMPLE  ="):
        if not place:
            raise ValueError(f"{path} is no FITS file: it begins with {raw[:10]!r}")
        if not raw.strip(b"\0 "):
            return None
        raise OSError(f"{path} is damaged: no extension begins at byte {place}, behind "
                      f"{seen[-1]}. Get the file anew.")
    end = raw.find(_END)
    while end < 0 or end % 80:
        searched = end + 1
        if end < 0:
            more = bytes(source.fetch(place + len(raw), place + len(raw) + 2 * _BLOCK))
            if not more:
                raise _truncated(path, f"behind {seen[-1]}" if seen else "PRIMARY")
            searched, raw = len(raw) - 79, raw + more
        end = raw.find(_END, searched)
    raw = raw[:end + 80]
    name = _name(raw) if place else "PRIMARY"
    try:
        bitpix, shape, size = _geometry(raw)
    except (KeyError, ValueError, TypeError) as error:
        raise OSError(f"{path} is damaged: the header of its extension {name} can't be right: "
                      f"{error}") from None
    start = place + -(-len(raw) // _BLOCK) * _BLOCK
    return raw, name, bitpix, shape, start, start + -(-size // _BLOCK) * _BLOCK


def _name(raw):
    """Return the name of an extension, in capitals."""
    start = raw.find(b"EXTNAME = '") + 11
    if start % 80 == 11:    # the usual way to write it, without a quote inside
        return raw[start:raw.find(b"'", start)].decode("ascii", "replace").rstrip().upper()
    return str(Cards(raw).get("EXTNAME", "")).upper()


def _geometry(raw):
    """Return type, shape and size in bytes of the data that a header describes."""
    # the standard fixes the places of these cards; others are searched
    cards = Cards(raw)
    bitpix = _integer(cards, "BITPIX", 80)
    axes = _integer(cards, "NAXIS", 160)
    if bitpix not in _DTYPES:
        raise ValueError(f"BITPIX is {bitpix}")
    if not axes:
        return bitpix, (), 0
    shape = tuple([_integer(cards, f"NAXIS{axis}", 160 + 80 * axis)
                   for axis in range(axes, 0, -1)])
    count = _product(shape)
    if raw.startswith(b"XTENSION"):
        count = (_integer(cards, "GCOUNT", 320 + 80 * axes)
                 * (_integer(cards, "PCOUNT", 240 + 80 * axes) + count))
    if count < 0:
        raise ValueError(f"its data have the size {count}")
    return bitpix, shape, abs(bitpix) // 8 * count


def _integer(cards, keyword, place):
    """Return a whole number from the header, from the card at ``place`` if it stands there."""
    card = cards.raw[place:place + 30]
    value = (int(card[10:]) if card.startswith(keyword.encode()) and card[8:10] == b"= "
             else cards[keyword])
    if not isinstance(value, int):
        raise ValueError(f"{keyword} is {value!r}")
    return value


def _product(shape):
    result = 1
    for length in shape:
        result *= length
    return result


def _truncated(path, name):
    return OSError(f"{path} is truncated: it breaks off in the extension {name}. "
                   "Get the file anew.")
