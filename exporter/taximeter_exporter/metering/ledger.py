"""The seam behind which the ledger stands: what the meter asks of it, whatever database keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.usage import Usage


class LedgerError(Exception):
    """The ledger cannot be opened, read or written. Says which ledger, why, and what to do."""


class LedgerConflictError(LedgerError):
    """A write did not begin where the ledger ends: somebody else writes to it. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where a device's time is in the ledger."""

    boot_id: str
    """The boot in which `booked_ns` counts."""
    booked_ns: int
    """On `Clock.elapsed_ns`."""


class Chargeable(Protocol):
    """What costs money: a device, or what the machine has beside its devices."""

    @property
    def uuid(self) -> str:
        """Its name in the ledger."""
        ...

    @property
    def kind(self) -> str:
        """What sort of thing it is."""
        ...

    @property
    def model(self) -> str:
        """What it is among its sort."""
        ...


@dataclass(frozen=True, slots=True)
class Advance:
    """Where the time of one device ends before and after a write."""

    device: Chargeable
    before: Cursor | None
    """`None`: the ledger has not seen the device yet."""
    after: Cursor


class Ledger(Protocol):
    """Durable and exact. Every method raises `LedgerError`."""

    def host_uuid(self) -> str:
        """The name under which this ledger keeps the host itself, made up once: `HOST-…`."""
        ...

    def cursors(self) -> Mapping[str, Cursor]:
        """Where each known device's time ends, by UUID."""
        ...

    def models(self) -> Mapping[str, str]:
        """What each known device is, by UUID, as it was when it was first seen."""
        ...

    def runs(self) -> Sequence[Run]:
        """Every run, by start."""
        ...

    def put_run(self, run: Run) -> None:
        """Keep a run; replaces what was kept under its name."""
        ...

    def book(self, usage: Iterable[Usage], advances: Iterable[Advance], runs: Iterable[Run]) -> None:
        """Add usage, move the cursors and keep the changed runs: all of it or nothing.

        Raises `LedgerConflictError` unless every `before` is where the ledger ends for that device.
        """
        ...

    def usage(self, *, start_ns: int = 0, end_ns: int | None = None, run: str | None = None) -> Sequence[Usage]:
        """Usage summed over the quarter hours that begin in [start, end), nanoseconds since 1970; of one run or all.

        The `quarter_ns` of what comes back is `start_ns`.
        """
        ...

    def begun_ns(self) -> int | None:
        """The start of the first quarter hour that has usage, nanoseconds since 1970; `None` if there is none."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
