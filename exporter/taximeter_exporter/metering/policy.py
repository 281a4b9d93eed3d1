"""How the time of one device is split among several runs on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

from taximeter_exporter.metering.observation import SeenProcess
from taximeter_exporter.metering.run import Run


class SplitPolicy(StrEnum):
    """What decides."""

    EQUAL = "equal"
    """Each run bears the same."""
    MEMORY = "memory"
    """Each bears by the memory that its processes have on the device."""
    SM = "sm"
    """Each bears by the utilization of the multiprocessors that its processes caused."""


def weigh(
    policy: SplitPolicy, processes: Iterable[SeenProcess], run_of: Callable[[SeenProcess], str | None]
) -> Mapping[str, int]:
    """The weight of each run on a device, by name: bytes, or percent. A run that cannot be weighed is not in it."""
    if policy is SplitPolicy.EQUAL:
        return {}
    weights: dict[str, int] = {}
    unknown: set[str] = set()
    for process in processes:
        run = run_of(process)
        if run is None:
            continue
        value = process.memory_bytes if policy is SplitPolicy.MEMORY else process.sm_percent
        if value is None:
            unknown.add(run)
        else:
            weights[run] = weights.get(run, 0) + value
    return {run: weight for run, weight in weights.items() if run not in unknown}


def owner(runs: Sequence[Run], processes: Sequence[SeenProcess]) -> Callable[[SeenProcess], str | None]:
    """Says of a process on a device which of the runs there it belongs to.

    That which its environment names, else that which registered its PID. A run in a container knows the PIDs of its own
    namespace only: such a PID counts where no other process on the device has the same one in its namespace.
    """
    names = {run.name for run in runs}
    own_pids = Counter(process.pids[-1] for process in processes)

    def run_of(process: SeenProcess) -> str | None:
        if process.identity is not None and process.identity.run in names:
            return process.identity.run
        pids = {process.pids[0], *(pid for pid in process.pids[-1:] if own_pids[pid] == 1)}
        claims = [run.name for run in runs if pids.intersection(run.pids)]
        return claims[0] if len(claims) == 1 else None

    return run_of


def parts(runs: Sequence[str], weights: Mapping[str, int]) -> Mapping[str, int]:
    """In which proportion runs bear a device, by name.

    Equal if a run has no weight, or all weigh nothing: who is not measured is neither favoured nor let off.
    """
    known = all(run in weights for run in runs) and any(weights[run] for run in runs)
    return {run: weights[run] if known else 1 for run in sorted(runs)}


def split(ns: int, runs: Sequence[str], weights: Mapping[str, int]) -> Mapping[str, int]:
    """Nanoseconds for each run, which add up to `ns`, in proportion to their `parts`.

    What does not divide goes by the largest remainder (Hamilton's method), and from one to the next by name.
    """
    proportion = parts(runs, weights)
    total = sum(proportion.values())
    shares = {run: ns * part // total for run, part in proportion.items()}
    left = ns - sum(shares.values())
    for run in sorted(proportion, key=lambda run: -(ns * proportion[run] % total))[:left]:
        shares[run] += 1
    return shares
