"""What of the configuration costs money beside the devices: volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from taximeter_exporter.config.error import Refused
from taximeter_exporter.config.schema import VolumeSection
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
        if section.provider is None:
            if section.class_ is not None:
                raise Refused(f"{field}.class", "is one of the catalog's; name its `provider` as well, or leave it out")
            price, currency = _own(field, "per_gb_month", section.per_gb_month, section.currency)
            offer = _offer(host, host.provider, section.name)
        else:
            _alone(field, "per_gb_month", section.per_gb_month, section.currency)
            listed = {name: provider.storage for name, provider in providers.items()}
            found = _listed(field, section.provider, section.class_, listed)
            price, currency = found.per_gb, found.currency
            offer = _offer(host, found.provider, found.name)
        rate = Rate(offer=offer, price=price, unit=Unit.GB_MONTH, currency=currency, part=Fraction(section.gb))
        yield Volume(section.name, rate)


def _offer(host: Offer, provider: str, name: str) -> Offer:
    return Offer(provider=provider, region=host.region, instance_type=name, pricing_model=PricingModel.ON_DEMAND)


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
