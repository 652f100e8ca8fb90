"""Where a table comes from: versions, options, date and what to cite."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version

__all__ = ["provenance"]

PAPER = "Duckworth et al. 2020, MNRAS, 492, 1869 (arXiv:1910.10744)"
_METHOD_PAPERS = {
    "bisymmetric": "Krajnovic et al. 2006, MNRAS, 366, 787 (Appendix C)",
    "pafit": "Krajnovic et al. 2006, MNRAS, 366, 787 (Appendix C)",
}


def provenance(options):
    """
    Return what a table has to say of its origin.

    Parameters
    ----------
    options : dict
        Options of the measurement, plain values only.

    Returns
    -------
    facts : dict
        Plain values, so that every format can hold them.

    Examples
    --------
    >>> from kinmis.catalogue.provenance import provenance
    >>> sorted(provenance({"clean": True}))
    ['date', 'options', 'references', 'software', 'versions']
    """
    from kinmis import __version__
    method = options.get("fit", {}).get("method")
    versions = {"kinmis": __version__, "python": platform.python_version()}
    versions |= {name: version(name) for name in ("numpy", "scipy", "astropy")}
    if method == "pafit":
        versions["pafit"] = version("pafit")
    if options.get("model"):
        versions |= {name: version(name) for name in ("keras", "jax")}
    return {
        "software": f"kinmis {__version__}",
        "versions": versions,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": options,
        "references": [PAPER, *filter(None, [_METHOD_PAPERS.get(method)])],
    }
