"""Puts what arrives at the same time into one batch: a model answers for thirty-two in little more than for one."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

WAITING = 16
"""So many batches may wait. More would answer later than anybody waits for."""


class Full(Exception):
    """More is asked for than can be answered in time."""


class Batching(Generic[T, R]):
    """Answers single items by a function of many, in a thread of its own.

    A batch is begun by its first item, and closed when it has `most` or when `wait_seconds` have passed; while one is
    worked on the next one gathers.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[T]], Sequence[R]],
        *,
        most: int,
        wait_seconds: float,
        told: Callable[[int], None],
    ) -> None:
        """`told` hears of each batch that was answered how many items it had."""
        self._answer = answer
        self._told = told
        self._most = most
        self._wait_seconds = wait_seconds
        self._waiting: queue.Queue[tuple[T, Future[R]] | None] = queue.Queue(WAITING * most)
        self._thread = threading.Thread(target=self._run, name="taximeter-predict", daemon=True)
        self._thread.start()

    def submit(self, item: T) -> Future[R]:
        """Its answer, some time. Raises `Full`."""
        future: Future[R] = Future()
        try:
            self._waiting.put_nowait((item, future))
        except queue.Full:
            raise Full from None
        return future

    def stop(self) -> None:
        """Answer what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        going_on = True
        while going_on:
            batch, going_on = self._gather()
            if batch:
                self._answer_all(batch)

    def _gather(self) -> tuple[list[tuple[T, Future[R]]], bool]:
        batch: list[tuple[T, Future[R]]] = []
        until = float("inf")
        while len(batch) < self._most:
            try:
                left = until - time.monotonic()
                entry = self._waiting.get(timeout=None if left == float("inf") else max(0.0, left))
            except queue.Empty:
                break
            if entry is None:
                return batch, False
            if not batch:
                until = time.monotonic() + self._wait_seconds
            batch.append(entry)
        return batch, True

    def _answer_all(self, batch: list[tuple[T, Future[R]]]) -> None:
        wanted = [(item, future) for item, future in batch if future.set_running_or_notify_cancel()]
        if not wanted:
            return
        try:
            answers = self._answer([item for item, _ in wanted])
        except Exception as wrong:
            for _, future in wanted:
                future.set_exception(wrong)
            return
        self._told(len(wanted))
        for (_, future), answer in zip(wanted, answers, strict=True):
            future.set_result(answer)
