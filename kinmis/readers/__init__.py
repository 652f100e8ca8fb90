"""Readers: the registry, and one module per kind of source."""

from kinmis.readers.registry import read, register_reader

__all__ = ["read", "register_reader"]
