"""Whether a FITS file is whole: every extension, every checksum, to the last byte."""

from kinmis.readers.byte_sources import open_source
from kinmis.readers.cards import Cards
from kinmis.readers.fits_stream import _next, checksum

__all__ = ["verify_fits"]

_MODULUS = 0xFFFFFFFF


def verify_fits(path):
    """
    Read a FITS file to its end.

    The checksum of each extension that has one (``DATASUM``) is compared. The end of a gzipped
    file has a checksum of its own.

    Parameters
    ----------
    path : str
        The file, gzipped or not.

    Raises
    ------
    OSError
        If it is truncated or damaged.
    ValueError
        If it is not FITS.

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.marvin.verify import verify_fits
    >>> path = mock.write_maps(mock.galaxy(seed=1), ".")
    >>> verify_fits(path)
    """
    place, seen = 0, []
    with open_source(str(path)) as source:
        while (unit := _next(source, place, seen, True)) is not None:
            raw, name, _, start, place = unit
            seen.append(name)
            total = size = 0
            for piece in source.pieces(start, place):
                total += checksum(piece, size)
                size += len(piece)
            if size < place - start:
                raise OSError(f"{path} is truncated: it breaks off in the extension {name}")
            expected = Cards(raw).get("DATASUM")
            if expected is not None and total % _MODULUS != int(expected) % _MODULUS:
                raise OSError(f"{path} is damaged: the data of the extension {name} do not have "
                              "the sum that DATASUM gives")
