"""A negotiated discount: what is taken off the list prices of a catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from taximeter_exporter.pricing.price import Offer, Price, PricingModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """`None` stands for all of them."""

    provider: str
    region: str | None = None
    instance_type: str | None = None
    pricing_model: PricingModel | None = None
    percent: Decimal

    def matches(self, offer: Offer) -> bool:
        """Whether it is on this offer."""
        return self.provider == offer.provider and all(
            wanted is None or wanted == has
            for wanted, has in (
                (self.region, offer.region),
                (self.instance_type, offer.instance_type),
                (self.pricing_model, offer.pricing_model),
            )
        )

    def overlaps(self, other: Discount) -> bool:
        """Whether some offer could have both."""
        return self.provider == other.provider and all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in (
                (self.region, other.region),
                (self.instance_type, other.instance_type),
                (self.pricing_model, other.pricing_model),
            )
        )


def discounted(price: Price, discounts: Sequence[Discount]) -> Price:
    """The price with the discount that is on it, exactly; at most one of them is."""
    for discount in discounts:
        if discount.matches(price.offer):
            per_hour = price.per_hour * (100 - discount.percent) / 100
            return replace(price, per_hour=per_hour, discount_percent=discount.percent)
    return price
