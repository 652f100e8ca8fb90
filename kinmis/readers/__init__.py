"""Readers: the registry, and one module per kind of source."""

from kinmis.readers.registry import identify_format, read, register_reader

__all__ = ["identify_format", "read", "register_reader"]
