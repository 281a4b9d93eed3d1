"""Fixtures of other rooms that these tests use."""

from support.tools import tools

__all__ = ["tools"]
