"""What a cloud announces of this machine: that it will take it back, or that this has become more likely."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """The machine will be taken."""

    action: str
    """What will happen to it: terminate, stop, hibernate, preempt, maintenance."""
    at_ns: int | None
    """When, in nanoseconds since 1970; `None` if that is not told."""
    grace_ns: int = 0
    """How long it is after the notice as a rule, where the moment is not told."""


@dataclass(frozen=True, slots=True)
class Announced:
    """All that is announced now."""

    reclaim: Notice | None = None
    rebalance_ns: int | None = None
    """When the cloud advised to move to another machine, in nanoseconds since 1970; `None`: it did not."""
