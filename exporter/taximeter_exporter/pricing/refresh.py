"""Writes a catalog of live offers, gathered by the package `gpuhunt` (an extra), in the form that `catalog` reads."""

from __future__ import annotations

import importlib
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import yaml

from taximeter_exporter.pricing.catalog_file import PriceEntry, ProviderDocument, Source, parse_catalog, shipped
from taximeter_exporter.pricing.gpus import known_gpus
from taximeter_exporter.pricing.integrity import Kind, find_mistakes
from taximeter_exporter.pricing.price import PricingModel

_OUR_NAMES = {"gcp": "google", "lambdalabs": "lambda", "vastai": "vast"}
_ZONE = re.compile(r"-[a-z]$")
_DAY = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})")
_SOURCE = "gpuhunt"


class RefreshError(Exception):
    """No catalog could be gathered. Says why, and what to do."""


class Item(Protocol):
    """What of a `gpuhunt.CatalogItem` is used; prices are in USD per hour."""

    instance_name: str
    location: str
    price: float
    cpu: int
    memory: float
    gpu_count: int
    gpu_name: str | None
    gpu_memory: float | None
    spot: bool


@dataclass(frozen=True, slots=True)
class Offers:
    """What one provider offers, and the day of which that is; `None`: nobody says."""

    items: Sequence[Item]
    as_of: date | None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A catalog as text, and what it holds."""

    text: str
    providers: Sequence[str]
    prices: int
    unknown_gpus: int
    """Offers of GPUs that are not in `gpus.yaml`."""
    mistakes: Mapping[Kind, int]
    """Offers that cannot be right, by why; left out."""


def gather(today: date) -> dict[str, Offers]:
    """The offers of every provider that gpuhunt can read, by its name for it. Raises `RefreshError`."""
    try:
        gpuhunt: Any = importlib.import_module("gpuhunt")
    except ImportError as error:
        raise RefreshError("needs gpuhunt; install it: pip install './exporter[gpuhunt]'") from error
    # It logs each provider that it cannot read, with a traceback; what was read is said in the end.
    logging.getLogger("gpuhunt").setLevel(logging.CRITICAL + 1)
    try:
        catalog = gpuhunt.default_catalog()
    except (gpuhunt.GPUHuntError, OSError) as error:
        raise RefreshError(f"gpuhunt has no catalog ({error}); look whether the network can be reached") from error
    # A catalog that gpuhunt has downloaded says by its version of which day it is; the others are asked now.
    found = {name: Offers(catalog.query(provider=name), _day(part.version)) for name, part in catalog.catalog.items()}
    for provider in catalog.providers:
        try:
            found[provider.NAME] = Offers(catalog.query(provider=provider.NAME), today)
        except (gpuhunt.GPUHuntError, OSError):
            # one provider that does not answer hides only itself
            continue
    return found


def _day(version: str) -> date | None:
    match = _DAY.match(version)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def refreshed(offers: Mapping[str, Offers]) -> Refreshed:
    """A catalog of the offers of known GPUs, without those that cannot be right. Raises `RefreshError` if none is left.

    Of several offers of one instance type in one region on the same terms the cheapest is kept.
    """
    counts: Counter[str] = Counter()
    documents = [_document(name, found, counts) for name, found in sorted(offers.items())]
    mistakes = list(find_mistakes(parse_catalog(_dump(documents), _SOURCE)))
    wrong = {mistake.price.offer: mistake.kind for mistake in mistakes}
    left = {(offer.provider, offer.region, offer.instance_type, offer.pricing_model) for offer in wrong}
    documents = [
        msgspec.structs.replace(
            document,
            prices=tuple(
                entry
                for entry in document.prices
                if (document.provider, entry.region, entry.instance_type, entry.pricing_model) not in left
            ),
        )
        for document in documents
    ]
    documents = [document for document in documents if document.prices]
    if not documents:
        raise RefreshError("gpuhunt has no offer of a known GPU; the file is left as it was")
    return Refreshed(
        text=_dump(documents),
        providers=[document.provider for document in documents],
        prices=sum(len(document.prices) for document in documents),
        unknown_gpus=counts["unknown"],
        mistakes=Counter(wrong.values()),
    )


def _document(name: str, offers: Offers, counts: Counter[str]) -> ProviderDocument:
    provider = _OUR_NAMES.get(name, name)
    by_offer: defaultdict[tuple[str, str, PricingModel], list[PriceEntry]] = defaultdict(list)
    for entry in _entries(provider, offers.items, counts):
        by_offer[entry.region, entry.instance_type, entry.pricing_model].append(entry)
    known = shipped().providers.get(provider)
    day = f"({offers.as_of})" if offers.as_of else "(undated)"
    return ProviderDocument(
        provider=provider,
        name=known.title if known else "",
        market=known.market if known else False,
        currency="USD",
        sources={_SOURCE: Source(text=f"{name} by gpuhunt {day}", as_of=offers.as_of)},
        prices=tuple(min(group, key=lambda entry: entry.per_hour) for _, group in sorted(by_offer.items())),
    )


def _entries(provider: str, items: Iterable[Item], counts: Counter[str]) -> Iterator[PriceEntry]:
    for item in items:
        if not item.gpu_count or not item.gpu_name:
            continue
        model = _model(item.gpu_name, item.gpu_memory)
        if model is None:
            counts["unknown"] += 1
            continue
        yield PriceEntry(
            # what a machine says of itself is its region, and its size without the prefix
            region=_ZONE.sub("", item.location) if provider == "google" else item.location,
            instance_type=item.instance_name.removeprefix("Standard_") if provider == "azure" else item.instance_name,
            gpu_model=model,
            gpus=item.gpu_count,
            vcpus=item.cpu or None,
            memory_gb=int(item.memory) or None,
            pricing_model=PricingModel.SPOT if item.spot else PricingModel.ON_DEMAND,
            per_hour=Decimal(str(item.price)),
            source=_SOURCE,
        )


def _model(name: str, memory_gb: float | None) -> str | None:
    models = {gpu.model for gpu in known_gpus()}
    sized = f"{name}-{memory_gb:.0f}" if memory_gb else name
    return next((model for model in (sized, name) if model in models), None)


class _Dumper(yaml.SafeDumper):
    """Writes numbers as they are."""


_Dumper.add_representer(Decimal, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", f"{value:f}"))


def _dump(documents: Iterable[ProviderDocument]) -> str:
    plain = [msgspec.to_builtins(document, builtin_types=(Decimal, date)) for document in documents]
    return yaml.dump_all(plain, Dumper=_Dumper, sort_keys=False, width=200, default_flow_style=None)
