"""What work on GPUs would have cost elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from taximeter_exporter.pricing.gpus import Gpu, covers, find_gpu, throughput_ratio
from taximeter_exporter.pricing.price import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """So many GPUs of a model, for so many hours."""

    gpu: Gpu
    gpus: Fraction
    """Not whole where a part of a GPU was used."""
    hours: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """The same work at some price."""

    price: Price
    gpu: Gpu
    same_gpu: bool
    ratio: Fraction
    """How many times as fast each of its GPUs is, by the data sheets."""
    hours: Fraction
    """How long the work takes there."""
    cost: Fraction
    """Of the part of the instances that the work uses, in the price's currency."""
    instances: int
    """How many whole instances must be rented for it."""
    whole_cost: Fraction
    """Of those."""


def compare(work: Work, prices: Iterable[Price]) -> list[Elsewhere]:
    """The same GPU first, then equivalents, each from the cheapest on; currencies apart.

    Prices of GPUs whose throughput is not stated, and prices that leave the machine out, compare with nothing and are
    not among them.
    """
    found = [entry for price in prices if (entry := _at(work, price)) is not None]
    return sorted(
        found, key=lambda entry: (not entry.same_gpu, entry.price.currency, entry.cost, str(entry.price.offer))
    )


def _at(work: Work, price: Price) -> Elsewhere | None:
    gpu = find_gpu(price.gpu_model) if price.gpu_model else None
    if gpu is None or not price.gpus or price.gpu_only:
        return None
    ratio = throughput_ratio(gpu, work.gpu)
    hours = work.hours / ratio
    instances = math.ceil(work.gpus / price.gpus)
    return Elsewhere(
        price=price,
        gpu=gpu,
        same_gpu=covers(work.gpu, gpu),
        ratio=ratio,
        hours=hours,
        cost=price.per_gpu() * work.gpus * hours,
        instances=instances,
        whole_cost=Fraction(price.per_hour) * instances * hours,
    )
