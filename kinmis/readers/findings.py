"""`Finding`: one thing that the check of a reader has to say."""

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """
    One thing that was looked at.

    Parameters
    ----------
    level : {"good", "lacking", "wrong"}
        ``"lacking"`` is what would be better otherwise, ``"wrong"`` breaks the contract.
    text : str
        What was found, and what to do.

    Examples
    --------
    >>> from kinmis.readers.findings import Finding
    >>> Finding("lacking", "no errors").level
    'lacking'
    """

    level: str
    text: str
