"""The exporter's tables of metrics."""

from __future__ import annotations

from collections.abc import Iterable

from taximeter_exporter.web import process
from taximeter_exporter.web.metrics import MetricSpec, budgets, exporter, gpus, hosts, money, runs

from generate.metrics import Row, Table


def _table(title: str, about: str, specs: Iterable[MetricSpec]) -> Table:
    rows = (
        Row(
            name=spec.series_name,
            kind=spec.kind,
            unit=spec.unit,
            labels=spec.labels,
            help=spec.help,
            source=spec.source,
        )
        for spec in specs
    )
    return Table(title=f"Exporter: {title}", about=about, rows=tuple(rows))


TABLES = (
    _table(
        "GPUs",
        "Of a GPU in MIG mode its instances are devices of their own, with their own `uuid` and an index such as `0:2`;"
        " they give their memory, processes and activity, the GPU itself gives the rest. At every sample are read:"
        " utilization, memory, power, energy, temperature, throttling, processes, XID errors. Every 5 seconds: clocks,"
        " engines, and what the driver itself counts or averages, such as the activity of the units and the bytes over"
        " the links. Every 15 seconds: limits, the state of the links, the health of the memory, fans.",
        gpus.ALL,
    ),
    _table("the host", "Only where the host itself is the device.", hosts.ALL),
    _table("money", "", money.ALL),
    _table("runs", "A run that has ended stays for an hour.", runs.ALL),
    _table("budgets", "`run` only where each run has the limit for itself.", budgets.ALL),
    _table("itself", "", (*exporter.ALL, *process.ALL)),
)
