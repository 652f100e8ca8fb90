"""The format ``marvin``: a plate-IFU, from wherever it can be had, or a ``marvin.tools.Maps``."""

import os

from kinmis.marvin.access import TIMEOUT, TRIES, Fetched, Question, Servers, build, fetch
from kinmis.readers.formats import register_reader
from kinmis.readers.manga_dap import mask_value
from kinmis.readers.sas import is_plateifu

__all__ = ["read_marvin"]


def read_marvin(source, *, release=None, bintype=None, template=None, access="auto",
                line="Ha-6564", mask_bits=None, base_url=None, sas_url=None, timeout=TIMEOUT,
                tries=TRIES, rate=None, period=None, summary=None):
    """
    Read the stellar and the gas velocity field of a galaxy of MaNGA.

    Parameters
    ----------
    source : str or ``marvin.tools.Maps``
        A plate-IFU such as ``"8485-1901"``, or an object of the marvin package.
    release : {"DR17", "DR16", "DR15"}, optional
        Data release; the default is DR17.
    bintype, template : str, optional
        Bins and templates, by default those that Marvin has: ``"HYB10"``, and
        ``"MILESHC-MASTARSSP"`` in DR17, ``"GAU-MILESHC"`` before.
    access : {"auto", "api", "sas", "local", "package"}, optional
        Which way: from the API of Marvin, as a file from the archive (kept in astropy's
        cache), from a local file below ``$SAS_BASE_DIR``, or through the marvin package.
        ``"auto"`` takes a local file or one in the cache where there is one, then the API,
        and the archive if that is out of order.
    line : str, optional
        Emission line whose velocity is the gas velocity.
    mask_bits : sequence of str or int, optional
        Bits of ``MANGA_DAPPIXMASK`` that make a spaxel bad; by default any bit does.
    base_url, sas_url : str, optional
        Roots of the Marvin server and of the archive, by default
        ``https://magrathea.sdss.org/`` and ``https://data.sdss.org/sas/``.
    timeout : float, optional
        Seconds in which a connection has to be there, and each piece of an answer to come.
    tries : int, optional
        How often to try each request.
    rate, period : int and float, optional
        No more than ``rate`` requests to the Marvin server in ``period`` seconds. All
        processes of a machine share the limit, by default 360 in 60 s.
    summary : str or bool, optional
        Path of a summary table, ``drpall`` or ``dapall``, for redshift and photometry that the
        MAPS file lacks; by default one below ``$SAS_BASE_DIR``, or one that
        `kinmis.marvin.download_summary` got; False for none.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`
        ``meta["access"]`` and ``meta["source"]`` tell which way it came.

    Raises
    ------
    kinmis.marvin.NotFoundError
        If there is no such observation.
    FileNotFoundError
        If there is no local file, and ``access="local"``.
    kinmis.marvin.RequestError
        If the server refuses what was asked for.
    kinmis.marvin.OutageError, kinmis.marvin.AnswerError
        If the servers do not answer, or not with what they should.
    ImportError
        If ``access="package"``, and the package is missing or can't work.
    ValueError
        If an argument has a value that it can't have.

    Warns
    -----
    FallbackWarning
        If the data came from the archive, since Marvin did not have them.
    QualityWarning
        If the pipeline itself calls the data doubtful (``DAPQUAL``).
    """
    chosen = mask_value(mask_bits)
    if is_maps(source):
        from kinmis.marvin.package import planes_of_maps
        asked = Question(source.plateifu, _public(source.release), source.bintype.name,
                         source.template.name, line)
        return build(Fetched(asked, planes_of_maps(source, line), repr(source), "package"),
                     chosen, summary)
    ahead = getattr(source, "fetched", None)
    if ahead is not None:       # a thread has begun to get it
        return build(ahead(), chosen, summary)
    return build(fetch(question_of(
        source, release=release, bintype=bintype, template=template, access=access, line=line,
        base_url=base_url, sas_url=sas_url, timeout=timeout, tries=tries, rate=rate,
        period=period)), chosen, summary)


def question_of(source, *, release=None, bintype=None, template=None, access="auto",
                line="Ha-6564", mask_bits=None, summary=None, **servers):
    """
    Return what the options of the reader ask for.

    Parameters
    ----------
    source : str
        A plate-IFU.
    release, bintype, template, access, line, mask_bits, summary, **servers
        As for `read_marvin`.

    Returns
    -------
    question : `~kinmis.marvin.access.Question`
    """
    if not isinstance(source, str):
        raise TypeError("the format 'marvin' reads a plate-IFU such as '8485-1901', or a "
                        f"marvin.tools.Maps, not {type(source).__name__}")
    return Question(str(source), release, bintype, template, line, access, Servers(**servers))


def is_maps(source):
    """
    Return whether something is a ``marvin.tools.Maps``, without importing marvin.

    Examples
    --------
    >>> from kinmis.marvin.reader import is_maps
    >>> is_maps("8485-1901")
    False
    """
    return any(kind.__name__ == "Maps" and kind.__module__.split(".")[0] == "marvin"
               for kind in type(source).__mro__)


def _public(release):
    """Return the public name of a release of the collaboration that became public."""
    return {"MPL-7": "DR15", "MPL-11": "DR17"}.get(release, release)


def _identify(source):
    return is_maps(source) or is_plateifu(source) and not os.path.exists(source)


register_reader("marvin", read_marvin, _identify, priority=20,
                recognises="plate-IFUs; objects of marvin.tools.Maps",
                description="A plate-IFU of MaNGA such as 8485-1901: a local file, Marvin, or the "
                            "archive of the survey; or a marvin.tools.Maps")
