"""The bodies of the API, as they are sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.budgets import BudgetState
from taximeter_exporter.metering.money import show, to_decimal
from taximeter_exporter.metering.runs import LEASE_SECONDS, RENEW_SECONDS
from taximeter_exporter.metering.state import RunState

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@+=-]{0,127}\Z")]
Text = Annotated[str, Meta(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Pid = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Register(Struct, forbid_unknown_fields=True, kw_only=True):
    """`POST /api/v1/runs`."""

    run: Name
    project: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
    team: Text = ""
    user: Text = ""
    model: Text = ""
    dataset: Text = ""
    devices: Annotated[list[Text], Meta(min_length=1, max_length=1024)] | None = None
    pids: Annotated[list[Pid], Meta(max_length=1024)] = []
    resume: bool = False


class Progress(Struct, forbid_unknown_fields=True, kw_only=True):
    """How far a run is; what is left out keeps its last value."""

    epoch: Annotated[float, Meta(ge=0)] | None = None
    step: Count | None = None
    samples: Count | None = None
    bytes: Count | None = None
    accuracy: Annotated[float, Meta(ge=0, le=1)] | None = None
    loss: float | None = None

    def given(self) -> dict[str, float]:
        """What was said."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in values if value is not None}


class Renew(Struct, forbid_unknown_fields=True, kw_only=True):
    """`POST /api/v1/runs/{run}/renew`."""

    lease: str
    progress: Progress | None = None


class End(Struct, forbid_unknown_fields=True, kw_only=True):
    """`POST /api/v1/runs/{run}/end`."""

    lease: str
    result: Literal["finished", "failed", "stopped", "budget"]
    progress: Progress | None = None


def run_message(state: RunState, *, simulated: bool) -> dict[str, Any]:
    """A run, without its lease."""
    run = state.run
    return {
        "run": run.name,
        "project": run.project,
        "team": run.team,
        "user": run.user,
        "model": run.model,
        "dataset": run.dataset,
        "devices": state.devices,
        "state": "active" if run.active else "ended",
        "result": run.result,
        "started_at": moment(run.start_time_ns),
        "ended_at": None if run.end_time_ns is None else moment(run.end_time_ns),
        "device_seconds": state.device_ns / NS_PER_SECOND,
        "cost": show(state.cost),
        "cost_per_hour": show(state.per_hour),
        "progress": run.progress,
        "simulated": simulated,
    }


def lease_message(state: RunState, *, simulated: bool) -> dict[str, Any]:
    """A run as whoever registered it gets it, with the lease."""
    return {
        **run_message(state, simulated=simulated),
        "lease": state.run.lease,
        "lease_seconds": LEASE_SECONDS,
        "renew_seconds": RENEW_SECONDS,
    }


def budget_message(state: BudgetState) -> dict[str, Any]:
    """A budget in its present period."""
    budget = state.budget
    return {
        "budget": budget.name,
        "period": budget.period,
        "timezone": budget.timezone.key,
        "currency": budget.currency,
        "scope": budget.scope,
        "limit": str(budget.limit),
        "run": state.run or None,
        "spent": str(to_decimal(state.spent)),
        "forecast": None if state.forecast is None else str(to_decimal(state.forecast)),
        "period_start": moment(state.start_ns),
        "period_end": None if state.end_ns is None else moment(state.end_ns),
    }


def moment(time_ns: int) -> str:
    """A time of day by RFC 3339, in UTC, to the millisecond."""
    at = datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).replace(microsecond=time_ns % NS_PER_SECOND // 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
