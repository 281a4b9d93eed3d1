"""The exporter's tables of metrics."""

from __future__ import annotations

from collections.abc import Iterable

from taximeter_exporter.config.dcgm_names import DcgmNames
from taximeter_exporter.web import dcgm, process
from taximeter_exporter.web.metrics import MetricSpec, budgets, exporter, gpus, hosts, market, money, runs, spot

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


def _dcgm() -> Table:
    """Labels stand above the table: every metric has the same."""
    labels = ", ".join(f"`{label}`" for label in dcgm.LABELS)
    legacy = " and ".join(f"`{label}`" for label in dcgm.LEGACY_LABELS)
    current = ", ".join(f"`{label}`" for label in dcgm.CURRENT_LABELS)
    rows = (
        Row(name=spec.series_name, kind=spec.kind, unit=name.unit.words, labels=(), help=spec.help, source=spec.source)
        for _, name, spec in dcgm.specs(DcgmNames.BOTH)
    )
    return Table(
        title="Exporter: by dcgm-exporter's names",
        about="Off unless the configuration asks for them, for dashboards that people already have: `dcgm_metrics:"
        " legacy` for the names up to dcgm-exporter 4.8, `current` for those since 4.9, `both` for all. It takes a"
        f" restart. The labels of every one are {labels}; with the legacy names also {legacy}, with the current ones"
        f" also {current}. Of a MIG instance there is its memory and its activity, with the `UUID` of its GPU,"
        " `GPU_I_PROFILE` and `GPU_I_ID`; what only the whole GPU says stands once, without them. In OpenMetrics the"
        " counters are of unknown type, as their names do not end in `_total`. Not there: `pci_bus_id`, rates over"
        " NVLink, vGPU licences, and whatever else the table does not have. The source of a name is where it was read.",
        rows=tuple(rows),
    )


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
    _table(
        "a spot machine",
        "Only where the machine is spot at AWS, Azure or Google Cloud; the cloud is asked every five seconds.",
        spot.ALL,
    ),
    _table("money", "", money.ALL),
    _table(
        "the market",
        "What GPUs such as those that are here cost elsewhere, by the prices of the configuration and of the catalogs,"
        " discounts taken off: of each provider the cheapest instance on each of its terms, as many series as that"
        " makes. All of this is looked at when prices are reloaded, GPUs come or go, and at every quarter hour. Not"
        " there where the host itself is the device; simulated GPUs stand for what they are named after. A MIG instance"
        " has no cheaper GPU: it could not be given back alone.",
        market.ALL,
    ),
    _table("runs", "A run that has ended stays for an hour.", runs.ALL),
    _table("budgets", "`run` only where each run has the limit for itself.", budgets.ALL),
    _table("itself", "", (*exporter.ALL, *process.ALL)),
    _dcgm(),
)
