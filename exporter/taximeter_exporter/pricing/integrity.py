"""Finds in a catalog the mistakes that public catalogs are known to make."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from statistics import median, mode

import msgspec

from taximeter_exporter import exact_yaml
from taximeter_exporter.pricing.catalog_file import Catalog
from taximeter_exporter.pricing.gpus import find_gpu, known_gpus
from taximeter_exporter.pricing.price import Price, PricingModel, overlapping

_MODELS = {gpu.model: gpu for gpu in known_gpus()}
_COUNTS = frozenset({1, 2, 4, 8, 16})
# What a GPU costs in an hour on demand, against the median of what others ask for the same model. The width is that of
# the facts: the cheapest cloud asks a quarter of the median, a market of private owners a fourteenth.
_CLOUD_BAND = (Fraction(1, 5), Fraction(4))
_MARKET_BAND = (Fraction(1, 20), Fraction(4))
# Where nobody else prices a model: no GPU of the catalog costs less than a cent or more than 100 an hour.
_ABSOLUTE_BAND = (Fraction(1, 100), Fraction(100))
_SPOT_LEAST = Fraction(1, 20)
# Within one provider and region a GPU of a family costs at most about twice as much on one instance as on another.
_SIBLING_LEAST = Fraction(1, 3)
_YEAR = re.compile(r"\((\d{4})\b")


class Kind(StrEnum):
    """The mistakes."""

    GPU_COUNT = "gpu_count"
    SPOT = "spot"
    GPU_MODEL = "gpu_model"
    WITHOUT_GPUS = "without_gpus"
    OLD_PRICE = "old_price"
    DECIMAL_POINT = "decimal_point"
    MONTHLY = "monthly"
    OVERLAP = "overlap"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A price that cannot be right, and why."""

    kind: Kind
    price: Price
    why: str


class _Naming(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    provider: str
    pattern: str
    gpu_model: str
    gpus: int | None = None


@functools.cache
def _namings() -> tuple[_Naming, ...]:
    text = Path(__file__).with_name("naming.yaml").read_text(encoding="utf-8")
    (rows,) = exact_yaml.parse(text)
    return msgspec.convert(rows, tuple[_Naming, ...])


def find_mistakes(catalog: Catalog) -> Iterator[Mistake]:
    """Every mistake that shows, price by price; nothing if all is well."""
    priced = [price for price in catalog.prices if price.gpus]
    for price in catalog.prices:
        yield from _shape(price)
        yield from _old(price, catalog)
    yield from _same_type(priced)
    yield from _spot(catalog.prices)
    yield from _size(priced, catalog)
    for _, later in overlapping(catalog.prices):
        yield Mistake(Kind.OVERLAP, later, "the same offer has another price at the same time")


def _shape(price: Price) -> Iterator[Mistake]:
    """A GPU count that is wrong, and models that are merged: by what the instance type's name says."""
    named = next(
        (
            (naming, match)
            for naming in _namings()
            if naming.provider == price.offer.provider
            and (match := re.fullmatch(naming.pattern, price.offer.instance_type))
        ),
        None,
    )
    if price.gpus and price.gpus not in _COUNTS:
        yield Mistake(Kind.GPU_COUNT, price, f"no instance has {price.gpus} GPUs")
    if price.gpus and price.gpu_model not in _MODELS:
        yield Mistake(Kind.GPU_MODEL, price, f"{price.gpu_model or 'no model'} is not a known GPU")
    if named:
        naming, match = named
        gpus = naming.gpus if naming.gpus is not None else int(match["gpus"])
        if price.gpus != gpus and price.gpus in _COUNTS:
            yield Mistake(Kind.GPU_COUNT, price, f"the instance type has {gpus} GPUs, not {price.gpus}")
        if price.gpu_model != naming.gpu_model:
            yield Mistake(Kind.GPU_MODEL, price, f"the instance type has {naming.gpu_model}, not {price.gpu_model}")


def _same_type(prices: Sequence[Price]) -> Iterator[Mistake]:
    """An instance type has the same GPUs everywhere: those that most of its prices say."""
    by_type: defaultdict[tuple[str, str], list[Price]] = defaultdict(list)
    for price in prices:
        by_type[price.offer.provider, price.offer.instance_type].append(price)
    for group in by_type.values():
        gpus = mode(price.gpus for price in group)
        model = mode(price.gpu_model for price in group)
        for price in group:
            if price.gpus != gpus:
                yield Mistake(Kind.GPU_COUNT, price, f"has {gpus} GPUs elsewhere, {price.gpus} here")
            if price.gpu_model != model:
                yield Mistake(Kind.GPU_MODEL, price, f"has {model} elsewhere, {price.gpu_model} here")


def _spot(prices: Sequence[Price]) -> Iterator[Mistake]:
    """Spot is cheaper than on demand, and not free."""
    on_demand = {_place(price): price for price in prices if price.offer.pricing_model is PricingModel.ON_DEMAND}
    for price in prices:
        if price.per_hour <= 0:
            yield Mistake(Kind.SPOT, price, "nothing is free")
        elif price.offer.pricing_model is PricingModel.SPOT and (listed := on_demand.get(_place(price))):
            ratio = Fraction(price.per_hour) / Fraction(listed.per_hour)
            if ratio >= 1:
                yield Mistake(Kind.SPOT, price, f"spot is not below on demand ({listed.per_hour})")
            elif ratio < _SPOT_LEAST:
                yield Mistake(Kind.DECIMAL_POINT, price, f"spot is far below on demand ({listed.per_hour})")


def _place(price: Price) -> tuple[str, str, str]:
    return price.offer.provider, price.offer.region, price.offer.instance_type


def _old(price: Price, catalog: Catalog) -> Iterator[Mistake]:
    if price.per_hour in catalog.superseded.get(price.offer, ()):
        yield Mistake(Kind.OLD_PRICE, price, f"is what older tables say, with the date {price.as_of}")
    years = _YEAR.findall(price.source)
    if years and (price.as_of is None or str(price.as_of.year) not in years):
        yield Mistake(Kind.OLD_PRICE, price, f"the source is of {years[-1]}, and the date says {price.as_of}")


def _size(prices: Sequence[Price], catalog: Catalog) -> Iterator[Mistake]:
    """A price per GPU and hour that is out of all proportion to what others ask for the same model."""
    asked: defaultdict[str, list[Price]] = defaultdict(list)
    for price in prices:
        if price.offer.pricing_model is PricingModel.ON_DEMAND and not price.gpu_only and price.per_hour > 0:
            asked[_class(price)].append(price)
    for price in prices:
        if price.per_hour <= 0 or price.offer.pricing_model is PricingModel.SPOT:
            continue
        others = [other.per_gpu() for other in asked[_class(price)] if _place(other) != _place(price)]
        # with fewer than three it is not known which of them is out of proportion
        provider = catalog.providers.get(price.offer.provider)
        if len(others) >= 3:
            ratio = price.per_gpu() / median(others)
            low, high = _MARKET_BAND if provider and provider.market else _CLOUD_BAND
        else:
            ratio, (low, high) = price.per_gpu(), _ABSOLUTE_BAND
        far_below = _far_below_siblings(price, asked[_class(price)])
        if low <= ratio <= high and not far_below:
            continue
        why = f"{float(price.per_gpu()):.4f} for a {price.gpu_model} is out of proportion to what others ask"
        if ratio > high:
            yield Mistake(Kind.MONTHLY, price, why)
        elif ratio < Fraction(1, 50):
            yield Mistake(Kind.DECIMAL_POINT, price, why)
        else:
            yield Mistake(Kind.WITHOUT_GPUS, price, why)


def _far_below_siblings(price: Price, asked: Sequence[Price]) -> bool:
    """Whether an on-demand price is far below another of the same provider, in the same region, for such a GPU."""
    if price.offer.pricing_model is not PricingModel.ON_DEMAND or price.gpu_only:
        return False
    beside = [
        other.per_gpu()
        for other in asked
        if (other.offer.provider, other.offer.region) == (price.offer.provider, price.offer.region)
    ]
    return price.per_gpu() < _SIBLING_LEAST * max(beside)


def _class(price: Price) -> str:
    gpu = find_gpu(price.gpu_model)
    return gpu.family if gpu else price.gpu_model
