"""
MaNGA over the network: Marvin's REST API and the survey's archive.

`VelocityField.from_marvin <kinmis.VelocityField.from_marvin>` and
`Galaxy.from_marvin <kinmis.Galaxy.from_marvin>` are what most programs need.
"""

from kinmis.marvin.collect import fetch_maps
from kinmis.marvin.errors import AnswerError, NotFoundError, OutageError, RequestError
from kinmis.marvin.rate_limit import RateLimiter
from kinmis.marvin.retry import RetryPolicy
from kinmis.marvin.summary import download_summary

__all__ = ["AnswerError", "NotFoundError", "OutageError", "RateLimiter", "RequestError",
           "RetryPolicy", "download_summary", "fetch_maps"]
