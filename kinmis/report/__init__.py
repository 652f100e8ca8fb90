"""A page about a catalogue: numbers, charts, and pictures of the galaxies to look at."""

from kinmis.report.page import write_report

__all__ = ["write_report"]
