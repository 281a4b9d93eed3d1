"""The bodies that the API answers with, and how they come from what the meter shows."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import asdict

from taximeter_exporter import __version__
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import DeviceKind, Snapshot
from taximeter_exporter.metering.budgets import BudgetState
from taximeter_exporter.metering.money import show, to_decimal
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.metering.run import Result, Source
from taximeter_exporter.metering.runs import LEASE_SECONDS, RENEW_SECONDS
from taximeter_exporter.metering.state import MeterState, RunState

Amount = Annotated[str, Meta(pattern=r"^-?\d+(\.\d+)?$", description="a decimal number")]
Money = Annotated[dict[str, Amount], Meta(description="an amount with six places under each ISO 4217 currency")]
Moment = Annotated[str, Meta(description="a time of day by RFC 3339, in UTC")]


class Run(Struct, kw_only=True):
    """A run, without its lease."""

    run: str
    project: str
    team: str
    user: str
    model: str
    dataset: str
    devices: tuple[str, ...]
    source: Source
    """How the exporter knows of it: by a lease, or by its processes on the devices."""
    state: Literal["active", "ended"]
    result: Result | None
    started_at: Moment
    ended_at: Moment | None
    device_seconds: float
    energy_joules: float | None
    cost: Money
    cost_per_hour: Money
    """What its share of its devices costs at present."""
    unbooked_seconds: float
    """How long ago all of its time was booked: since then it has cost more, by the hour. 0 once it has ended."""
    settled: bool
    """Whether all of its time is booked: the cost is final."""
    progress: dict[str, float]
    simulated: bool


class Lease(Run, kw_only=True):
    """A run as whoever registered it gets it."""

    lease: str
    lease_seconds: int
    renew_seconds: int


class Runs(Struct):
    """The active runs, and those that ended within the last hour."""

    runs: list[Run]


class Budget(Struct, kw_only=True):
    """A budget in its present period."""

    budget: str
    period: Period
    timezone: str
    currency: str
    scope: dict[str, str]
    run: str | None
    limit: Amount
    spent: Amount
    forecast: Amount | None
    period_start: Moment
    period_end: Moment | None


class Budgets(Struct):
    """All budgets; one where each run has the limit for itself is there once a run."""

    budgets: list[Budget]


class DeviceStatus(Struct, kw_only=True):
    """A device, and whether it is read."""

    uuid: str
    kind: DeviceKind
    model: str
    up: bool
    error: str | None


class Status(Struct, kw_only=True):
    """The exporter, its devices, and what they cost by the hour and have cost."""

    version: str
    simulated: bool
    devices: list[DeviceStatus]
    cost_per_hour: Money
    cost: Money


class ErrorBody(Struct, kw_only=True):
    """What is wrong, and with which field."""

    status: int
    field: str
    message: str


class Error(Struct, kw_only=True):
    """Every answer that is not a success."""

    error: ErrorBody


def run_answer(state: RunState, *, simulated: bool) -> Run:
    """A run, without its lease."""
    run = state.run
    return Run(
        run=run.name,
        project=run.project,
        team=run.team,
        user=run.user,
        model=run.model,
        dataset=run.dataset,
        devices=state.devices,
        source=run.source,
        state="active" if run.active else "ended",
        result=run.result,
        started_at=moment(run.start_time_ns),
        ended_at=None if run.end_time_ns is None else moment(run.end_time_ns),
        device_seconds=state.device_ns / NS_PER_SECOND,
        energy_joules=None if state.millijoules is None else state.millijoules / 1000,
        cost=show(state.cost),
        cost_per_hour=show(state.per_hour),
        unbooked_seconds=state.unbooked_ns / NS_PER_SECOND,
        settled=state.settled,
        progress=run.progress,
        simulated=simulated,
    )


def lease_answer(state: RunState, *, simulated: bool) -> Lease:
    """A run, with its lease."""
    return Lease(
        **asdict(run_answer(state, simulated=simulated)),
        lease=state.run.lease,
        lease_seconds=LEASE_SECONDS,
        renew_seconds=RENEW_SECONDS,
    )


def budget_answer(state: BudgetState) -> Budget:
    """A budget."""
    budget = state.budget
    return Budget(
        budget=budget.name,
        period=budget.period,
        timezone=budget.timezone.key,
        currency=budget.currency,
        scope=dict(budget.scope),
        run=state.run or None,
        limit=str(budget.limit),
        spent=str(to_decimal(state.spent)),
        forecast=None if state.forecast is None else str(to_decimal(state.forecast)),
        period_start=moment(state.start_ns),
        period_end=None if state.end_ns is None else moment(state.end_ns),
    )


def status_answer(snapshot: Snapshot, state: MeterState) -> Status:
    """The exporter."""
    cost: dict[str, Fraction] = {}
    for key, amount in state.cost.items():
        cost[key.currency] = cost.get(key.currency, Fraction()) + amount
    return Status(
        version=__version__,
        simulated=state.simulated,
        devices=[
            DeviceStatus(
                uuid=sample.device.uuid,
                kind=sample.device.kind,
                model=sample.device.model,
                up=sample.reading is not None,
                error=sample.error,
            )
            for sample in snapshot.samples
        ],
        cost_per_hour=show(state.per_hour),
        cost=show(cost),
    )


def moment(time_ns: int) -> str:
    """A time of day by RFC 3339, in UTC, to the millisecond."""
    at = datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).replace(microsecond=time_ns % NS_PER_SECOND // 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
