"""The shipped catalog has none of the mistakes that public catalogs make, and each of them is caught where it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from taximeter_exporter.pricing.catalog_file import Catalog, shipped
from taximeter_exporter.pricing.integrity import Kind, find_mistakes
from taximeter_exporter.pricing.price import Price, PricingModel


def price_of(instance_type: str, model: PricingModel = PricingModel.ON_DEMAND) -> Price:
    (found,) = (
        price
        for price in shipped().prices
        if price.offer.instance_type == instance_type and price.offer.pricing_model is model
    )
    return found


def seeded(wrong: Price) -> set[tuple[Kind, str]]:
    """The kinds of mistakes found, and in which instance type, with one price of the shipped catalog made wrong."""
    catalog = shipped()
    prices = tuple(wrong if price.offer == wrong.offer else price for price in catalog.prices)
    assert prices != catalog.prices
    found = find_mistakes(Catalog(prices, catalog.providers, catalog.superseded))
    return {(mistake.kind, mistake.price.offer.instance_type) for mistake in found}


def test_the_shipped_catalog_has_no_mistake() -> None:
    assert [(mistake.kind, str(mistake.price.offer), mistake.why) for mistake in find_mistakes(shipped())] == []


@pytest.mark.parametrize("instance_type", ["p4d.24xlarge", "ND96asr_v4", "a3-highgpu-8g", "p5en.48xlarge"])
@pytest.mark.parametrize("gpus", [12, 3])
def test_a_gpu_count_that_no_instance_has(instance_type: str, gpus: int) -> None:
    """8 listed as 12."""
    assert (Kind.GPU_COUNT, instance_type) in seeded(replace(price_of(instance_type), gpus=gpus))


@pytest.mark.parametrize(
    ("instance_type", "gpus"), [("p4d.24xlarge", 4), ("a3-highgpu-8g", 1), ("g4dn.12xlarge", 1), ("gx2-8x64x1v100", 8)]
)
def test_a_gpu_count_that_the_instance_types_name_contradicts(instance_type: str, gpus: int) -> None:
    assert (Kind.GPU_COUNT, instance_type) in seeded(replace(price_of(instance_type), gpus=gpus))


@pytest.mark.parametrize("instance_type", ["g4dn.xlarge", "NC24ads_A100_v4", "a2-highgpu-1g"])
def test_spot_that_equals_on_demand(instance_type: str) -> None:
    spot = replace(price_of(instance_type, PricingModel.SPOT), per_hour=price_of(instance_type).per_hour)
    assert seeded(spot) == {(Kind.SPOT, instance_type)}


@pytest.mark.parametrize("per_hour", ["0.00", "0"])
def test_spot_that_is_free(per_hour: str) -> None:
    spot = replace(price_of("p5.48xlarge", PricingModel.SPOT), per_hour=Decimal(per_hour))
    assert seeded(spot) == {(Kind.SPOT, "p5.48xlarge")}


@pytest.mark.parametrize(
    ("instance_type", "gpu_model"),
    [
        ("p4d.24xlarge", "A100-80"),
        ("p4de.24xlarge", "A100-40"),
        ("ND96asr_v4", "A100-80"),
        ("ND96amsr_A100_v4", "A100"),
        ("a2-ultragpu-2g", "A100-40"),
        ("a2-highgpu-1g", "A100"),
    ],
)
def test_a100_with_40_and_with_80_gb_merged(instance_type: str, gpu_model: str) -> None:
    assert (Kind.GPU_MODEL, instance_type) in seeded(replace(price_of(instance_type), gpu_model=gpu_model))


@pytest.mark.parametrize(
    ("instance_type", "per_hour"),
    [("a2-highgpu-1g", "0.74"), ("p4d.24xlarge", "3.00"), ("a3-highgpu-8g", "9.00"), ("ND96isr_H100_v5", "7.00")],
)
def test_an_instance_price_that_leaves_the_gpus_out(instance_type: str, per_hour: str) -> None:
    """Made-up prices of about what such a machine would cost without its GPUs."""
    wrong = replace(price_of(instance_type), per_hour=Decimal(per_hour))
    assert (Kind.WITHOUT_GPUS, instance_type) in seeded(wrong)


@pytest.mark.parametrize(("instance_type", "per_hour"), [("p4d.24xlarge", "32.7726"), ("p5.48xlarge", "98.32")])
def test_an_old_price_with_a_new_date(instance_type: str, per_hour: str) -> None:
    wrong = replace(price_of(instance_type), per_hour=Decimal(per_hour))
    assert (Kind.OLD_PRICE, instance_type) in seeded(wrong)


@pytest.mark.parametrize("as_of", [date(2026, 11, 1), None])
def test_a_date_that_is_not_the_sources(as_of: date | None) -> None:
    assert seeded(replace(price_of("a3-ultragpu-8g"), as_of=as_of)) == {(Kind.OLD_PRICE, "a3-ultragpu-8g")}


@pytest.mark.parametrize("instance_type", ["p4d.24xlarge", "ND96amsr_A100_v4", "a3-highgpu-1g", "1xGH200", "1xL4"])
def test_a_decimal_point_that_has_moved(instance_type: str) -> None:
    """32.8 read as 0.032."""
    listed = price_of(instance_type)
    assert (Kind.DECIMAL_POINT, instance_type) in seeded(replace(listed, per_hour=listed.per_hour / 1000))


def test_a_spot_price_whose_decimal_point_has_moved() -> None:
    spot = price_of("NC96ads_A100_v4", PricingModel.SPOT)
    assert seeded(replace(spot, per_hour=spot.per_hour / 1000)) == {(Kind.DECIMAL_POINT, "NC96ads_A100_v4")}


@pytest.mark.parametrize("instance_type", ["g4dn.xlarge", "p4d.24xlarge", "1xB200", "1xGH200", "1xL40S"])
def test_a_monthly_figure_read_as_hourly(instance_type: str) -> None:
    wrong = replace(price_of(instance_type), per_hour=price_of(instance_type).per_hour * 730)
    assert (Kind.MONTHLY, instance_type) in seeded(wrong)


def test_two_prices_of_one_offer_at_the_same_time() -> None:
    catalog = shipped()
    twice = Catalog((*catalog.prices, catalog.prices[0]), catalog.providers)
    assert [mistake.kind for mistake in find_mistakes(twice)] == [Kind.OVERLAP]
