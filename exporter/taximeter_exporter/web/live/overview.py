"""Everything that the live page shows, in one answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from taximeter_exporter import __version__
from taximeter_exporter.devices.reading import DeviceKind, Reading, Sample, Snapshot
from taximeter_exporter.metering.money import show
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.metering.spent import PeriodSpending
from taximeter_exporter.metering.state import DeviceState, MeterState
from taximeter_exporter.metering.usage import Share
from taximeter_exporter.web.answers import Budget, Moment, Money, Run, budget_answer, moment, run_answer
from taximeter_exporter.web.live.last_hour import Minute


class Spent(Struct, kw_only=True):
    """What was spent in the present period of the calendar."""

    period: Period
    timezone: str
    period_start: Moment
    cost: Money


class DeviceOverview(Struct, kw_only=True):
    """A device, what it costs, and what it does now; `null` is no reading."""

    uuid: str
    kind: DeviceKind
    index: str
    model: str
    mig_profile: str | None
    up: bool
    error: str | None
    provider: str | None
    region: str | None
    pricing_model: str | None
    price_per_hour: Money
    """Empty: there is no price for it now."""
    utilization_ratio: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    power_watts: float | None
    temperature_celsius: float | None


class MinuteOfHour(Struct, kw_only=True):
    """A minute of the last hour."""

    start: Moment
    cost: dict[Share, Money]
    utilization_ratio: float | None


class Overview(Struct, kw_only=True):
    """What this machine costs now, and what for."""

    time: Moment
    version: str
    simulated: bool
    problems: Annotated[list[str], Meta(description="what does not work now; empty when everything does")]
    cost_per_hour: Money
    spent: list[Spent]
    runs: list[Run]
    budgets: list[Budget]
    devices: list[DeviceOverview]
    last_hour: list[MinuteOfHour]


def overview_answer(
    snapshot: Snapshot, state: MeterState, *, minutes: Sequence[Minute], problems: list[str]
) -> Overview:
    """One moment of everything."""
    states = {entry.device.uuid: entry for entry in state.devices}
    return Overview(
        time=moment(state.time_ns),
        version=__version__,
        simulated=state.simulated,
        problems=problems,
        cost_per_hour=show(state.per_hour),
        spent=[_spent(period) for period in state.spent],
        runs=[run_answer(run, simulated=state.simulated) for run in state.runs],
        budgets=[budget_answer(budget) for budget in state.budgets],
        devices=[_device(sample, states.get(sample.device.uuid)) for sample in snapshot.samples],
        last_hour=[_minute(minute) for minute in minutes],
    )


def _spent(spending: PeriodSpending) -> Spent:
    return Spent(
        period=spending.period,
        timezone=spending.timezone.key,
        period_start=moment(spending.start_ns),
        cost=show(spending.cost),
    )


def _device(sample: Sample, priced: DeviceState | None) -> DeviceOverview:
    device, reading = sample.device, sample.reading or Reading()
    rate = None if priced is None else priced.rate
    offer = None if rate is None else rate.offer
    return DeviceOverview(
        uuid=device.uuid,
        kind=device.kind,
        index=device.index,
        model=device.model,
        mig_profile=device.mig_profile,
        up=sample.reading is not None,
        error=sample.error,
        provider=None if offer is None else offer.provider,
        region=None if offer is None else offer.region,
        pricing_model=None if offer is None else offer.pricing_model,
        price_per_hour={} if rate is None else show({rate.currency: rate.device_per_hour()}),
        utilization_ratio=reading.utilization_ratio,
        memory_used_bytes=reading.memory_used_bytes,
        memory_total_bytes=reading.memory_total_bytes,
        power_watts=reading.power_watts,
        temperature_celsius=reading.temperature_celsius,
    )


def _minute(minute: Minute) -> MinuteOfHour:
    return MinuteOfHour(
        start=moment(minute.start_ns),
        cost={share: show(money) for share, money in minute.cost.items() if money},
        utilization_ratio=minute.utilization_ratio,
    )
