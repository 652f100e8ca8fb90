"""When to try again, and how long to wait before."""

import random
import re
import time
from dataclasses import dataclass

__all__ = ["RetryPolicy", "parse_retry_after"]


@dataclass(frozen=True)
class RetryPolicy:
    """
    How often to try, and how long to wait in between.

    Waits double each time. Part of each is random, so that programs that were cut off together
    do not come back together.

    Parameters
    ----------
    tries : int
        How often to try in all.
    base : float
        Seconds before the second try.
    base_limited : float
        The same after the answer that there were too many requests, where the server does
        not say when to come back.
    longest : float
        The longest wait in seconds. A server that asks for a longer one counts as out of
        order.

    Examples
    --------
    >>> from kinmis.marvin import RetryPolicy
    >>> policy = RetryPolicy(base=1)
    >>> 2 <= policy.wait(3) <= 4
    True
    >>> policy.wait(1, retry_after=7)
    7.0
    """

    tries: int = 4
    base: float = 1.
    base_limited: float = 10.
    longest: float = 90.

    def __post_init__(self):
        if self.tries < 1:
            raise ValueError(f"tries must be at least 1, not {self.tries}")

    def wait(self, tried, *, limited=False, retry_after=None):
        """
        Return how long to wait after so many tries.

        Parameters
        ----------
        tried : int
            How often it was tried, from 1.
        limited : bool
            Whether there were too many requests.
        retry_after : float, optional
            The seconds that the server asks for.

        Returns
        -------
        seconds : float or None
            None where it is of no use to try again.
        """
        if tried >= self.tries:
            return None
        if retry_after is not None:
            return float(retry_after) if retry_after <= self.longest else None
        base = self.base_limited if limited else self.base
        return min(base * 2 ** (tried - 1), self.longest) * random.uniform(0.5, 1)


def parse_retry_after(text):
    """
    Return the seconds that a ``Retry-After`` header asks to wait.

    Parameters
    ----------
    text : str or None
        A number of seconds, or a date.

    Returns
    -------
    seconds : float or None
        Not below 0; None where the header is missing or makes no sense.

    Examples
    --------
    >>> from kinmis.marvin.retry import parse_retry_after
    >>> parse_retry_after("120"), parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT")
    (120.0, 0.0)
    >>> parse_retry_after("soon")
    """
    if text is None:
        return None
    if re.fullmatch(r"\s*[+-]?\d+(\.\d*)?\s*", text):
        return max(float(text), 0.)
    from email.utils import parsedate_to_datetime   # takes a while, and is hardly ever needed
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.)
    except (ValueError, TypeError, OverflowError):
        return None
