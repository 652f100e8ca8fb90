"""
What can go wrong between here and the survey's servers.

Whether it helps to try again, or to go another way, depends on which of these it is.
"""

__all__ = ["AnswerError", "NotFoundError", "OutageError", "RequestError"]


class OutageError(ConnectionError):
    """
    A server can't be reached, or keeps failing; another way, or another day, may help.

    Examples
    --------
    >>> from kinmis import Galaxy
    >>> from kinmis.marvin import OutageError
    >>> try:
    ...     Galaxy.from_marvin("8485-1901", access="api",
    ...                        base_url="http://127.0.0.1:9/", tries=1)
    ... except OutageError:
    ...     print("come back later")
    come back later
    """


class AnswerError(OSError):
    """
    A server answers what can't be right: not of this galaxy, too large, or a redirection
    to somewhere else. Trying again does not help, another way may.
    """


class NotFoundError(FileNotFoundError):
    """There is no such observation, whichever way one asks."""


class RequestError(ValueError):
    """The server refuses what was asked for: it does not know the release, bins or line."""
