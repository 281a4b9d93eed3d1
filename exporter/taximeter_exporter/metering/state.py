"""What the meter shows upwards: one moment of everything, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from taximeter_exporter.devices.reading import Device
from taximeter_exporter.metering.budgets import BudgetState
from taximeter_exporter.metering.footprint import Footprint
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.spent import PeriodSpending
from taximeter_exporter.metering.totals import CostKey
from taximeter_exporter.metering.usage import Share
from taximeter_exporter.pricing.price import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """What a device costs."""

    device: Device
    rate: Rate | None
    gap_ns: int
    unpriced_ns: int
    active_ns: int
    """For how long runs had it within the last day, as far as that was booked since the exporter began."""

    @property
    def has_no_price(self) -> bool:
        """Whether its time costs nothing now because nobody knows what. Where nothing is left of it, it has no time."""
        return self.rate is None and self.device.part > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What a run has cost, and costs."""

    run: Run
    devices: tuple[str, ...]
    """The UUIDs of the devices that it uses."""
    device_ns: int
    """Its time on devices, each counted by its share."""
    millijoules: int | None
    """The energy of its devices, each by its share; `None` where no device tells."""
    cost: Money
    per_hour: Money
    """What its share of its devices costs at present; empty once it has ended."""
    unbooked_ns: int
    """How long ago it was, of a run that goes on, that all of its time was booked; since then it has cost more."""
    settled: bool
    """Whether it has ended and all of its time is booked. Until the other runs on its devices are heard of again, it is
    not known how much of the last seconds was its share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterState:
    """Everything that is booked, at one moment."""

    time_ns: int
    simulated: bool
    devices: tuple[DeviceState, ...]
    cost: Mapping[CostKey, Fraction]
    last_day_cost: Mapping[tuple[Share, str], Fraction]
    """What the time of devices cost within the last day, by share and currency, of those that go on."""
    spent: tuple[PeriodSpending, ...]
    """Today and this month."""
    runs: tuple[RunState, ...]
    """The active runs, and those that ended not long ago."""
    footprints: tuple[Footprint, ...]
    """What the active runs have of their devices."""
    budgets: tuple[BudgetState, ...]
    per_hour: Money
    """All devices together."""
    recent_gap_ns: int
    """The time of devices that passed without the exporter, and that it found within the last half hour."""
    unknown_processes: Mapping[str, int]
    """How many processes on the devices were not attributed since the exporter began, by the reason."""
    write_failures: int
    last_write_time_ns: int
    last_write_ns: int
    """The same, on `Clock.elapsed_ns`."""
