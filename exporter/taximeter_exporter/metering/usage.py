"""What the ledger keeps of the past: device time, by when, at which rate, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from taximeter_exporter.pricing.price import Rate


class Category(StrEnum):
    """What kind of cost it is."""

    COMPUTE = "compute"
    """The time of devices."""
    STORAGE = "storage"
    """Volumes that are kept."""
    TRANSFER = "transfer"
    """Data that runs read."""
    ENERGY = "energy"
    """What devices used, in millijoules. Who rents a machine does not pay for it apart: it has no rate."""


class Share(StrEnum):
    """Whom the time of a device belongs to. Every nanosecond of it has exactly one share.

    What costs money beside the devices is told apart in the same way.
    """

    ACTIVE = "active"
    """A run holds a lease on the device."""
    IDLE = "idle"
    """No run does, and the device was not in use."""
    UNATTRIBUTED = "unattributed"
    """No run does, and the device was in use, or it is not known whether it was."""
    GAP = "gap"
    """The exporter was down while the host was up, and the policy is to bill that."""
    SKIPPED = "skipped"
    """The same, and the policy is to skip it: kept as time, without a price."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A quantity within one quarter hour, all at one rate, for one run or none; for a device its nanoseconds."""

    quarter_ns: int
    """The start of the quarter hour of UTC, in nanoseconds since 1970."""
    uuid: str
    """Of the device, or of what else costs money: `volume:…`, `transfer`."""
    rate: Rate | None
    """`None`: there is no price for this time."""
    run: str
    """The run's name; empty for none."""
    category: Category
    share: Share
    quantity: int
    """As the rate's unit counts it; of energy, millijoules."""

    @property
    def ns(self) -> int:
        """The device time in it, in nanoseconds; none in what is not the time of a device."""
        return self.quantity if self.category is Category.COMPUTE else 0
