"""Warnings of kinmis.

Bad input raises a built-in exception (`ValueError`, `TypeError`, `KeyError`, `OSError`)
whose message names the argument, what is wrong and what to do. What can go on is told by
one of these warnings.
"""

from astropy.utils.exceptions import AstropyUserWarning

__all__ = ["InvalidValueWarning", "KinmisWarning", "QualityWarning", "ReaderWarning"]


class KinmisWarning(AstropyUserWarning):
    """Base class of every warning that kinmis gives."""


class InvalidValueWarning(KinmisWarning):
    """Some values can't be used (infinite velocity, negative variance) and were masked."""


class QualityWarning(KinmisWarning):
    """The source itself says that its data are doubtful (a pipeline quality flag)."""


class ReaderWarning(KinmisWarning):
    """A reader plug-in could not be loaded, or more than one format claims a file."""
