"""The prices of the configuration: the user's own, then those of the catalogs with what was taken off them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from taximeter_exporter.config.error import Refused
from taximeter_exporter.config.hours import check_clocks, read_hours
from taximeter_exporter.config.schema import ConfigFile, DiscountSection, OwnedSection, PriceSection
from taximeter_exporter.pricing.catalog_file import (
    ANY_REGION,
    Billing,
    Catalog,
    CatalogError,
    Provider,
    aged,
    read_catalog,
    shipped,
)
from taximeter_exporter.pricing.discount import Discount, discounted
from taximeter_exporter.pricing.owned import Ownership
from taximeter_exporter.pricing.price import Offer, Price, PricingModel, overlapping
from taximeter_exporter.pricing.quote import find_prices, hint

_DAYS = re.compile(r"^(\d{1,5})d$")


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Every price there is for this configuration."""

    own: tuple[Price, ...]
    listed: tuple[Price, ...]
    """Of the catalogs, without what `own` prices; before discounts."""
    discounts: tuple[Discount, ...]
    providers: Mapping[str, Provider]
    billing: Mapping[Offer, Billing]
    """In which steps the user's own prices say that they are billed."""

    def prices(self) -> tuple[Price, ...]:
        """The user's own first, then the others as they cost with discounts."""
        return self.own + tuple(discounted(price, self.discounts) for price in self.listed)

    def of(self, offer: Offer) -> tuple[Price, ...]:
        """What an offer costs, by the day from which it holds. Raises `PriceError` if it has no price."""
        if any(price.offer == offer for price in self.own):
            return find_prices(offer, self.own)
        # what covers the GPUs alone would leave out the rest of the machine
        whole = tuple(price for price in self.listed if not price.gpu_only)
        exact = any(price.offer == offer for price in whole)
        listed = whole if exact else tuple(_in_region(price, offer.region) for price in whole)
        return tuple(discounted(price, self.discounts) for price in find_prices(offer, self.own + listed))

    def billing_of(self, offer: Offer) -> Billing:
        """In which steps an offer is billed: as its own price says, else its provider, else to the nanosecond."""
        if offer in self.billing:
            return self.billing[offer]
        return self.providers[offer.provider].billing if offer.provider in self.providers else Billing()


def read_prices(file: ConfigFile, *, where: Path) -> PriceBook:
    """The prices of a configuration that is kept in the file `where`. Raises `Refused` and `CatalogError`."""
    max_age = _max_age(file.price_max_age)
    own = _own_prices(file.prices, max_age, origin=str(where))
    catalog = shipped()
    if file.catalog is not None:
        catalog = catalog.overlaid(_user_catalog(where.parent / file.catalog))
    mine = {price.offer for price in own}
    listed = tuple(price for price in aged(catalog.prices, max_age) if price.offer not in mine)
    return PriceBook(
        own, listed, tuple(_discounts(file.discounts, listed)), catalog.providers, _own_billing(file.prices)
    )


def _own_billing(sections: Sequence[PriceSection]) -> dict[Offer, Billing]:
    billing: dict[Offer, Billing] = {}
    for place, section in enumerate(sections):
        if section.billing is None:
            continue
        found = Billing(
            increment_seconds=section.billing.increment_seconds, minimum_seconds=section.billing.minimum_seconds
        )
        offer = _own_offer(f"prices[{place}]", section)
        if billing.setdefault(offer, found) != found:
            raise Refused(f"prices[{place}].billing", f"differs from that of an earlier price of {offer}; keep one")
    return billing


def _in_region(price: Price, region: str) -> Price:
    return replace(price, offer=replace(price.offer, region=region)) if price.offer.region == ANY_REGION else price


def _user_catalog(path: Path) -> Catalog:
    try:
        return read_catalog(path)
    except CatalogError as error:
        at = f"{error.where}, {error.field}" if error.field else error.where
        raise Refused("catalog", f"{at}: {error}") from error


def _max_age(text: str) -> timedelta:
    match = _DAYS.match(text)
    if not match or int(match[1]) < 1:
        raise Refused("price_max_age", f"{text!r} is not a number of days; write for instance 180d")
    return timedelta(days=int(match[1]))


def _own_prices(sections: Sequence[PriceSection], max_age: timedelta, *, origin: str) -> tuple[Price, ...]:
    places: dict[int, int] = {}
    prices: list[Price] = []
    for place, section in enumerate(sections):
        for price in _own(f"prices[{place}]", section, max_age, origin):
            places[id(price)] = place
            prices.append(price)
    check_clocks(prices, [places[id(price)] for price in prices])
    for earlier, later in overlapping(prices):
        if later.hours is not None:
            raise Refused(
                f"prices[{places[id(later)]}].hours",
                f"{later.hours} overlap prices[{places[id(earlier)]}], {earlier.hours}, both for {later.offer}; end the"
                " one where the other begins",
            )
        raise Refused(
            f"prices[{places[id(later)]}].effective_from",
            f"overlaps prices[{places[id(earlier)]}], both for {later.offer}; end that one with `effective_to`",
        )
    return tuple(prices)


def _own(field: str, section: PriceSection, max_age: timedelta, origin: str) -> Iterator[Price]:
    if (section.per_hour is None) == (section.owned is None):
        raise Refused(f"{field}.per_hour", "give either `per_hour` or, for a machine of your own, `owned`")
    if section.effective_from and section.effective_to and section.effective_from >= section.effective_to:
        raise Refused(f"{field}.effective_to", f"{section.effective_to} is not after {section.effective_from}")
    price = Price(
        offer=_own_offer(field, section),
        per_hour=section.per_hour or Decimal(0),
        currency=section.currency,
        gpus=section.gpus,
        gpu_model=section.gpu_model,
        effective_from=section.effective_from,
        effective_to=section.effective_to,
        as_of=section.as_of,
        source=section.source,
        stale_from=section.as_of + max_age if section.as_of else None,
        origin=origin,
        hours=read_hours(field, section),
    )
    if section.owned is not None:
        yield from _owned(field, section.owned, price)
    elif not price.per_hour.is_finite() or price.per_hour < 0:
        raise Refused(
            f"{field}.per_hour", f"{price.per_hour} cannot be a price; write what the whole instance costs by the hour"
        )
    else:
        yield price


def _own_offer(field: str, section: PriceSection) -> Offer:
    model = section.pricing_model or (PricingModel.OWNED if section.owned else PricingModel.ON_DEMAND)
    if section.owned and model is not PricingModel.OWNED:
        raise Refused(f"{field}.pricing_model", f"is {model}, but the price is given as `owned`; write owned")
    return Offer(
        provider=section.provider,
        region=section.region,
        instance_type=section.instance_type,
        pricing_model=model,
    )


def _owned(field: str, section: OwnedSection, price: Price) -> Iterator[Price]:
    """From the purchase to the end of the useful life, and what remains from then on."""
    if price.effective_from or price.effective_to:
        raise Refused(f"{field}.effective_from", "cannot be set beside `owned`, which begins with `purchased_on`")
    for name, least in (("purchase_price", 0), ("power_watts", 0), ("electricity_per_kwh", 0), ("pue", 1)):
        value = getattr(section, name)
        if not value.is_finite() or not least <= value < 10**12:
            raise Refused(f"{field}.owned.{name}", f"{value} cannot be; write a number of at least {least}")
    months = section.useful_life_years * 12
    if not months.is_finite() or months != months.to_integral_value() or not 1 <= months <= 600:
        raise Refused(
            f"{field}.owned.useful_life_years",
            f"{section.useful_life_years} is not a time from one month to 50 years in whole months; write for instance"
            " 4 or 3.5",
        )
    machine = Ownership(
        purchase_price=section.purchase_price,
        purchased_on=section.purchased_on,
        useful_life_months=int(months),
        power_watts=section.power_watts,
        electricity_per_kwh=section.electricity_per_kwh,
        pue=section.pue,
    )
    end = machine.written_off_on()
    yield replace(
        price,
        per_hour=machine.per_hour(),
        effective_from=machine.purchased_on,
        effective_to=end,
        note=f"depreciation until {end}, and electricity",
    )
    yield replace(
        price, per_hour=machine.energy_per_hour(), effective_from=end, note=f"electricity; written off since {end}"
    )


def _discounts(sections: Sequence[DiscountSection], listed: Iterable[Price]) -> Iterator[Discount]:
    offers = [price.offer for price in listed]
    seen: list[Discount] = []
    for place, section in enumerate(sections):
        field = f"discounts[{place}]"
        if not section.percent.is_finite() or not 0 < section.percent < 100:
            raise Refused(f"{field}.percent", f"{section.percent} is not a discount; write for instance 12.5 for 12.5%")
        discount = Discount(
            provider=section.provider,
            region=section.region,
            instance_type=section.instance_type,
            pricing_model=section.pricing_model,
            percent=section.percent,
        )
        for other_place, other in enumerate(seen):
            if discount.overlaps(other):
                raise Refused(
                    field, f"is on prices that discounts[{other_place}] is on as well; keep them apart, or keep one"
                )
        _must_match(field, discount, offers)
        seen.append(discount)
        yield discount


def _must_match(field: str, discount: Discount, offers: Iterable[Offer]) -> None:
    left = list(offers)
    for name in ("provider", "region", "instance_type", "pricing_model"):
        wanted = getattr(discount, name)
        if wanted is None:
            continue
        known = {str(getattr(offer, name)) for offer in left}
        left = [offer for offer in left if getattr(offer, name) in (wanted, ANY_REGION)]
        if not left:
            raise Refused(f"{field}.{name}", f"no price of the catalog is for {str(wanted)!r} ({hint(wanted, known)})")
