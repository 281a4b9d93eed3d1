"""What a provider would bill for a run: its device time in the steps in which the provider counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.usage import Category, Usage
from taximeter_exporter.pricing.catalog_file import Billing
from taximeter_exporter.pricing.price import Offer

BillingOf = Callable[[Offer], Billing]
"""In which steps an offer is billed."""


def billed_ns(ns: int, billing: Billing) -> int:
    """Time as it is billed, in nanoseconds: max(minimum, ⌈time / increment⌉ · increment); no time stays none."""
    if not ns:
        return 0
    if billing.increment_seconds is not None:
        increment = billing.increment_seconds * NS_PER_SECOND
        ns = -(-ns // increment) * increment
    return max(ns, (billing.minimum_seconds or 0) * NS_PER_SECOND)


def billed_costs(usage: Iterable[Usage], billing_of: BillingOf) -> dict[tuple[str, str], Fraction]:
    """What is billed, exact, under (run, currency); empty names stand for no run and for no price.

    Providers bill the running time of an instance. Here a run's own time on each device is billed as if the machine had
    been rented for just that: one stretch a run, device and offer, also if the run was interrupted. Where the price
    changed meanwhile, the time added costs the stretch's mean. What no run had is not rounded: it belongs to a machine
    that ran on.
    """
    costs: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
    stretches: defaultdict[tuple[str, str, str, Offer], list[Usage]] = defaultdict(list)
    for row in usage:
        if row.rate is None:
            costs[row.run, ""] += 0
        elif row.run and row.category is Category.COMPUTE:
            stretches[row.run, row.rate.currency, row.uuid, row.rate.offer].append(row)
        else:
            costs[row.run, row.rate.currency] += row.rate.cost(row.quantity)
    for (run, currency, _, offer), rows in stretches.items():
        ns = sum(row.ns for row in rows)
        cost = sum((row.rate.cost(row.ns) for row in rows if row.rate), Fraction())
        costs[run, currency] += cost * billed_ns(ns, billing_of(offer)) / ns
    return dict(costs)
