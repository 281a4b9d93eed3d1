"""A run of the ledger as work on GPUs, and what it has cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.usage import Usage
from taximeter_exporter.pricing.gpus import Gpu, find_gpu
from taximeter_exporter.pricing.price import Price
from taximeter_exporter.reports.compare import Work


class UnknownGpuError(Exception):
    """On which GPU a run was cannot be told from its prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """What a run was."""

    work: Work
    cost: Money
    simulated: bool


def past_run(usage: Iterable[Usage], prices: Iterable[Price], *, gpu: Gpu | None) -> PastRun:
    """From the usage of one run, at least one row. `gpu` says which GPU it was on; else its prices do.

    Raises `UnknownGpuError`.
    """
    by_offer = {price.offer: price for price in prices}
    cost: Money = {}
    gpu_ns = Fraction()
    on: dict[str, Fraction] = {}
    models: set[str] = set()
    for row in usage:
        gpus = Fraction(1)
        if row.rate is not None:
            cost[row.rate.currency] = cost.get(row.rate.currency, Fraction()) + row.rate.cost(row.ns)
            price = by_offer.get(row.rate.offer)
            gpus = row.rate.part
            if price is not None:
                models.add(price.gpu_model)
                # where the host was the device, it stands for all of its GPUs
                gpus *= Fraction(price.gpus or 1, row.rate.devices)
        on[row.uuid] = max(gpus, on.get(row.uuid, Fraction()))
        gpu_ns += gpus * row.ns
    count = sum(on.values(), Fraction())
    return PastRun(
        work=Work(gpu=gpu or _only(models), gpus=count, hours=gpu_ns / count / NS_PER_HOUR),
        cost=cost,
        simulated=any(uuid.startswith("SIM-") for uuid in on),
    )


def _only(models: set[str]) -> Gpu:
    known = {gpu.model: gpu for model in models if model and (gpu := find_gpu(model))}
    if len(known) != 1:
        had = ", ".join(sorted(model for model in models if model)) or "none"
        raise UnknownGpuError(f"the run's prices name no one known GPU ({had}); say with --gpu which it was")
    return next(iter(known.values()))
