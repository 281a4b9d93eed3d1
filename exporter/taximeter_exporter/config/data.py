"""What of the configuration costs money beside the devices: volumes, and data that is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from taximeter_exporter.config.error import Refused
from taximeter_exporter.config.schema import TransferSection, VolumeSection
from taximeter_exporter.metering.storage import Volume
from taximeter_exporter.pricing.catalog_file import DataPrice, Provider
from taximeter_exporter.pricing.price import Offer, PricingModel, Rate, Unit
from taximeter_exporter.pricing.quote import hint


def read_volumes(
    sections: Sequence[VolumeSection], *, host: Offer, providers: Mapping[str, Provider]
) -> Iterator[Volume]:
    """The volumes of a machine that is `host`. Raises `Refused`."""
    names: set[str] = set()
    for place, section in enumerate(sections):
        field = f"storage[{place}]"
        if section.name in names:
            raise Refused(f"{field}.name", f"{section.name!r} is there twice; give each volume a name of its own")
        names.add(section.name)
        if not section.gb.is_finite() or not 0 < section.gb < 10**9:
            raise Refused(f"{field}.gb", f"{section.gb} is not a size; write how many GB (10^9 bytes) it has")
        price, currency, provider, sort = _price(
            field,
            section,
            own=("per_gb_month", section.per_gb_month, section.name),
            listed={name: provider.storage for name, provider in providers.items()},
            host=host,
        )
        rate = Rate(
            offer=_offer(host, provider, sort),
            price=price,
            unit=Unit.GB_MONTH,
            currency=currency,
            part=Fraction(section.gb),
        )
        yield Volume(section.name, rate)


def read_transfer(section: TransferSection | None, *, host: Offer, providers: Mapping[str, Provider]) -> Rate | None:
    """What a GB costs that a run on `host` reads; `None` if that is not said. Raises `Refused`."""
    if section is None:
        return None
    price, currency, provider, sort = _price(
        "transfer",
        section,
        own=("per_gb", section.per_gb, "transfer"),
        listed={name: provider.transfer for name, provider in providers.items()},
        host=host,
    )
    return Rate(offer=_offer(host, provider, sort), price=price, unit=Unit.GB, currency=currency)


def _offer(host: Offer, provider: str, name: str) -> Offer:
    return Offer(provider=provider, region=host.region, instance_type=name, pricing_model=PricingModel.ON_DEMAND)


def _price(
    field: str,
    section: VolumeSection | TransferSection,
    *,
    own: tuple[str, Decimal | None, str],
    listed: Mapping[str, Sequence[DataPrice]],
    host: Offer,
) -> tuple[Decimal, str, str, str]:
    """Price, currency, provider and class: the section's own (field, price, class), or what is `listed`."""
    name, price, sort = own
    if section.provider is not None:
        _alone(field, name, price, section.currency)
        found = _listed(field, section.provider, section.class_, listed)
        return found.per_gb, found.currency, found.provider, found.name
    if section.class_ is not None:
        raise Refused(f"{field}.class", "is one of the catalog's; name its `provider` as well, or leave it out")
    return *_own(field, name, price, section.currency), host.provider, sort


def _own(field: str, name: str, price: Decimal | None, currency: str | None) -> tuple[Decimal, str]:
    if price is None:
        raise Refused(f"{field}.{name}", "give what a GB costs, or the `provider` whose price in the catalog it is")
    if not price.is_finite() or not 0 <= price < 10**9:
        raise Refused(f"{field}.{name}", f"{price} cannot be a price; write what a GB costs")
    if currency is None:
        raise Refused(f"{field}.currency", f"is missing; write in which currency `{name}` is")
    return price, currency


def _alone(field: str, name: str, price: Decimal | None, currency: str | None) -> None:
    if price is not None:
        raise Refused(f"{field}.{name}", "cannot be set beside `provider`, whose price the catalog has; keep one")
    if currency is not None:
        raise Refused(f"{field}.currency", "cannot be set beside `provider`, in whose currency the price is")


def _listed(field: str, provider: str, wanted: str | None, prices: Mapping[str, Sequence[DataPrice]]) -> DataPrice:
    """The one price of a provider that is meant."""
    if not prices.get(provider):
        known = [name for name, listed in prices.items() if listed]
        raise Refused(f"{field}.provider", f"the catalog has no such price of {provider!r} ({hint(provider, known)})")
    found = [price for price in prices[provider] if wanted in (None, price.name)]
    if len(found) == 1:
        return found[0]
    names = [price.name for price in prices[provider]]
    if wanted is None:
        raise Refused(f"{field}.class", f"is missing; {provider} has {' and '.join(map(repr, names))}")
    raise Refused(f"{field}.class", f"{provider} has no {wanted!r} ({hint(wanted, names)})")
