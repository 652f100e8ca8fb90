"""Errors that the command tells its user."""

__all__ = ["UsageError"]


class UsageError(Exception):
    """What was asked for can't be done as it was asked."""
