"""What a device costs, and from when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from support.metered import GPU0, GPU1, OFFER, price, time_ns
from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.pricing.price import Offer, PricingModel
from taximeter_exporter.pricing.quote import PriceError, find_prices, schedule_for

HOST = Device(uuid="HOST-1", kind=DeviceKind.HOST, index="0", model="CPU")


def test_gpus_share_the_instances_price_exactly() -> None:
    rate = schedule_for([price("10", gpus=3)], [GPU0, GPU1]).at(0)
    assert rate is not None
    assert rate.device_per_hour() == Fraction(10, 3)
    assert rate.cost(3600 * 10**9) * 3 == 10


def test_the_host_bears_the_whole_price() -> None:
    rate = schedule_for([price("10", gpus=8)], [HOST]).at(0)
    assert rate is not None
    assert rate.device_per_hour() == 10


def test_more_gpus_than_the_price_covers_is_a_mistake() -> None:
    with pytest.raises(PriceError, match="covers 1 GPUs, but there are 2 here"):
        schedule_for([price(gpus=1)], [GPU0, GPU1])


def test_prices_follow_on_each_other_and_may_leave_a_time_without_one() -> None:
    first = replace(price("1"), effective_from=date(2026, 1, 1), effective_to=date(2026, 2, 1))
    second = replace(price("2"), effective_from=date(2026, 2, 1), effective_to=date(2026, 3, 1))
    third = replace(price("4"), effective_from=date(2026, 4, 1))
    schedule = schedule_for([first, second, third], [GPU0])

    def per_hour(moment: str) -> Decimal | None:
        rate = schedule.at(time_ns(moment))
        return None if rate is None else rate.price

    assert per_hour("2025-12-31T23:59:59") is None
    assert per_hour("2026-01-01T00:00:00") == 1
    assert per_hour("2026-01-31T23:59:59") == 1
    assert per_hour("2026-02-01T00:00:00") == 2
    assert per_hour("2026-03-15T00:00:00") is None
    assert per_hour("2030-01-01T00:00:00") == 4
    changes = schedule.changes_between(time_ns("2026-01-01T00:00:00"), time_ns("2026-03-01T00:00:00"))
    assert list(changes) == [time_ns("2026-02-01T00:00:00")]


@pytest.mark.parametrize(
    ("offer", "field", "words"),
    [
        (replace(OFFER, provider="acne"), "host.provider", "did you mean 'acme'"),
        (replace(OFFER, region="moon"), "host.region", "there are prices for lab"),
        (replace(OFFER, instance_type="bax"), "host.instance_type", "did you mean 'box'"),
        (replace(OFFER, pricing_model=PricingModel.SPOT), "host.pricing_model", "there are prices for on_demand"),
    ],
)
def test_an_offer_without_a_price_names_the_field_that_matches_nothing(offer: Offer, field: str, words: str) -> None:
    with pytest.raises(PriceError, match=words) as raised:
        find_prices(offer, [price()])
    assert raised.value.field == field


def test_a_rate_knows_how_old_its_price_is_and_from_when_it_is_too_old() -> None:
    dated = replace(price(), as_of=date(2026, 1, 1), stale_from=date(2026, 6, 30))
    rate = schedule_for([dated], [GPU0]).at(0)
    assert rate is not None
    assert rate.age_ns(time_ns("2026-01-03T00:00:01")) == (2 * 86400 + 1) * 10**9
    assert rate.age_ns(time_ns("2025-12-31T00:00:00")) == 0
    assert not rate.stale_at(time_ns("2026-06-29T23:59:59"))
    assert rate.stale_at(time_ns("2026-06-30T00:00:00"))


def test_reading_a_price_again_does_not_make_another_rate_of_it() -> None:
    """The ledger sums by rate; when it was read is not part of what it is."""
    first = schedule_for([price()], [GPU0]).at(0)
    again = schedule_for([replace(price(), as_of=date(2026, 1, 1))], [GPU0]).at(0)
    assert first == again
    assert hash(first) == hash(again)
    assert first is not None
    assert first.age_ns(10**18) is None
    assert not first.stale_at(10**18)
