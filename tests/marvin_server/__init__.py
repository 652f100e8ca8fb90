"""Marvin's own server, and the environment that it runs in."""
