"""Warnings of kinmis.

Bad input raises a built-in exception (`ValueError`, `TypeError`, `KeyError`, `OSError`)
whose message names the argument, what is wrong and what to do. What can go on is told by
one of these warnings.
"""

from astropy.utils.exceptions import AstropyUserWarning

__all__ = ["FallbackWarning", "InvalidValueWarning", "KinmisWarning", "QualityWarning",
           "ReaderWarning"]


class KinmisWarning(AstropyUserWarning):
    """
    Base class of every warning that kinmis gives.

    Examples
    --------
    Make errors of them all:

    >>> import warnings
    >>> from kinmis import KinmisWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", KinmisWarning)
    """


class FallbackWarning(KinmisWarning):
    """The data did not come the way that comes first: a server is out of order, or lacks them."""


class InvalidValueWarning(KinmisWarning):
    """Some values can't be used (infinite velocity, negative variance) and were masked."""


class QualityWarning(KinmisWarning):
    """The source itself says that its data are doubtful (a pipeline quality flag)."""


class ReaderWarning(KinmisWarning):
    """A plug-in can't be loaded, several formats claim a file, or a header was put right."""
