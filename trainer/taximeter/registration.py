"""Takes a run's lease for a command that must not begin as a run that the exporter refuses."""

from __future__ import annotations

from collections.abc import Callable

from taximeter.cost import RunningCost
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
