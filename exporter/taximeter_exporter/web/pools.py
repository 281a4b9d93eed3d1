"""Threads that find answers, each kind apart from the others, so that what is slow keeps nothing else waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Answer = TypeVar("_Answer")


class BusyError(Exception):
    """So much waits already that more would only wait in vain."""


class Pool:
    """A few threads, started as they are needed, and a queue that does not grow without end."""

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        """At most `waiting` calls are under way at a time."""
        self._executor = ThreadPoolExecutor(threads, name)
        self._most = waiting
        self._under_way = 0

    async def run(self, call: Callable[[], _Answer]) -> _Answer:
        """What a call returns; to be asked on one event loop. Raises `BusyError`."""
        if self._under_way >= self._most:
            raise BusyError
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        finally:
            self._under_way -= 1

    def shutdown(self) -> None:
        """Begin no more; what is under way comes to its end."""
        self._executor.shutdown(wait=False, cancel_futures=True)
