"""Everything at once, as exporters and trainers would tell it: each metric of their tables has series. Made up.

Where a person looks at a dashboard something is wrong, and a demo has nothing wrong with it. Here one of everything is:
a GPU that does not answer, errors of every kind, runs that ended in every way.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence

from generate import exporter, trainer
from generate.metrics import Row
from support.blocks import Sample

Labels = tuple[tuple[str, str], ...]

_TOGETHER: Mapping[tuple[str, ...], Sequence[tuple[str, ...]]] = {
    ("gpu", "uuid"): [("0", "GPU-well"), ("1", "GPU-ill")],
    ("budget", "period"): [("lab", "month")],
    ("severity", "threshold"): [("info", "0.5"), ("warning", "0.8"), ("critical", "1.0")],
}
"""Labels that go together: not each with each."""

_GOING_ON, _SERVING = "going-on", "serving"
ENDED = ("finished", "failed", "stopped", "budget", "expired", "gone")
"""Runs that ended, named as they did."""

_VALUES: Mapping[str, Sequence[str]] = {
    "run": [_GOING_ON],
    "rank": ["0", "1"],
    "uuid": ["GPU-well", "GPU-ill"],
    "gpu_uuid": ["GPU-well"],
    "currency": ["USD"],
    "period": ["day", "month"],
    "category": ["compute", "storage", "transfer"],
    "share": ["active", "idle", "unattributed", "gap"],
    "phase": [
        *("startup", "data_wait", "transfer", "compile", "forward_backward"),
        *("optimizer", "evaluation", "checkpoint", "other"),
    ],
    "split": ["train", "validation"],
    "accuracy": ["0.5", "0.9"],
    "xid": ["13", "48", "79"],
    "reason": [
        *("gpu_idle", "applications_clocks", "sw_power_cap", "hw_slowdown", "sync_boost", "sw_thermal"),
        *("hw_thermal", "hw_power_brake", "display_clocks", "permission_denied"),
    ],
    "clock": ["graphics", "sm", "memory", "video"],
    "engine": ["encoder", "decoder", "jpeg", "ofa"],
    "direction": ["transmit", "receive"],
    "kind": ["corrected", "uncorrected", "crc_flit", "crc_data", "replay", "recovery"],
    "cause": ["corrected", "uncorrected"],
    "fan": ["0"],
    "threshold": ["shutdown", "slowdown", "memory_max", "gpu_max"],
    "code": ["200", "400", "503"],
    "pricing_model": ["on_demand", "spot", "reserved_1y", "committed_3y"],
    "pid": ["4711"],
}
"""What labels can be, where it matters to the queries; any other is ``made-up``."""

_PERIOD_HOURS = 24

_BUCKETS = ("0.001", "0.01", "0.1", "1", "10", "+Inf")
_SAID_BY_TRAINERS = ("taximeter_training_", "taximeter_serving_")


def exposition(*, of_trainers: bool, began: float) -> str:
    """The text that a scrape gets now.

    Args:
        of_trainers: the trainers' metrics, else the exporters'.
        began: the time since which counters count, in seconds since 1970.
    """
    tables = trainer.TABLES if of_trainers else exporter.TABLES
    rows = (row for table in tables for row in table.rows if row.name.startswith("taximeter_"))
    age = time.time() - began
    return "".join(f"{line}\n" for row in rows for line in _lines(row, age))


def past_of_budgets(now: float, *, instance: str) -> Iterator[Sample]:
    """What rates over hours look back on: the exporter at `instance` spent evenly, another went away a moment ago."""
    rows = [row for table in exporter.TABLES for row in table.rows if row.name.startswith("taximeter_budget_")]
    for row in rows:
        for labels in _identities(row):
            here = {"job": "taximeter-exporter", "instance": instance, **dict(labels)}
            value = _value(row, 0, here, 0)
            if row.name == "taximeter_budget_spent":
                for hours in (6, 1, 0.5, 1 / 12):
                    yield row.name, here, value * (1 - hours / _PERIOD_HOURS), now - hours * 3600
            yield row.name, {**here, "instance": "gone:9877"}, value, now


def _lines(row: Row, age: float) -> Iterator[str]:
    yield f"# TYPE {row.name} {row.kind}"
    if row.name == "taximeter_run_end_timestamp_seconds":
        for result in ENDED:
            yield _line(row.name, (("run", result), ("result", result)), time.time() - 30)
        return
    for number, labels in enumerate(_identities(row)):
        if row.kind == "histogram":
            for position, bound in enumerate(_BUCKETS):
                yield _line(f"{row.name}_bucket", (*labels, ("le", bound)), age * (position + 1))
            yield _line(f"{row.name}_sum", labels, age)
            yield _line(f"{row.name}_count", labels, age * len(_BUCKETS))
        else:
            yield _line(row.name, labels, _value(row, number, dict(labels), age))


def _identities(row: Row) -> Iterator[Labels]:
    """All combinations of the labels' values, but for those that go together."""
    left = list(row.labels)
    dimensions: list[list[Labels]] = []
    for names, values in _TOGETHER.items():
        if set(names) <= set(left):
            dimensions.append([tuple(zip(names, together, strict=True)) for together in values])
            left = [name for name in left if name not in names]
    for name in left:
        values_of_one = _VALUES.get(name, ["made-up"])
        if name == "run" and row.name.startswith("taximeter_run_"):
            values_of_one = [_GOING_ON, _SERVING, *ENDED]
        elif name == "run" and row.name.startswith("taximeter_serving_"):
            values_of_one = [_SERVING]
        elif name == "run" and row.name.startswith("taximeter_budget_"):
            values_of_one = [""]
        dimensions.append([((name, value),) for value in values_of_one])
    for combination in itertools.product(*dimensions):
        yield tuple(itertools.chain.from_iterable(combination))


def _value(row: Row, number: int, labels: Mapping[str, str], age: float) -> float:
    if row.kind == "counter":
        return (number + 1) * max(age, 0)
    if row.name.endswith("_timestamp_seconds"):
        return time.time() + _hence(row.name)
    if row.name == "taximeter_run_active":
        return float(labels["run"] in {_GOING_ON, _SERVING})
    fixed = 10 if row.name == "taximeter_budget_limit" else 0.5 if row.unit.startswith("ratio") else None
    if fixed is not None:
        return fixed
    # A flag of one device is up, of the other down.
    return 1 if number == 0 or row.name.endswith("_info") else 0 if not row.unit else number


def _hence(name: str) -> float:
    """In how many seconds a moment will be; below 0, it was."""
    if "_period_" in name:
        return _PERIOD_HOURS * 3600 * (0.5 if "_end_" in name else -0.5)
    return 3600 if "reclaim" in name else -60


def _line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{text}"' for label, text in labels if text)
    return f"{name}{{{inside}}} {value}"
