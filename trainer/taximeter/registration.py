"""A run that a command is, from outside the training loop: its lease, and its bill."""

from __future__ import annotations

from collections.abc import Callable

from taximeter.bill import Bill, make_bill
from taximeter.cost import RunningCost
from taximeter.done import Done
from taximeter.exporter_client import ExporterClient, Progress
from taximeter.lease import LeaseKeeper
from taximeter.settings import Settings
from taximeter.usage import UsageError

_REGISTRATION_SECONDS = 2.5


def take_lease(settings: Settings, cost: RunningCost, progress: Callable[[], Progress] = dict) -> LeaseKeeper:
    """Take a lease, or go on without one if the exporter is away. Raises `UsageError` if it refuses the run."""
    lease = LeaseKeeper(
        ExporterClient(settings),
        cost,
        progress,
        resume=False,
        where=settings.exporter,
        on_refusal=lambda _refusal: None,
    )
    lease.start()
    lease.wait_asked(_REGISTRATION_SECONDS)
    if lease.refusal is not None:
        raise UsageError(f"the exporter refuses the run: {lease.refusal}")
    return lease


def bill_of(
    settings: Settings,
    cost: RunningCost,
    lease: LeaseKeeper | None,
    *,
    result: str,
    nanoseconds: int,
    samples: int = 0,
) -> Bill:
    """The bill of a run of which nothing is known but how long it took, and how many samples it worked on."""
    return make_bill(
        run=settings.run,
        project=settings.project,
        result=result,
        by_hand=settings.price is not None,
        settled=lease is not None and lease.settled,
        quote=cost.quote,
        cost_per_hour=cost.price,
        cost=cost.seen(),
        done=Done(samples=samples, phases_ns={"other": nanoseconds}),
        flops_known=False,
        peak_flops_per_second=None,
        peak_memory=None,
        target_accuracy=None,
        remaining_seconds=None,
        budget={} if settings.budget is None else {settings.currency: settings.budget},
    )
