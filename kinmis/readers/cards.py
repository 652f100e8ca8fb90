"""The cards of a FITS header, found without parsing the ones that nobody asks for."""

import functools
import re
import struct

__all__ = ["Cards"]

_FLOAT = re.compile(rb"[.ED]")
_STRING = re.compile(rb" *'((?:[^']|'')*)'")


class Cards:
    """
    The header of one extension; a value is parsed when it is asked for.

    A reader needs few of the cards, and parsing all would take longer than inflating them.

    Parameters
    ----------
    raw : bytes
        Cards of 80 characters, up to and including ``END``.

    Examples
    --------
    >>> from kinmis.readers.cards import Cards
    >>> cards = Cards(b"NAXIS   =                    2 / axes".ljust(80)
    ...               + b"BUNIT   = 'km/s    '".ljust(80) + b"END".ljust(80))
    >>> cards["NAXIS"], cards.get("BUNIT"), cards.get("BSCALE", 1)
    (2, 'km/s', 1)
    """

    __slots__ = ("raw", "_places")

    def __init__(self, raw):
        self.raw = raw
        self._places = None

    @property
    def keywords(self):
        """Where each keyword stands first; keywords are bytes, with their padding."""
        if self._places is None:
            count = len(self.raw) // 80
            keywords = struct.unpack_from("8s72x" * count, self.raw)
            # backwards, so that the first of several cards with one keyword stays
            self._places = dict(zip(keywords[::-1], range(80 * count - 80, -1, -80)))
        return self._places

    def get(self, keyword, default=None):
        """Return the value of a keyword, or the default where it is missing or empty."""
        place = self.keywords.get(_padded(keyword))
        if place is None or self.raw[place + 8:place + 9] != b"=":
            return default
        value = _parse(self.raw, place)
        return default if value is None else value

    def __getitem__(self, keyword):
        value = self.get(keyword)
        if value is None:
            raise KeyError(f"the header has no keyword {keyword}")
        return value

    def __contains__(self, keyword):
        return self.get(keyword) is not None

    def keyword_of(self, value, prefix):
        """
        Return the number n of the first keyword ``prefix + n`` that has a text as value.

        Parameters
        ----------
        value : str
            The text, without trailing blanks.
        prefix : str
            Letters that the keyword begins with; what follows is a number, which may have
            leading zeros.

        Returns
        -------
        number : int or None
        """
        pattern = b"'" + value.encode().replace(b"'", b"''")
        place = self.raw.find(pattern)
        while place >= 0:
            start = place - place % 80
            number = self.raw[start + len(prefix):start + 8].strip()
            if (self.raw.startswith(prefix.encode(), start) and number.isdigit()
                    and _parse(self.raw, start) == value):
                return int(number)
            place = self.raw.find(pattern, place + 1)
        return None

    def numbered(self, prefix):
        """Return the texts of the keywords ``prefix + n``, as a dict from n to text."""
        pattern = re.compile(rb"%s(\d+) *=" % prefix.encode())
        found = {}
        for start in range(0, len(self.raw), 80):
            match = pattern.match(self.raw, start)
            if match and isinstance(value := _parse(self.raw, start), str):
                found[int(match[1])] = value
        return found


@functools.cache
def _padded(keyword):
    return keyword.ljust(8).encode()


def _parse(raw, start):
    """Return the value of the card at ``start``; None for an empty one."""
    card = raw[start + 10:start + 80]
    if card.startswith(b"'"):   # as nearly all texts are written
        end = card.find(b"'", 1)
        if end > 0 and card[end - 1:end] != b"&" and card[end + 1:end + 2] != b"'":
            return card[1:end].decode("ascii", "replace").rstrip()
    if text := _STRING.match(card):
        text = text[1].replace(b"''", b"'").decode("ascii", "replace").rstrip()
        if text.endswith("&") and raw.startswith(b"CONTINUE", start + 80):
            text = text[:-1] + (_parse(raw, start + 80) or "")
        return text
    card = card.partition(b"/")[0].strip()
    if not card:
        return None
    if card == b"T" or card == b"F":
        return card == b"T"
    try:
        return float(card.replace(b"D", b"E")) if _FLOAT.search(card) else int(card)
    except ValueError:
        raise ValueError(f"the header card {raw[start:start + 80].decode('ascii', 'replace')!r} "
                         "is not FITS") from None
