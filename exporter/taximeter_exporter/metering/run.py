"""A training run, as the ledger keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Result(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    BUDGET = "budget"
    """A budget stopped it."""
    EXPIRED = "expired"
    """Its lease was not renewed."""
    GONE = "gone"
    """It had no lease, and no process of it was seen any more."""


class Source(StrEnum):
    """How a run is known."""

    LEASE = "lease"
    """It registered."""
    OBSERVED = "observed"
    """Its processes were seen on a device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run under its name. Replaced as a whole when it changes, so that a reader always sees one moment of it."""

    name: str
    project: str
    team: str = ""
    user: str = ""
    model: str = ""
    dataset: str = ""
    devices: tuple[str, ...] | None = None
    """The UUIDs that it uses; `None`: every device of this machine."""
    pids: tuple[int, ...] = ()
    """Its processes, if it named them; then it can be weighed against the others on a device."""
    lease: str
    """The token that whoever renews must show; empty for a run that was observed and has no lease."""
    start_time_ns: int
    """When it first began, by the time of day; a resumed run keeps it."""
    boot_id: str
    """The boot within which the two moments below lie."""
    start_ns: int
    """When the current lease began, or without one it was first seen, on `Clock.elapsed_ns`."""
    renewed_ns: int
    """When it was last renewed, or without a lease last seen, on `Clock.elapsed_ns`."""
    renewed_time_ns: int
    """The same, by the time of day."""
    end_ns: int | None = None
    """When it ended, on `Clock.elapsed_ns`; `None` while it is active."""
    end_time_ns: int | None = None
    """The same, by the time of day."""
    result: Result | None = None
    progress: dict[str, float] = field(default_factory=dict)
    """The last that it said of itself: epoch, step, samples, bytes, accuracy (0 to 1), loss."""
    bytes_reported: int = 0
    """The most that it has said to have read under this lease."""
    bytes_before: int = 0
    """The same under the lease before this one, until it is known whether the count goes on from there."""
    bytes_unbooked: int = 0
    """What it has read and what is not in the ledger yet."""

    @property
    def active(self) -> bool:
        """Whether its lease lives, or without one its processes are there."""
        return self.end_ns is None

    @property
    def source(self) -> Source:
        """How it is known now."""
        return Source.LEASE if self.lease else Source.OBSERVED

    def uses(self, uuid: str) -> bool:
        """Whether a device is one of its own."""
        return self.devices is None or uuid in self.devices
