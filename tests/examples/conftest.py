"""Fixtures of these tests."""

from tests.cluster import bootstrap, name

__all__ = ["bootstrap", "name"]
