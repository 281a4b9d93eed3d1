"""Data transfer: what runs say that they have read costs money by the GB."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace

from taximeter_exporter.metering.ledger import Advance, Cursor
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.price import Rate

log = logging.getLogger(__name__)

MOST_AT_ONCE = 10**14
"""More than these bytes (100 TB) no run reads between two renewals: such a step is a mistake, and is not counted."""


def count_bytes(run: Run, progress: Mapping[str, float]) -> Run:
    """The run with what it has read since it last said so.

    `bytes` counts up under one lease, so that a renewal which is repeated or late counts nothing. With a new lease the
    count goes on, or begins at 0 again if it is lower than it was.
    """
    if "bytes" not in progress:
        return run
    reported, start = int(progress["bytes"]), run.bytes_reported
    if run.bytes_before:
        start = run.bytes_before if reported >= run.bytes_before else 0
    elif reported <= start:
        return run
    read = reported - start
    if read > MOST_AT_ONCE:
        log.warning("run %s: says to have read %d bytes at once; they are not counted", run.name, read)
        read = 0
    return replace(run, bytes_reported=reported, bytes_before=0, bytes_unbooked=run.bytes_unbooked + read)


class Transfer:
    """Of all runs on this machine, at one rate. Without a rate nothing is booked."""

    uuid = "transfer"
    kind = "transfer"

    def __init__(self, rate: Rate | None, cursor: Cursor | None) -> None:
        """`cursor` is where the ledger ends for it."""
        self._rate = rate
        self._cursor = cursor

    @property
    def model(self) -> str:
        """Which transfer it is."""
        return self._rate.offer.instance_type if self._rate else ""

    def due(self, runs: Mapping[str, Run], read: Mapping[str, int], now: Cursor) -> tuple[list[Usage], list[Advance]]:
        """What to book of what runs have `read`, in the quarter hour of their last renewal."""
        if self._rate is None or not read:
            return [], []
        usage = [
            Usage(
                _quarter(runs[name].renewed_time_ns),
                self.uuid,
                self._rate,
                name,
                Category.TRANSFER,
                Share.ACTIVE,
                count,
            )
            for name, count in read.items()
        ]
        return usage, [Advance(self, self._cursor, now)]

    def booked(self, advances: Iterable[Advance]) -> None:
        """They are in the ledger."""
        for advance in advances:
            self._cursor = advance.after


def _quarter(time_ns: int) -> int:
    return time_ns - time_ns % QUARTER_HOUR_NS
