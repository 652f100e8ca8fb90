"""Stub while being written."""
