"""Volumes and transfer in the configuration: at one's own price or the catalog's; every mistake is one line."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import Settings, load
from taximeter_exporter.pricing.price import Unit

HOST = """\
host: {provider: acme, region: lab, instance_type: box}
prices:
  - {provider: acme, region: lab, instance_type: box, per_hour: 1, currency: USD}
"""
OWN = "{name: data, gb: 500, per_gb_month: 0.08, currency: EUR}"
LISTED = "{name: data, gb: 0.5, provider: aws, class: EBS gp3}"


def loaded(folder: Path, text: str) -> Settings:
    (folder / "taximeter.yaml").write_text(HOST + text, encoding="utf-8")
    return load(folder / "taximeter.yaml", {})


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        loaded(folder, text)
    assert "\n" not in str(raised.value)
    return str(raised.value).replace(f"{folder}/", "")


def test_a_volume_at_a_price_of_ones_own(tmp_path: Path) -> None:
    (volume,) = loaded(tmp_path, f"storage: [{OWN}]\n").volumes
    assert (volume.name, volume.rate.price, volume.rate.part) == ("data", Decimal("0.08"), Fraction(500))
    assert (volume.rate.unit, volume.rate.currency) == (Unit.GB_MONTH, "EUR")
    assert str(volume.rate.offer) == "acme data in lab, on_demand"


def test_a_volume_at_the_price_of_the_catalog(tmp_path: Path) -> None:
    (volume,) = loaded(tmp_path, f"storage: [{LISTED}]\n").volumes
    assert (volume.rate.price, volume.rate.part, volume.rate.currency) == (Decimal("0.08"), Fraction(1, 2), "USD")
    assert str(volume.rate.offer) == "aws EBS gp3 in lab, on_demand"


def test_transfer_at_a_price_of_ones_own_the_catalogs_or_not_at_all(tmp_path: Path) -> None:
    own = loaded(tmp_path, "transfer: {per_gb: 0.05, currency: EUR}\n").transfer
    assert own is not None and (own.price, own.unit, own.currency) == (Decimal("0.05"), Unit.GB, "EUR")
    listed = loaded(tmp_path, "transfer: {provider: google}\n").transfer
    assert listed is not None and (listed.price, listed.currency) == (Decimal("0.12"), "USD")
    assert str(listed.offer) == "google egress, first 10 TB in lab, on_demand"
    assert loaded(tmp_path, "").transfer is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{currency: USD}", "transfer.per_gb: give what a GB costs, or the `provider` whose price in the catalog"),
        ("{per_gb: 1}", "transfer.currency: is missing; write in which currency `per_gb` is"),
        ("{per_gb: 1, currency: EUX}", "transfer.currency: EUX is not a currency in use"),
        ("{per_gb: 1, provider: aws}", "transfer.per_gb: cannot be set beside `provider`"),
        ("{provider: vast}", "transfer.provider: the catalog has no such price of 'vast' (there are prices for"),
        ("{provider: aws, class: ingress}", "transfer.class: aws has no 'ingress' (there are prices for egress, fir"),
        (
            "{per_gb: 1, currency: EUR}\nbudgets: [{name: b, period: month, limit: 5, currency: USD}]",
            "budgets[0].currency: is USD, but this machine is paid for in EUR",
        ),
    ],
)
def test_a_mistake_in_transfer_is_one_line_too(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, f"transfer: {text}\n").startswith(f"taximeter.yaml: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"[{OWN}, {OWN}]", "storage[1].name: 'data' is there twice; give each volume a name of its own"),
        (f"[{OWN.replace('500', '0')}]", "storage[0].gb: 0 is not a size; write how many GB (10^9 bytes) it has"),
        (f"[{OWN.replace('500', '.inf')}]", "storage[0].gb: Infinity is not a size"),
        (f"[{OWN.replace('0.08', '-1')}]", "storage[0].per_gb_month: -1 cannot be a price; write what a GB costs"),
        (f"[{OWN.replace('per_gb_month: 0.08, ', '')}]", "storage[0].per_gb_month: give what a GB costs, or the"),
        (f"[{OWN.replace(', currency: EUR', '')}]", "storage[0].currency: is missing; write in which currency"),
        (f"[{OWN.replace('EUR', 'EUX')}]", "storage[0].currency: EUX is not a currency in use; write its ISO 4217"),
        (f"[{OWN.replace('gb:', 'class: S3, gb:')}]", "storage[0].class: is one of the catalog's; name its `provider`"),
        (f"[{LISTED.replace('gb:', 'per_gb_month: 1, gb:')}]", "storage[0].per_gb_month: cannot be set beside `prov"),
        (f"[{LISTED.replace('gb:', 'currency: USD, gb:')}]", "storage[0].currency: cannot be set beside `provider`"),
        (f"[{LISTED.replace('aws', 'asw')}]", "storage[0].provider: the catalog has no such price of 'asw' (did you"),
        (f"[{LISTED.replace('EBS gp3', 'EBS gp2')}]", "storage[0].class: aws has no 'EBS gp2' (did you mean 'EBS gp3'"),
        (f"[{LISTED.replace(', class: EBS gp3', '')}]", "storage[0].class: is missing; aws has 'S3' and 'EBS gp3'"),
        (f"[{OWN.replace('gb:', 'size: 1, gb:')}]", "storage[0].size: is not a field; the fields are: name, gb"),
        (
            f"[{OWN}]\nbudgets: [{{name: b, period: month, limit: 5, currency: USD}}]",
            "budgets[0].currency: is USD, but this machine is paid for in EUR",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_file_field_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, f"storage: {text}\n").startswith(f"taximeter.yaml: {message}")
