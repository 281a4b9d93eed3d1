"""Keeps OpenSSL out of a process that speaks no TLS: it would be a sixth of the memory of the whole exporter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_MODULES = ("ssl", "_hashlib")


@contextmanager
def without_openssl() -> Iterator[None]:
    """What is imported meanwhile finds no OpenSSL.

    asyncio, http.client and hashlib take it along if it is there, and do without if it is not.
    """
    hidden = [name for name in _MODULES if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment] # this is how Python is told that there is no such module
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
