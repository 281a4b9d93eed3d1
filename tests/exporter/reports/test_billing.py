"""What a provider would bill: by its steps and minimum, and never less than what was used."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.metered import OFFER
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.catalog_file import Billing
from taximeter_exporter.pricing.price import Offer, Rate
from taximeter_exporter.reports.billing import billed_costs, billed_ns

BY_THE_MINUTE = Billing(increment_seconds=60, minimum_seconds=600)
S = NS_PER_SECOND


def usage(seconds: int, *, run: str = "a", uuid: str = "GPU-0", per_hour: str | None = "3600", ns: int = 0) -> Usage:
    rate = None if per_hour is None else Rate(offer=OFFER, price=Decimal(per_hour), devices=1, currency="USD")
    share = Share.ACTIVE if run else Share.IDLE
    return Usage(0, uuid, rate, run, Category.COMPUTE, share, seconds * S + ns)


def billed(*rows: Usage, billing: Billing = BY_THE_MINUTE) -> dict[tuple[str, str], Fraction]:
    return billed_costs(rows, lambda _: billing)


@pytest.mark.parametrize(
    ("ns", "billing", "expected"),
    [
        (0, BY_THE_MINUTE, 0),
        (1, BY_THE_MINUTE, 600 * S),
        (600 * S, BY_THE_MINUTE, 600 * S),
        (600 * S + 1, BY_THE_MINUTE, 660 * S),
        (660 * S, BY_THE_MINUTE, 660 * S),
        (61 * S, Billing(minimum_seconds=60), 61 * S),
        (59 * S + 1, Billing(minimum_seconds=60), 60 * S),
        (3600 * S + 1, Billing(increment_seconds=3600), 7200 * S),
        (17, Billing(), 17),
    ],
)
def test_time_is_rounded_up_to_the_step_and_to_the_minimum(ns: int, billing: Billing, expected: int) -> None:
    assert billed_ns(ns, billing) == expected


@settings(deadline=None)
@given(
    st.integers(0, 2**60),
    st.builds(
        Billing,
        increment_seconds=st.none() | st.integers(1, 86400),
        minimum_seconds=st.none() | st.integers(1, 86400),
    ),
)
def test_nothing_is_billed_below_what_was_used_and_never_a_step_too_much(ns: int, billing: Billing) -> None:
    step, least = (billing.increment_seconds or 0) * S, (billing.minimum_seconds or 0) * S
    found = billed_ns(ns, billing)
    assert ns <= found <= max(ns + step, least)
    assert found == billed_ns(found, Billing(increment_seconds=billing.increment_seconds)) or found == least


def test_each_run_is_billed_on_each_of_its_devices() -> None:
    assert billed(usage(601), usage(5, uuid="GPU-1"), usage(7, run="b")) == {("a", "USD"): 660 + 600, ("b", "USD"): 600}


def test_a_run_that_was_cut_at_quarter_hours_is_one_stretch() -> None:
    assert billed(usage(300), usage(300), usage(30)) == {("a", "USD"): 660}


def test_time_added_after_a_change_of_price_costs_the_mean() -> None:
    """300 s at 1 and 100 s at 5 USD a second are 800 USD; 600 s are billed."""
    assert billed(usage(300), usage(100, per_hour="18000")) == {("a", "USD"): 800 * Fraction(600, 400)}


def test_what_no_run_had_or_has_no_price_is_as_it_is() -> None:
    assert billed(usage(61, run=""), usage(61, per_hour=None)) == {("", "USD"): 61, ("a", ""): 0}


def test_each_offer_is_billed_in_its_own_way() -> None:
    other = Offer(provider="other", region="x", instance_type="y", pricing_model=OFFER.pricing_model)
    rate = Rate(offer=other, price=Decimal(3600), devices=1, currency="USD")
    rows = [usage(61), Usage(0, "GPU-0", rate, "a", Category.COMPUTE, Share.ACTIVE, 61 * S)]
    found = billed_costs(rows, lambda offer: BY_THE_MINUTE if offer == OFFER else Billing())
    assert found == {("a", "USD"): 600 + 61}
