"""
Read chosen image extensions of a FITS file, gzipped or plain, and nothing beyond them.

A gzip stream has no index, so what lies before a wanted extension must be inflated, but not
what lies behind the last one. The price is that the CRC at the end of the stream is not
reached: the FITS checksums of what is used are verified instead, and damage elsewhere in the
file stays unseen.
"""

import functools
import os
import stat
from typing import NamedTuple

import numpy as np

from kinmis.readers.byte_sources import open_source
from kinmis.readers.cards import Cards

__all__ = ["Extension", "checksum", "first_header", "read_extensions"]

_BLOCK = 2880
_MANDATORY = 8 * 80     # the cards that describe an image of up to three axes come first
_END = b"END" + b" " * 77
_ONES = 0xFFFFFFFF
_DTYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


class Extension(NamedTuple):
    """
    One extension of a file, as far as it is used.

    Parameters
    ----------
    name : str
        Its ``EXTNAME``, in capitals; ``"PRIMARY"`` for the first.
    header : `~kinmis.readers.cards.Cards`
        Its header.
    image : `~numpy.ndarray` or None
        Its image, or the plane that was asked for, in native byte order, scaled where the
        header says so.
    """

    name: str
    header: Cards
    image: object


def checksum(data, place=0):
    """
    Return the sum of big-endian 32-bit words, modulo 2^32 - 1.

    That is the ones' complement sum of the FITS standard 4.0, appendix J, with 0 for either
    of its zeros.

    Parameters
    ----------
    data : bytes-like
        All the data, or a piece of them.
    place : int, optional
        Offset of the piece.

    Returns
    -------
    total : int
        The sums of pieces add up to that of all, modulo 2^32 - 1.

    Examples
    --------
    >>> from kinmis.readers.fits_stream import checksum
    >>> checksum(bytes([0, 0, 1, 2, 255, 255, 255, 255]))
    258
    """
    head = -place % 4
    words = max(len(data) - head, 0) // 4
    total = int(np.add.reduce(np.frombuffer(data, ">u4", words, head),
                              dtype=np.uint64)) if words else 0
    if head or len(data) % 4:   # pieces may cut words in two
        for rest in (*range(min(head, len(data))), *range(head + 4 * words, len(data))):
            total += data[rest] << 8 * (3 - (place + rest) % 4)
    return total % _ONES


def read_extensions(path, wanted):
    """
    Read the primary header and some image extensions of a FITS file.

    Parameters
    ----------
    path : str
        The file, gzipped or not.
    wanted : dict
        For each extension, by its name in capitals, None for the whole image, or a function
        that gets its header (`~kinmis.readers.cards.Cards`) and returns the number of one
        plane, from 0.

    Returns
    -------
    extensions : dict of `Extension`
        By name, and the first one as ``"PRIMARY"``, whose image is left out. Where several
        have one name, the first of them counts.

    Raises
    ------
    OSError
        If the file is missing, truncated or damaged.
    ValueError
        If it is not FITS, or lacks an extension or a plane.
    """
    try:
        return _read(path, wanted, _jumps)
    except _Astray:
        return _read(path, wanted, {})


class _Astray(Exception):
    """A file is not laid out like the one before; it has to be read without jumps."""


# From where a useful extension ended to where the next one began, in files before this one: a
# survey has a handful of layouts, and looking at each header between takes a tenth of the time
# of reading. What lies at the end of a jump is checked.
_jumps = {}


def _read(path, wanted, jumps):
    missing = set(wanted)
    found, seen = {}, []
    place, origin, jumped, straight = 0, None, False, True
    with open_source(path) as source:
        while missing:
            try:
                unit = _next(source, place, seen, len(missing) > 1)
            except OSError:
                if jumped:
                    raise _Astray from None
                raise
            if unit is None:
                break
            raw, name, geometry, start, stop = unit
            seen.append(name)
            if place and name not in missing:
                if jumped:
                    raise _Astray
                place = stop
                continue
            header = Cards(raw)
            image = None
            if name in missing:
                missing.discard(name)
                image = _image(f"{path}: the extension {name}", header, geometry, wanted[name],
                               source.pieces(start, stop, ahead=bool(missing)), stop - start)
                if origin is not None and origin[0] != place:
                    jumps[origin] = place
            found[name] = Extension(name, header, image)
            origin = stop, name, frozenset(missing)
            place = jumps.get(origin, stop)
            jumped = place != stop
            straight = straight and not jumped
    if missing:
        if not straight:    # the message has to name every extension
            raise _Astray
        raise ValueError(f"{path} has no extension {', '.join(sorted(missing))}; it has "
                         f"{', '.join(seen)}")
    if len(jumps) > 1000:
        jumps.clear()
    return found


def _image(where, header, geometry, plane_of, pieces, length):
    """Return an image, or one plane of it, from the pieces of its data."""
    bitpix = geometry[0]
    shape, offset = _plane(where, header, geometry, plane_of)
    data = _verified(where, header, pieces, length, offset, _product(shape) * abs(bitpix) // 8)
    return _scaled(np.frombuffer(data, _DTYPES[bitpix]).reshape(shape), header)


def _plane(where, header, geometry, plane_of):
    """Return the shape of what is wanted of an image, and where in the data it begins."""
    bitpix, shape, _ = geometry
    if not shape or not header.raw.startswith(b"XTENSION= 'IMAGE "):
        kind = header.get("XTENSION", "IMAGE")
        raise ValueError(f"{where} holds no image" + (f" but a {kind}" if kind != "IMAGE" else "")
                         + (": funpack the file first" if "ZIMAGE" in header else ""))
    if plane_of is None:
        return shape, 0
    plane = plane_of(header)
    if len(shape) != 3 or not 0 <= plane < shape[0]:
        raise ValueError(f"{where} has the shape {shape}, and so no plane {plane + 1}")
    return shape[1:], plane * _product(shape[1:]) * abs(bitpix) // 8


def _verified(where, header, pieces, length, offset, size):
    """Return some of the data, after comparing them all with the sum that the header has."""
    total, place, parts = 0, 0, []
    for piece in pieces:
        total += checksum(piece, place)
        if offset < place + len(piece) and place < offset + size:
            parts.append(piece[max(offset - place, 0):offset + size - place])
        place += len(piece)
    if place < length:
        raise OSError(f"{where} is truncated: of {length} bytes there are {place}. "
                      "Get the file anew.")
    start = len(header.raw) - 80    # most often the last card
    if header.raw.startswith(b"DATASUM = '", start):
        expected = header.raw[start + 11:header.raw.find(b"'", start + 11)]
    else:
        expected = header.get("DATASUM")
    if expected is not None and total % _ONES != int(expected) % _ONES:
        raise OSError(f"{where} is damaged: its data do not have the sum that DATASUM gives. "
                      "Get the file anew.")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _scaled(image, header):
    """Return an image in native byte order, scaled where the header says so."""
    image = image.astype(image.dtype.newbyteorder("="))
    if b"BSCALE" not in header.raw and b"BZERO" not in header.raw:
        return image
    scale, zero = header.get("BSCALE", 1), header.get("BZERO", 0)
    if scale == 1 and zero == 0:
        return image
    if image.dtype.kind == "i" and scale == 1 and zero == 1 << (8 * image.itemsize - 1):
        # how FITS stores unsigned integers
        unsigned = image.view(f"u{image.itemsize}")
        return unsigned ^ unsigned.dtype.type(zero)
    return image * float(scale) + float(zero)


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
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{path} is no regular file")     # a pipe would wait for ever
    return _first_header(path, status.st_mtime_ns, status.st_size, status.st_ino)


@functools.lru_cache(maxsize=4)     # several formats look at one file, one after the other
def _first_header(path, *_):
    with open_source(path) as source:
        return Cards(_next(source, 0, (), False)[0])


def _next(source, place, seen, ahead):
    """
    Return what begins at ``place``, None at the end of the file.

    That is the header, the name, the geometry of the data, and where they begin and end.
    """
    path = source.path
    raw = source.fetch(place, place + 2 * _BLOCK, ahead=ahead)
    if not raw.startswith(b"XTENSION=" if place else b"SIMPLE  ="):
        if not place:
            raise ValueError(f"{path} is no FITS file: it begins with {raw[:10]!r}")
        if not source.reaches(place):
            raise _truncated(path, seen[-1])
        if not raw.strip(b"\0 "):
            return None
        raise OSError(f"{path} is damaged: no extension begins at byte {place}, behind "
                      f"{seen[-1]}. Get the file anew.")
    end = raw.find(_END)
    while end < 0 or end % 80:
        searched = end + 1
        if end < 0:
            more = source.fetch(place + len(raw), place + len(raw) + 2 * _BLOCK, ahead=ahead)
            if not more:
                raise _truncated(path, f"that follows {seen[-1]}" if seen else "PRIMARY")
            searched, raw = len(raw) // 80 * 80, raw + more
        end = raw.find(_END, searched)
    raw = raw[:end]
    name = _name(raw) if place else "PRIMARY"
    try:
        try:
            geometry = _geometry(raw[:_MANDATORY])
        except KeyError:
            geometry = _geometry(raw)
    except (KeyError, ValueError, TypeError) as error:
        raise OSError(f"{path} is damaged: the header of its extension {name} can't be right: "
                      f"{error}") from None
    start = place + (end // _BLOCK + 1) * _BLOCK
    return raw, name, geometry, start, start + -(-geometry[2] // _BLOCK) * _BLOCK


def _name(raw):
    """Return the name of an extension, in capitals."""
    start = len(raw) - 240   # most pipelines put it there, before the two checksums
    if not raw.startswith(b"EXTNAME ", start):
        start = raw.rfind(b"EXTNAME ")
    if start % 80 == 0 and raw.startswith(b"EXTNAME = '", start):
        quote = raw.find(b"'", start + 11)
        if not raw.startswith(b"'", quote + 1):
            return raw[start + 11:quote].decode("ascii", "replace").rstrip().upper()
    return str(Cards(raw).get("EXTNAME", "")).upper()


@functools.lru_cache(maxsize=512)   # headers of one file begin alike
def _geometry(raw):
    """Return type, shape and size in bytes of the data that a header describes."""
    cards = Cards(raw)
    bitpix, axes = _integer(cards, "BITPIX"), _integer(cards, "NAXIS")
    if bitpix not in _DTYPES:
        raise ValueError(f"BITPIX is {bitpix}")
    if not axes:
        return bitpix, (), 0
    shape = tuple([_integer(cards, f"NAXIS{axis}") for axis in range(axes, 0, -1)])
    count = _product(shape)
    if raw.startswith(b"XTENSION"):
        count = _integer(cards, "GCOUNT") * (_integer(cards, "PCOUNT") + count)
    if count < 0:
        raise ValueError(f"its data have the size {count}")
    return bitpix, shape, abs(bitpix) // 8 * count


def _integer(cards, keyword):
    value = cards[keyword]
    if type(value) is not int or value < 0 and keyword != "BITPIX":
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
