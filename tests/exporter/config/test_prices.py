"""Where a machine's price comes from: one's own, a catalog of one's own, the shipped one; and what is taken off it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from fakes import metadata
from fakes.metadata import serve_metadata
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import load
from taximeter_exporter.pricing.catalog_file import SHIPPED, Billing
from taximeter_exporter.pricing.price import Offer, Price, PricingModel

P4D = "host: {provider: aws, region: us-east-1, instance_type: p4d.24xlarge}\n"
RENT = "  - {provider: acme, region: lab, instance_type: box, per_hour: 1, currency: USD}\n"
OWNED = """\
host: {provider: us, region: lab, instance_type: box, pricing_model: owned}
prices:
  - provider: us
    region: lab
    instance_type: box
    gpus: 8
    currency: USD
    owned:
      purchase_price: 262980
      purchased_on: 2024-02-29
      useful_life_years: 3
      power_watts: 5000
      electricity_per_kwh: 0.20
      pue: 1.5
"""
HOST = Offer(provider="us", region="lab", instance_type="box", pricing_model=PricingModel.OWNED)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "taximeter.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def price(tmp_path: Path, text: str) -> Price:
    (found,) = load(write(tmp_path, text), {}).prices
    return found


def refused(tmp_path: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load(write(tmp_path, text), environ)
    message = str(raised.value)
    assert "\n" not in message
    return message.replace(str(tmp_path), "")


def test_a_machine_of_the_catalog_needs_no_prices(tmp_path: Path) -> None:
    found = price(tmp_path, P4D)
    assert (found.per_hour, found.gpus, found.gpu_model) == (Decimal("21.95764"), 8, "A100-40")
    assert found.origin == SHIPPED
    assert found.stale_from == date(2026, 6, 30)


def test_ones_own_price_comes_first(tmp_path: Path) -> None:
    own = "prices:\n" + RENT.replace("acme", "aws").replace("lab", "us-east-1").replace("box", "p4d.24xlarge")
    settings = load(write(tmp_path, P4D + own + "discounts:\n  - {provider: aws, percent: 50}\n"), {})
    (found,) = settings.prices
    assert (found.per_hour, found.discount_percent) == (Decimal(1), None)
    assert found.origin == str(tmp_path / "taximeter.yaml")
    same = [price for price in settings.book.prices() if price.offer == found.offer]
    assert same == [found]


def test_a_catalog_of_ones_own_comes_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "provider: aws\ncurrency: USD\nsources: {mine: {text: an offer}}\nprices:\n"
        "  - {region: us-east-1, instance_type: p4d.24xlarge, pricing_model: on_demand, per_hour: 20, source: mine}\n"
    )
    found = price(tmp_path, P4D + "catalog: mine.yaml\n")
    assert (found.per_hour, found.source, found.origin) == (Decimal(20), "an offer", str(tmp_path / "mine.yaml"))
    assert refused(tmp_path, P4D + "catalog: absent.yaml\n").startswith(
        "/taximeter.yaml: catalog: /absent.yaml: cannot be read (No such file or directory)"
    )


@pytest.mark.parametrize(
    "fields", ["", ", region: us-east-1", ", instance_type: p4d.24xlarge", ", pricing_model: on_demand"]
)
def test_a_negotiated_discount_is_taken_off_the_catalogs_price(tmp_path: Path, fields: str) -> None:
    found = price(tmp_path, P4D + f"discounts:\n  - {{provider: aws{fields}, percent: 12.5}}\n")
    assert found.per_hour == Decimal("19.212935")
    assert found.discount_percent == Decimal("12.5")


def test_a_discount_is_only_on_what_it_names(tmp_path: Path) -> None:
    found = price(tmp_path, P4D + "discounts:\n  - {provider: aws, pricing_model: spot, percent: 12.5}\n")
    assert found.per_hour == Decimal("21.95764")


def test_a_price_without_a_region_is_taken_for_every_region_and_discounted_there(tmp_path: Path) -> None:
    host = "host: {provider: lambda, region: us-west-1, instance_type: 8xB200}\n"
    found = price(tmp_path, host + "discounts:\n  - {provider: lambda, region: us-west-1, percent: 50}\n")
    assert (found.per_hour, found.offer.region) == (Decimal("26.76"), "us-west-1")
    assert found.stale_from == date.min


def test_a_machine_of_ones_own_is_depreciated_and_then_costs_its_electricity(tmp_path: Path) -> None:
    settings = load(write(tmp_path, OWNED), {})
    first, then = settings.prices
    assert first.offer == HOST
    assert (first.effective_from, first.effective_to) == (date(2024, 2, 29), date(2027, 2, 28))
    assert (then.effective_from, then.effective_to) == (date(2027, 2, 28), None)
    energy = Decimal("1.5")  # 5 kW at 0.20 a kWh, and half as much again for cooling
    assert then.per_hour == energy
    hours = (date(2027, 2, 28) - date(2024, 2, 29)).days * 24
    assert abs(Fraction(first.per_hour - energy) * hours - 262980) < Fraction(1, 10**6)


def test_how_a_price_is_billed_says_the_user_before_the_catalog(tmp_path: Path) -> None:
    mine = RENT.replace("per_hour", "billing: {increment_seconds: 3600, minimum_seconds: 7200}, per_hour")
    book = load(write(tmp_path, P4D + "prices:\n" + mine), {}).book
    assert book.billing_of(book.own[0].offer) == Billing(increment_seconds=3600, minimum_seconds=7200)
    assert book.billing_of(next(p.offer for p in book.listed if p.offer.provider == "aws")) == Billing(
        increment_seconds=1, minimum_seconds=60
    )
    assert book.billing_of(next(p.offer for p in book.listed if p.offer.provider == "vast")) == Billing()
    assert book.billing_of(replace(book.own[0].offer, provider="nobody")) == Billing()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            P4D + "prices:\n" + RENT.replace("per_hour", "billing: {increment_seconds: 0}, per_hour"),
            "prices[0].billing.increment_seconds: expected int >= 1",
        ),
        (
            P4D
            + "prices:\n"
            + RENT.replace("per_hour", "billing: {increment_seconds: 60}, effective_to: 2026-02-01, per_hour")
            + RENT.replace("per_hour", "billing: {increment_seconds: 1}, effective_from: 2026-02-01, per_hour"),
            "prices[1].billing: differs from that of an earlier price of acme box in lab, on_demand; keep one",
        ),
        (P4D.replace("p4d.24", "p4d.25"), "host.instance_type: no price for 'p4d.25xlarge' (did you mean 'p4d.24xlarg"),
        (P4D.replace("aws", "asw"), "host.provider: no price for 'asw' (did you mean 'aws')"),
        (P4D.replace("us-east-1", "eu-west-1"), "host.region: no price for 'eu-west-1' (did you mean 'us-east-1'"),
        ("host: {provider: aws, instance_type: x}\n", "host.region: is missing; the fields are: provider, region"),
        (
            "host: {provider: google, region: us-central1, instance_type: T4-add-on}\n",
            "host.instance_type: no price for 'T4-add-on' (there are prices for",
        ),
        ("host: here\n", "host: must be fields: provider, region, instance_type, pricing_model"),
        ("host: {provider: lambda, region: x, instance_type: box}\n", "host.instance_type: no price for 'box' (there"),
        (P4D + "discounts:\n  - {provider: aws, percent: 100}\n", "discounts[0].percent: 100 is not a discount; write"),
        (P4D + "discounts:\n  - {provider: aws, percent: -5}\n", "discounts[0].percent: -5 is not a discount; write"),
        (
            P4D + "discounts:\n  - {provider: asw, percent: 5}\n",
            "discounts[0].provider: no price of the catalog is for",
        ),
        (
            P4D + "discounts:\n  - {provider: aws, pricing_model: owned, percent: 5}\n",
            "discounts[0].pricing_model: no price of the catalog is for 'owned' (there are prices for on_demand, spot)",
        ),
        (
            P4D + "discounts:\n  - {provider: aws, percent: 5}\n  - {provider: aws, region: us-east-1, percent: 9}\n",
            "discounts[1]: is on prices that discounts[0] is on as well; keep them apart, or keep one",
        ),
        (P4D + "prices:\n" + RENT.replace("per_hour: 1, ", ""), "prices[0].per_hour: give either `per_hour` or"),
        (P4D + "prices:\n" + RENT + RENT, "prices[1].effective_from: overlaps prices[0], both for acme box in lab"),
        (OWNED + "    per_hour: 5\n", "prices[0].per_hour: give either `per_hour` or"),
        (OWNED + "    effective_from: 2024-01-01\n", "prices[0].effective_from: cannot be set beside `owned`"),
        (OWNED + "    pricing_model: spot\n", "prices[0].pricing_model: is spot, but the price is given as `owned`"),
        (OWNED.replace("years: 3", "years: 0"), "prices[0].owned.useful_life_years: 0 is not a time from one month"),
        (OWNED.replace("years: 3", "years: 3.33"), "prices[0].owned.useful_life_years: 3.33 is not a time from one mo"),
        (OWNED.replace("pue: 1.5", "pue: 0.9"), "prices[0].owned.pue: 0.9 cannot be; write a number of at least 1"),
        (OWNED.replace("262980", "-1"), "prices[0].owned.purchase_price: -1 cannot be; write a number of at least 0"),
        (OWNED.replace("5000", ".inf"), "prices[0].owned.power_watts: Infinity cannot be; write a number of at least"),
        (OWNED.replace("      pue: 1.5\n", ""), "prices[0].owned.pue: is missing; the fields are: purchase_price"),
        (OWNED.replace(", pricing_model: owned", ""), "host.pricing_model: no price for 'on_demand' (there are prices"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_field_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, text).startswith(f"/taximeter.yaml: {message}")


def test_what_this_machine_is_can_be_asked_of_the_cloud(tmp_path: Path) -> None:
    path = write(tmp_path, "host: auto\n")
    with serve_metadata(metadata.azure("Standard_NC24ads_A100_v4", priority="Spot")) as address:
        settings = load(path, {"TAXIMETER_METADATA_ADDRESS": address})
    assert settings.detected
    assert str(settings.offer) == "azure NC24ads_A100_v4 in eastus, spot"
    assert settings.prices[0].per_hour == Decimal("0.444")


def test_the_environment_can_ask_the_cloud_but_not_contradict_it(tmp_path: Path) -> None:
    with serve_metadata(metadata.aws()) as address:
        settings = load(write(tmp_path, OWNED), {"TAXIMETER_HOST": "auto", "TAXIMETER_METADATA_ADDRESS": address})
        assert settings.offer.provider == "aws"
    assert refused(tmp_path, "host: auto\n", TAXIMETER_HOST_REGION="moon") == (
        "environment variable TAXIMETER_HOST_REGION: host.region: cannot be set beside host: auto; keep one of the two"
    )


def test_a_machine_that_the_cloud_knows_and_no_price_does(tmp_path: Path) -> None:
    with serve_metadata(metadata.aws("p4d.24xlarge", "eu-west-1")) as address:
        message = refused(tmp_path, "host: auto\n", TAXIMETER_METADATA_ADDRESS=address)
    assert message.startswith(
        "/taximeter.yaml: host: auto found aws p4d.24xlarge in eu-west-1, on_demand: no price for 'eu-west-1' (did you"
    )


def test_nothing_that_answers_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    with serve_metadata(metadata.portal) as address:
        message = refused(tmp_path, "host: auto\n", TAXIMETER_METADATA_ADDRESS=address)
    assert message.startswith("/taximeter.yaml: host: auto: no cloud says what this machine is (aws: answers without a")
    assert message.endswith("write its provider, region and instance_type")
