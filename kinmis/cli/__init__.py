"""The ``kinmis`` command."""

from kinmis.cli.main import main

__all__ = ["main"]
