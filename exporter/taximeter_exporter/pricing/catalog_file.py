"""Reads a price catalog: YAML, one document a provider, each price with the source that it was read from."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from taximeter_exporter import exact_yaml
from taximeter_exporter.pricing.price import Offer, Price, PricingModel, overlapping
from taximeter_exporter.validation import explain

ANY_REGION = "any"
"""Stands where the source names no region; such a price is taken for every region."""
SHIPPED = "the shipped catalog"

_Text = Annotated[str, Meta(min_length=1, max_length=256)]
_Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
_Count = Annotated[int, Meta(ge=0, le=1024)]
_Positive = Annotated[int, Meta(ge=1)]


class CatalogError(ValueError):
    """A catalog that cannot be used. Says which file, and `field` which field."""

    def __init__(self, where: str, field: str, message: str) -> None:
        super().__init__(message)
        self.where = where
        self.field = field


class Source(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where figures were read."""

    text: _Text
    as_of: date | None = None
    """The earliest day on which it can have said so; absent: undated."""


class Billing(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """In which steps a provider bills time; what is not known is left out."""

    increment_seconds: _Positive | None = None
    minimum_seconds: _Positive | None = None


class PriceEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One price, of the whole instance."""

    region: _Text
    instance_type: _Text
    gpu_model: str = ""
    gpus: _Count = 0
    vcpus: _Positive | None = None
    memory_gb: _Positive | None = None
    pricing_model: PricingModel
    per_hour: Decimal
    source: str
    effective_from: date | None = None
    effective_to: date | None = None
    superseded: tuple[Decimal, ...] = ()
    """What older sources say; a price that is one of these again is an old one."""
    gpu_only: bool = False
    low_confidence: bool = False
    note: str = ""


class StorageEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What keeping data costs."""

    name: _Text
    per_gb_month: Decimal
    source: str


class TransferEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What moving data out costs."""

    name: _Text
    per_gb: Decimal
    source: str


class ProviderDocument(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One document: a provider, and what it asks."""

    provider: _Text
    name: str = ""
    market: bool = False
    """Private owners offer there, so prices are far below those of a cloud."""
    currency: _Currency
    billing: Billing = Billing()
    sources: dict[str, Source]
    prices: tuple[PriceEntry, ...]
    storage: tuple[StorageEntry, ...] = ()
    transfer: tuple[TransferEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPrice:
    """What a GB costs, kept for a month or moved once."""

    provider: str
    name: str
    per_gb: Decimal
    currency: str
    as_of: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who sells, on which terms."""

    name: str
    title: str
    market: bool
    billing: Billing
    storage: tuple[DataPrice, ...]
    """Per GB and month."""
    transfer: tuple[DataPrice, ...]
    """Per GB."""

    def overlaid(self, other: Provider) -> Provider:
        """With what the other says in the place of this; what it leaves out stays."""
        mine, theirs = self.billing, other.billing
        return Provider(
            name=self.name,
            title=other.title if other.title != other.name else self.title,
            market=self.market or other.market,
            billing=Billing(
                increment_seconds=theirs.increment_seconds or mine.increment_seconds,
                minimum_seconds=theirs.minimum_seconds or mine.minimum_seconds,
            ),
            storage=_by_name(self.storage + other.storage),
            transfer=_by_name(self.transfer + other.transfer),
        )


def _by_name(prices: Iterable[DataPrice]) -> tuple[DataPrice, ...]:
    """The last of each name."""
    return tuple({price.name: price for price in prices}.values())


@dataclass(frozen=True, slots=True)
class Catalog:
    """Prices of many providers."""

    prices: tuple[Price, ...] = ()
    providers: Mapping[str, Provider] = field(default_factory=dict)
    superseded: Mapping[Offer, frozenset[Decimal]] = field(default_factory=dict)
    """What older sources say of an offer."""

    def overlaid(self, other: Catalog) -> Catalog:
        """With the other's prices in the place of this one's wherever both price an offer."""
        theirs = {price.offer for price in other.prices}
        kept = tuple(price for price in self.prices if price.offer not in theirs)
        providers = dict(self.providers)
        for name, provider in other.providers.items():
            providers[name] = providers[name].overlaid(provider) if name in providers else provider
        return Catalog(other.prices + kept, providers, {**self.superseded, **other.superseded})


@functools.cache
def shipped() -> Catalog:
    """The catalog that comes with the exporter."""
    # not by importlib.resources, which takes more than a megabyte of imports
    files = sorted(Path(__file__).with_name("catalog").glob("*.yaml"))
    parts = [_parse(file.name, SHIPPED, exact_yaml.parse(file.read_text(encoding="utf-8"))) for file in files]
    return functools.reduce(Catalog.overlaid, parts, Catalog())


def read_catalog(path: Path) -> Catalog:
    """A catalog of the user's. Raises `CatalogError`."""
    try:
        return _parse(str(path), str(path), exact_yaml.read(path))
    except OSError as error:
        raise CatalogError(str(path), "", f"cannot be read ({error.strerror}); name a catalog file") from error
    except exact_yaml.YamlError as error:
        raise CatalogError(str(path), error.line, str(error)) from error


def parse_catalog(text: str, where: str) -> Catalog:
    """A catalog that is not in a file yet; `where` stands for the file. Raises `CatalogError` and `YamlError`."""
    return _parse(where, where, exact_yaml.parse(text))


def aged(prices: Iterable[Price], max_age: timedelta) -> tuple[Price, ...]:
    """The prices of a catalog, each with the day from which it is stale; one without a date always is."""
    return tuple(
        replace(price, stale_from=date.min if price.as_of is None else price.as_of + max_age) for price in prices
    )


def _parse(where: str, origin: str, documents: list[Any]) -> Catalog:
    parts = []
    for place, raw in enumerate(documents):
        prefix = f"document {place + 1}" if len(documents) > 1 else ""
        try:
            document = msgspec.convert(raw, ProviderDocument)
        except msgspec.ValidationError as error:
            field_, message = explain(error, ProviderDocument)
            raise CatalogError(where, ", ".join(filter(None, (prefix, field_))), message) from error
        parts.append(_to_catalog(where, prefix, origin, document))
    prices = tuple(chain.from_iterable(part.prices for part in parts))
    for _, later in overlapping(prices):
        raise CatalogError(where, "prices", f"{later.offer} has two prices at the same time; keep one of them")
    providers = {name: provider for part in parts for name, provider in part.providers.items()}
    superseded = {offer: old for part in parts for offer, old in part.superseded.items()}
    return Catalog(prices, providers, superseded)


def _to_catalog(where: str, prefix: str, origin: str, document: ProviderDocument) -> Catalog:
    def source(field_: str, key: str) -> Source:
        if key not in document.sources:
            known = ", ".join(document.sources) or "none"
            at = ", ".join(filter(None, (prefix, field_)))
            raise CatalogError(where, at, f"{key!r} is not one of `sources` ({known}); add it there")
        return document.sources[key]

    def data(field_: str, name: str, per_gb: Decimal, key: str) -> DataPrice:
        read = source(field_, key)
        return DataPrice(
            provider=document.provider,
            name=name,
            per_gb=per_gb,
            currency=document.currency,
            as_of=read.as_of,
            source=read.text,
        )

    prices = []
    superseded = {}
    for place, entry in enumerate(document.prices):
        at = f"prices[{place}]"
        if not entry.per_hour.is_finite() or entry.per_hour < 0:
            at = ", ".join(filter(None, (prefix, f"{at}.per_hour")))
            raise CatalogError(where, at, f"{entry.per_hour} cannot be a price")
        if entry.effective_from and entry.effective_to and entry.effective_from >= entry.effective_to:
            at = ", ".join(filter(None, (prefix, f"{at}.effective_to")))
            raise CatalogError(where, at, f"{entry.effective_to} is not after {entry.effective_from}")
        price = _to_price(document, entry, origin, source(f"{at}.source", entry.source))
        prices.append(price)
        if entry.superseded:
            superseded[price.offer] = frozenset(entry.superseded)
    provider = Provider(
        name=document.provider,
        title=document.name or document.provider,
        market=document.market,
        billing=document.billing,
        storage=tuple(
            data(f"storage[{place}].source", entry.name, entry.per_gb_month, entry.source)
            for place, entry in enumerate(document.storage)
        ),
        transfer=tuple(
            data(f"transfer[{place}].source", entry.name, entry.per_gb, entry.source)
            for place, entry in enumerate(document.transfer)
        ),
    )
    return Catalog(tuple(prices), {document.provider: provider}, superseded)


def _to_price(document: ProviderDocument, entry: PriceEntry, origin: str, source: Source) -> Price:
    return Price(
        offer=Offer(
            provider=document.provider,
            region=entry.region,
            instance_type=entry.instance_type,
            pricing_model=entry.pricing_model,
        ),
        per_hour=entry.per_hour,
        currency=document.currency,
        gpus=entry.gpus,
        gpu_model=entry.gpu_model,
        effective_from=entry.effective_from,
        effective_to=entry.effective_to,
        as_of=source.as_of,
        source=source.text,
        origin=origin,
        note=entry.note,
        low_confidence=entry.low_confidence,
        gpu_only=entry.gpu_only,
        vcpus=entry.vcpus,
        memory_gb=entry.memory_gb,
    )
