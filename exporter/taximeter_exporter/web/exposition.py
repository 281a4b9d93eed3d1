"""From one moment of devices and meter to metrics. Asks nobody anything: a scrape never waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from taximeter_exporter import __version__
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import Device, DeviceKind, Reading, Sample, Snapshot
from taximeter_exporter.metering.budgets import BudgetState
from taximeter_exporter.metering.state import MeterState
from taximeter_exporter.web import metrics
from taximeter_exporter.web.metrics import MetricSpec, Samples

_Readings = tuple[tuple[MetricSpec, Callable[[Reading], float | None]], ...]

_GPU_READINGS: _Readings = (
    (metrics.GPU_UTILIZATION, lambda reading: reading.utilization_ratio),
    (metrics.GPU_MEMORY_USED, lambda reading: reading.memory_used_bytes),
    (metrics.GPU_MEMORY_FREE, lambda reading: reading.memory_free_bytes),
    (metrics.GPU_MEMORY_TOTAL, lambda reading: reading.memory_total_bytes),
    (metrics.GPU_POWER, lambda reading: reading.power_watts),
    (metrics.GPU_POWER_LIMIT, lambda reading: reading.power_limit_watts),
    (metrics.GPU_ENERGY, lambda reading: reading.energy_joules),
    (metrics.GPU_TEMPERATURE, lambda reading: reading.temperature_celsius),
    (metrics.GPU_PROCESSES, lambda reading: None if reading.processes is None else len(reading.processes)),
)
_HOST_READINGS: _Readings = (
    (metrics.HOST_UTILIZATION, lambda reading: reading.utilization_ratio),
    (metrics.HOST_MEMORY_USED, lambda reading: reading.memory_used_bytes),
    (metrics.HOST_MEMORY_TOTAL, lambda reading: reading.memory_total_bytes),
)


def all_samples(snapshot: Snapshot, state: MeterState) -> Iterator[tuple[MetricSpec, Samples]]:
    """Every metric with its readings; there may be none."""
    yield metrics.BUILD_INFO, [((__version__,), 1)]
    yield from _devices(snapshot.samples)
    yield from _money(state)
    yield from _runs(state)
    yield from _budgets(state.budgets)
    yield from _honesty(snapshot, state)


def _devices(samples: Iterable[Sample]) -> Iterator[tuple[MetricSpec, Samples]]:
    samples = tuple(samples)
    gpus = [sample for sample in samples if sample.device.kind is DeviceKind.GPU]
    hosts = [sample for sample in samples if sample.device.kind is DeviceKind.HOST]
    yield metrics.GPU_INFO, [(_gpu_identity(sample.device), 1) for sample in gpus]
    yield metrics.GPU_UP, [(_gpu(sample.device), float(sample.reading is not None)) for sample in gpus]
    yield from _readings(_GPU_READINGS, gpus, _gpu)
    yield metrics.HOST_INFO, [(_host_identity(sample.device), 1) for sample in hosts]
    yield from _readings(_HOST_READINGS, hosts, lambda device: (device.uuid,))


def _readings(
    readings: _Readings, samples: Iterable[Sample], labels: Callable[[Device], tuple[str, ...]]
) -> Iterator[tuple[MetricSpec, Samples]]:
    read = [(labels(sample.device), sample.reading) for sample in samples if sample.reading is not None]
    for spec, value_of in readings:
        values = ((label_values, value_of(reading)) for label_values, reading in read)
        yield spec, [(label_values, value) for label_values, value in values if value is not None]


def _gpu(device: Device) -> tuple[str, ...]:
    return device.index, device.uuid


def _gpu_identity(device: Device) -> tuple[str, ...]:
    return device.index, device.uuid, device.model, device.driver_version or "", device.mig_profile or ""


def _host_identity(device: Device) -> tuple[str, ...]:
    return device.uuid, device.model, "" if device.cpus is None else str(device.cpus)


def _money(state: MeterState) -> Iterator[tuple[MetricSpec, Samples]]:
    prices: list[tuple[tuple[str, ...], float]] = []
    for entry in state.devices:
        if entry.rate is not None:
            offer = entry.rate.offer
            labels = (offer.provider, offer.region, offer.instance_type, offer.pricing_model, entry.rate.currency)
            prices.append(((entry.device.uuid, *labels), float(entry.rate.device_per_hour())))
    yield metrics.PRICE_PER_HOUR, prices
    priced = [(entry.device.uuid, entry.rate) for entry in state.devices if entry.rate is not None]
    ages = [((uuid,), rate.age_ns(state.time_ns)) for uuid, rate in priced]
    yield metrics.PRICE_AGE_SECONDS, [(labels, age / NS_PER_SECOND) for labels, age in ages if age is not None]
    yield metrics.PRICE_STALE, [((uuid,), float(rate.stale_at(state.time_ns))) for uuid, rate in priced]
    yield metrics.COST, [(key, float(amount)) for key, amount in sorted(state.cost.items())]
    yield metrics.GAP_SECONDS, [((entry.device.uuid,), entry.gap_ns / NS_PER_SECOND) for entry in state.devices]
    unpriced = [((entry.device.uuid,), entry.unpriced_ns / NS_PER_SECOND) for entry in state.devices]
    yield metrics.UNPRICED_SECONDS, unpriced


def _runs(state: MeterState) -> Iterator[tuple[MetricSpec, Samples]]:
    runs = [(entry, entry.run) for entry in state.runs]
    yield (
        metrics.RUN_INFO,
        [((run.name, run.project, run.team, run.user, run.model, run.dataset), 1) for _, run in runs],
    )
    yield metrics.RUN_ACTIVE, [((run.name,), float(run.active)) for _, run in runs]
    costs = [((run.name, currency), float(cost)) for entry, run in runs for currency, cost in entry.cost.items()]
    yield metrics.RUN_COST, costs
    yield metrics.RUN_DEVICE_SECONDS, [((run.name,), entry.device_ns / NS_PER_SECOND) for entry, run in runs]
    energies = [((run.name,), entry.millijoules / 1000) for entry, run in runs if entry.millijoules is not None]
    yield metrics.RUN_ENERGY, energies
    yield metrics.RUN_START, [((run.name,), run.start_time_ns / NS_PER_SECOND) for _, run in runs]


def _budgets(budgets: Iterable[BudgetState]) -> Iterator[tuple[MetricSpec, Samples]]:
    rows = [(state, (state.budget.name, str(state.budget.period), state.run)) for state in budgets]
    money = [(state, (*labels, state.budget.currency)) for state, labels in rows]
    yield metrics.BUDGET_LIMIT, [(labels, float(state.budget.limit)) for state, labels in money]
    yield metrics.BUDGET_SPENT, [(labels, float(state.spent)) for state, labels in money]
    forecasts = [(labels, float(state.forecast)) for state, labels in money if state.forecast is not None]
    yield metrics.BUDGET_FORECAST, forecasts
    yield (
        metrics.BUDGET_THRESHOLD,
        [
            ((*labels, severity(threshold), f"{threshold.normalize():f}"), float(threshold))
            for state, labels in money
            for threshold in state.budget.thresholds
        ],
    )
    yield metrics.BUDGET_START, [(labels, state.start_ns / NS_PER_SECOND) for state, labels in rows]
    ends = [(labels, state.end_ns / NS_PER_SECOND) for state, labels in rows if state.end_ns is not None]
    yield metrics.BUDGET_END, ends


def severity(threshold: Decimal) -> str:
    """How much it matters that a part of the limit is spent: `info`, from 80% `warning`, from all of it `critical`."""
    if threshold < Decimal("0.8"):
        return "info"
    return "warning" if threshold < 1 else "critical"


def _honesty(snapshot: Snapshot, state: MeterState) -> Iterator[tuple[MetricSpec, Samples]]:
    yield metrics.COLLECT_SUCCESS, [((), float(snapshot.collect_success))]
    if snapshot.last_success_time_ns is not None:
        yield metrics.COLLECT_LAST_SUCCESS, [((), snapshot.last_success_time_ns / NS_PER_SECOND)]
    yield metrics.COLLECT_DURATION, [((), snapshot.duration_ns / NS_PER_SECOND)]
    unknown = [((reason,), float(count)) for reason, count in sorted(state.unknown_processes.items())]
    yield metrics.UNATTRIBUTED_PROCESSES, unknown
    yield metrics.LEDGER_FAILURES, [((), state.write_failures)]
    yield metrics.LEDGER_LAST_WRITE, [((), state.last_write_time_ns / NS_PER_SECOND)]
