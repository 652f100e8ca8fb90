"""Marvin's REST API: what it is asked, and what of its answers is an error."""

import html
import json
import re
from urllib.parse import quote

from kinmis.marvin.client import TryAgain
from kinmis.marvin.errors import AnswerError, NotFoundError, RequestError

__all__ = ["Api"]

# many times what the largest maps, of 127 fibres, take
_MOST = 16 << 20
_TOTAL = 180.
# how the server says that there is no such file; other errors of it may pass
_UNKNOWN = re.compile(r"failed to retrieve data using input parameters|no Maps file found"
                      r"|no plate-?ifus? found|invalid plateifu|Failed to parse input name \S+:"
                      r" .*(?:identifier|plateifu|mangaid)", re.IGNORECASE)


class Api:
    """
    The API of a Marvin server, as far as maps go.

    Parameters
    ----------
    client : `~kinmis.marvin.client.Client`
        What sends the requests.
    base_url : str
        Root of the server, with a slash at its end.
    """

    def __init__(self, client, base_url):
        self.client = client
        self.base_url = base_url

    def address(self, plateifu, bintype, template):
        """Return where a galaxy is."""
        parts = "/".join(quote(part, safe="") for part in (plateifu, bintype, template))
        return f"{self.base_url}marvin/api/maps/{parts}/"

    def header(self, plateifu, release, bintype, template):
        """
        Ask for the header of a MAPS file.

        Parameters
        ----------
        plateifu, release, bintype, template : str
            Which file.

        Returns
        -------
        data : dict
            ``header`` and ``wcs`` as text, and ``shape``, a pair of int.

        Raises
        ------
        NotFoundError
            If the server knows no such observation.
        RequestError
            If it does not know the release, the bins or the templates.
        AnswerError
            If the answer is about something else.
        OutageError
            If there is none.
        """
        url = self.address(plateifu, bintype, template)
        asked = f"{plateifu} ({release}, {bintype}-{template})"
        data = self._ask(url, release, asked)
        given = tuple(data.get(name) for name in ("plateifu", "bintype", "template"))
        if given != (plateifu, bintype, template):
            raise AnswerError(f"{url} was asked for {plateifu} with {bintype}-{template} and "
                              f"answers with {given[0]} with {given[1]}-{given[2]}")
        shape = data.get("shape")
        if not (isinstance(shape, list) and len(shape) == 2
                and all(type(side) is int and 0 < side < 10_000 for side in shape)):
            raise AnswerError(f"{url} gives no shape of a map but {str(shape)[:40]!r}")
        for name in ("header", "wcs"):
            if not isinstance(data.get(name), str) or not data[name].isascii():
                raise AnswerError(f"{url} gives no FITS header as {name!r}")
        return data

    def map(self, plateifu, release, bintype, template, name, channel):
        """
        Ask for a map.

        Parameters
        ----------
        plateifu, release, bintype, template : str
            Which file.
        name, channel : str
            Which map, in the server's words.

        Returns
        -------
        data : dict
            ``value``, ``ivar`` and ``mask``: nested lists, or None.

        Raises
        ------
        NotFoundError, RequestError, AnswerError, OutageError
            As for `header`.
        """
        url = f"{self.address(plateifu, bintype, template)}map/{name}/{quote(channel, safe='')}/"
        data = self._ask(url, release, f"{name} {channel} of {plateifu} ({release}, "
                                       f"{bintype}-{template})")
        if not isinstance(data.get("value"), list):
            raise AnswerError(f"{url} answers without values")
        return data

    def _ask(self, url, release, asked):
        form = {"release": release, "compression": "json"}
        return self.client.request("POST", url, lambda answer: _data(answer, asked),
                                   data=form, total=_TOTAL)


def _data(answer, asked):
    """Return what an answer holds, or raise what it says."""
    content = answer.read(_MOST)
    host = answer.url.split("/marvin/")[0]
    if answer.status in (400, 409, 422):
        raise RequestError(f"{asked}: {host} refuses this (status {answer.status}: "
                           f"{_text_of(content)}). Does it have this release, these bins, "
                           "templates and this line?")
    if answer.status != 200:
        raise AnswerError(f"{answer.url} answers with status {answer.status} "
                          f"({_text_of(content)}); is it the address of a Marvin server?")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):    # of outages, and of proxies that ask to log in
        raise TryAgain("the answer is no JSON but "
                       f"{_text_of(content) or 'nothing'!r}") from None
    if not isinstance(found, dict):
        raise TryAgain("the answer is JSON, but not of Marvin")
    error, status, data = (found.get(name) for name in ("error", "status", "data"))
    if error or status == -1:
        said = str(error or "no reason").strip().splitlines()[0][:300]
        if _UNKNOWN.search(said):
            raise NotFoundError(f"{asked}: there is no such observation. {host} says: {said}")
        raise TryAgain(f"the server reports an error: {said}")
    if not isinstance(data, dict):
        raise TryAgain("the answer holds no data")
    return data


def _text_of(content):
    """Return the beginning of a page as one line of text."""
    text = content[:4000].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(head|title|style|script)\b.*?</\1>|<[^>]*>", " ", text)
    return " ".join(html.unescape(text).split())[:200]
