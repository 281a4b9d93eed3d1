"""From one moment of devices and meter to metrics. Asks nobody anything: a scrape never waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import fsum
from typing import Any

from taximeter_exporter import __version__
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.conditions import conditions
from taximeter_exporter.devices.reading import Device, DeviceKind, Reading, Sample, Snapshot
from taximeter_exporter.metering.budgets import BudgetState
from taximeter_exporter.metering.state import MeterState
from taximeter_exporter.metering.totals import CostKey
from taximeter_exporter.web.metrics import MetricSpec, Samples, exporter, gpus, hosts, money
from taximeter_exporter.web.metrics import budgets as budget_metrics
from taximeter_exporter.web.metrics import runs as run_metrics

_Values = Iterable[tuple[MetricSpec, Callable[[Reading], float | None]]]
_Read = Sequence[tuple[tuple[str, ...], Reading]]
"""The labels of a device, and its reading."""


def all_samples(snapshot: Snapshot, state: MeterState) -> Iterator[tuple[MetricSpec, Samples]]:
    """Every metric with its readings; there may be none."""
    yield exporter.BUILD_INFO, [((__version__,), 1)]
    yield from device_samples(snapshot.samples)
    yield gpus.CONDITION, _conditions(snapshot.samples, state)
    yield from _money(state)
    yield from _runs(state)
    yield from _budgets(state.budgets)
    yield from _honesty(snapshot, state)


def process_samples(snapshot: Snapshot) -> Iterator[tuple[MetricSpec, Samples]]:
    """What each process has of the GPUs: as many series as there are processes."""
    processes = [
        ((*_gpu(sample.device), str(process.pid)), process)
        for sample in snapshot.samples
        for process in (sample.reading and sample.reading.processes) or ()
        # several simulated processes share the PID of nobody
        if process.pid > 0
    ]
    memory = [(labels, process.memory_used_bytes) for labels, process in processes]
    yield gpus.PROCESS_MEMORY, [(labels, used) for labels, used in memory if used is not None]
    percents = [(labels, process.sm_percent) for labels, process in processes]
    yield gpus.PROCESS_SM, [(labels, percent / 100) for labels, percent in percents if percent is not None]


def device_samples(samples: Iterable[Sample]) -> Iterator[tuple[MetricSpec, Samples]]:
    """What the devices are and do."""
    samples = tuple(samples)
    gpus_here = [sample for sample in samples if sample.device.kind is DeviceKind.GPU]
    yield gpus.INFO, [(_gpu_identity(sample.device), 1) for sample in gpus_here]
    yield (
        gpus.MIG_INSTANCE_INFO,
        [
            ((*_gpu(device), device.gpu, str(device.mig_gpu_instance)), 1)
            for device in (sample.device for sample in gpus_here)
            if device.mig_gpu_instance is not None
        ],
    )
    yield gpus.UP, [(_gpu(sample.device), float(sample.reading is not None)) for sample in gpus_here]
    read = [(_gpu(sample.device), sample.reading) for sample in gpus_here if sample.reading is not None]
    yield from _values(gpus.VALUES, read)
    yield from _values(gpus.ACTIVITIES, read)
    for spec, mapping_of in gpus.MAPPINGS:
        entries = ((labels, mapping_of(reading).items()) for labels, reading in read)
        yield spec, [((*labels, key), value) for labels, items in entries for key, value in items]
    errors = ((_gpu(sample.device), sample.xid_errors.items()) for sample in gpus_here)
    yield gpus.XID_ERRORS, [((*labels, str(xid)), count) for labels, items in errors for xid, count in items]
    pasts = [(_gpu(sample.device), sample.past) for sample in gpus_here]
    yield gpus.XID_LAST, _moments((labels, past.xid_times_ns) for labels, past in pasts)
    yield gpus.REFUSED_LAST, _moments((labels, past.refused_times_ns) for labels, past in pasts)
    peaks = ((labels, past.memory_peak_bytes) for labels, past in pasts)
    yield gpus.MEMORY_PEAK, [(labels, peak) for labels, peak in peaks if peak is not None]
    hosts_here = [sample for sample in samples if sample.device.kind is DeviceKind.HOST]
    yield hosts.INFO, [(_host_identity(sample.device), 1) for sample in hosts_here]
    yield from _values(
        hosts.VALUES, [((sample.device.uuid,), sample.reading) for sample in hosts_here if sample.reading is not None]
    )


def _conditions(samples: Iterable[Sample], state: MeterState) -> Samples:
    active_ns = {entry.device.uuid: entry.active_ns for entry in state.devices}
    return [
        ((*_gpu(sample.device), condition), 1)
        for sample in samples
        if sample.device.kind is DeviceKind.GPU
        for condition in conditions(sample, active_ns=active_ns.get(sample.device.uuid, 0))
    ]


def _values(table: _Values, read: _Read) -> Iterator[tuple[MetricSpec, Samples]]:
    for spec, value_of in table:
        values = ((labels, value_of(reading)) for labels, reading in read)
        yield spec, [(labels, value) for labels, value in values if value is not None]


def _moments(entries: Iterable[tuple[tuple[str, ...], Mapping[Any, int]]]) -> Samples:
    return [
        ((*labels, str(key)), time_ns / NS_PER_SECOND) for labels, times in entries for key, time_ns in times.items()
    ]


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
    yield money.PRICE_PER_HOUR, prices
    priced = [(entry.device.uuid, entry.rate) for entry in state.devices if entry.rate is not None]
    ages = [((uuid,), rate.age_ns(state.time_ns)) for uuid, rate in priced]
    yield money.PRICE_AGE_SECONDS, [(labels, age / NS_PER_SECOND) for labels, age in ages if age is not None]
    staleness = [(uuid, rate.stale_at(state.time_ns)) for uuid, rate in priced]
    yield money.PRICE_STALE, [((uuid,), float(is_stale)) for uuid, is_stale in staleness]
    stale = [((uuid, "stale"), 1.0) for uuid, is_stale in staleness if is_stale]
    missing = [((entry.device.uuid, "missing"), 1.0) for entry in state.devices if entry.has_no_price]
    yield money.PRICE_CONDITION, [*stale, *missing]
    costs = [(key, float(amount)) for key, amount in sorted(state.cost.items())]
    yield money.COST, costs
    yield money.MACHINE_COST, _of_machine(costs)
    yield money.LAST_DAY_COST, [(key, float(amount)) for key, amount in sorted(state.last_day_cost.items())]
    yield (
        money.PERIOD_COST,
        [
            ((str(spent.period), *key), float(amount))
            for spent in state.spent
            for key, amount in sorted(spent.parts.items())
        ],
    )
    starts = [((str(spent.period), spent.timezone.key), spent.start_ns / NS_PER_SECOND) for spent in state.spent]
    yield money.PERIOD_START, starts
    yield money.PERIOD_END, [((str(spent.period),), spent.end_ns / NS_PER_SECOND) for spent in state.spent]
    yield money.GAP_SECONDS, [((entry.device.uuid,), entry.gap_ns / NS_PER_SECOND) for entry in state.devices]
    if state.recent_gap_ns:
        yield money.RECENT_GAP_SECONDS, [((), state.recent_gap_ns / NS_PER_SECOND)]
    unpriced = [((entry.device.uuid,), entry.unpriced_ns / NS_PER_SECOND) for entry in state.devices]
    yield money.UNPRICED_SECONDS, unpriced


def _of_machine(costs: Iterable[tuple[CostKey, float]]) -> Samples:
    """The costs of all devices together."""
    parts: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for key, amount in costs:
        parts[key.project, key.share, key.currency].append(amount)
    # Rounded once: it never falls.
    return [(labels, fsum(amounts)) for labels, amounts in sorted(parts.items())]


def _runs(state: MeterState) -> Iterator[tuple[MetricSpec, Samples]]:
    runs = [(entry, entry.run) for entry in state.runs]
    yield (
        run_metrics.INFO,
        [((run.name, run.project, run.team, run.user, run.model, run.dataset), 1) for _, run in runs],
    )
    yield run_metrics.ACTIVE, [((run.name,), float(run.active)) for _, run in runs]
    costs = [((run.name, currency), float(cost)) for entry, run in runs for currency, cost in entry.cost.items()]
    yield run_metrics.COST, costs
    yield run_metrics.DEVICE_SECONDS, [((run.name,), entry.device_ns / NS_PER_SECOND) for entry, run in runs]
    energies = [((run.name,), entry.millijoules / 1000) for entry, run in runs if entry.millijoules is not None]
    yield run_metrics.ENERGY, energies
    yield run_metrics.START, [((run.name,), run.start_time_ns / NS_PER_SECOND) for _, run in runs]
    ends = [((run.name, run.result), run.end_time_ns) for _, run in runs if run.result is not None]
    yield run_metrics.END, [(labels, end / NS_PER_SECOND) for labels, end in ends if end is not None]
    footprints = [((footprint.run, footprint.uuid), footprint) for footprint in state.footprints]
    memory = [(labels, footprint.memory_bytes) for labels, footprint in footprints]
    yield run_metrics.MEMORY, [(labels, used) for labels, used in memory if used is not None]
    percents = [(labels, footprint.sm_percent) for labels, footprint in footprints]
    yield run_metrics.SM, [(labels, percent / 100) for labels, percent in percents if percent is not None]


def _budgets(budgets: Iterable[BudgetState]) -> Iterator[tuple[MetricSpec, Samples]]:
    rows = [(state, (state.budget.name, str(state.budget.period), state.run)) for state in budgets]
    money = [(state, (*labels, state.budget.currency)) for state, labels in rows]
    yield budget_metrics.LIMIT, [(labels, float(state.budget.limit)) for state, labels in money]
    yield budget_metrics.SPENT, [(labels, float(state.spent)) for state, labels in money]
    forecasts = [(labels, float(state.forecast)) for state, labels in money if state.forecast is not None]
    yield budget_metrics.FORECAST, forecasts
    yield (
        budget_metrics.THRESHOLD,
        [
            ((*labels, severity(threshold), f"{threshold.normalize():f}"), float(threshold))
            for state, labels in money
            for threshold in state.budget.thresholds
        ],
    )
    yield budget_metrics.START, [(labels, state.start_ns / NS_PER_SECOND) for state, labels in rows]
    ends = [(labels, state.end_ns / NS_PER_SECOND) for state, labels in rows if state.end_ns is not None]
    yield budget_metrics.END, ends


def severity(threshold: Decimal) -> str:
    """How much it matters that a part of the limit is spent: `info`, from 80% `warning`, from all of it `critical`."""
    if threshold < Decimal("0.8"):
        return "info"
    return "warning" if threshold < 1 else "critical"


def _honesty(snapshot: Snapshot, state: MeterState) -> Iterator[tuple[MetricSpec, Samples]]:
    yield exporter.COLLECT_SUCCESS, [((), float(snapshot.collect_success))]
    if snapshot.last_success_time_ns is not None:
        yield exporter.COLLECT_LAST_SUCCESS, [((), snapshot.last_success_time_ns / NS_PER_SECOND)]
    yield exporter.COLLECT_DURATION, [((), snapshot.duration_ns / NS_PER_SECOND)]
    unknown = [((reason,), float(count)) for reason, count in sorted(state.unknown_processes.items())]
    yield exporter.UNATTRIBUTED_PROCESSES, unknown
    yield exporter.LEDGER_FAILURES, [((), state.write_failures)]
    yield exporter.LEDGER_LAST_WRITE, [((), state.last_write_time_ns / NS_PER_SECOND)]
