"""What each run has of a device now, by its processes: memory, and use of the multiprocessors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from taximeter_exporter.metering.observation import SeenProcess
from taximeter_exporter.metering.run import Run

_NOBODY = 0
"""The PID of a simulated process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Of one run on one device. `None` where one of its processes does not tell."""

    run: str
    uuid: str
    """The device's."""
    memory_bytes: int | None
    sm_percent: int | None
    """0 to 100."""


def footprints(
    uuid: str,
    tenants: Sequence[Run],
    processes: Iterable[SeenProcess],
    run_of: Callable[[SeenProcess], str | None],
) -> list[Footprint]:
    """Those of the runs on a device that have processes there.

    A simulated process belongs to the run that is alone on its device; a real one to the run that it or its PID names.
    """
    of_runs: dict[str, list[SeenProcess]] = {}
    for process in processes if tenants else ():
        run = run_of(process)
        if run is None and process.pids[0] == _NOBODY and len(tenants) == 1:
            run = tenants[0].name
        if run is not None:
            of_runs.setdefault(run, []).append(process)
    return [
        Footprint(
            run=run,
            uuid=uuid,
            memory_bytes=_sum(process.memory_bytes for process in own),
            # what processes use at the same time is told of each to a percent
            sm_percent=None if (percent := _sum(process.sm_percent for process in own)) is None else min(percent, 100),
        )
        for run, own in of_runs.items()
    ]


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
