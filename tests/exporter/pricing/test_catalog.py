"""The catalog: what it has, from where, and what a file of one's own may not say."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from taximeter_exporter.pricing.catalog_file import SHIPPED, CatalogError, aged, read_catalog, shipped
from taximeter_exporter.pricing.gpus import covers, find_gpu, known_gpus, throughput_ratio

OWN = """\
provider: acme
currency: EUR
sources: {contract: {text: our contract, as_of: 2026-05-01}}
prices:
  - {region: lab, instance_type: box, gpu_model: H100, gpus: 8, pricing_model: leased, per_hour: 12.5, source: contract}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_price_says_where_it_was_read_and_is_exact() -> None:
    for price in shipped().prices:
        assert price.source
        assert price.origin == SHIPPED
        assert isinstance(price.per_hour, Decimal)
        assert price.currency == "USD"
        assert find_gpu(price.gpu_model) is not None
    assert {"aws", "azure", "google", "ibm", "burncloud", "lambda", "coreweave", "runpod", "vast"} == set(
        shipped().providers
    )
    models = {price.gpu_model for price in shipped().prices}
    assert {"V100", "T4", "A10G", "L4", "L40S", "A100-40", "A100-80", "H100", "H200", "B200"} <= models


def test_what_providers_bill_in_and_ask_for_data() -> None:
    aws, google = shipped().providers["aws"], shipped().providers["google"]
    assert (aws.billing.increment_seconds, aws.billing.minimum_seconds) == (1, 60)
    assert google.billing.increment_seconds is None
    assert {entry.name: entry.per_gb for entry in aws.storage} == {"S3": Decimal("0.023"), "EBS gp3": Decimal("0.08")}
    (egress,) = google.transfer
    assert (egress.per_gb, egress.as_of) == (Decimal("0.12"), date(2025, 10, 1))
    assert shipped().providers["ibm"].transfer == ()


def test_a_price_is_stale_from_its_age_on_and_always_without_a_date() -> None:
    prices = {str(price.offer): price for price in aged(shipped().prices, timedelta(days=10))}
    assert prices["google a3-ultragpu-8g in us-central1, on_demand"].stale_from == date(2025, 3, 16)
    assert prices["ibm gx2-8x64x1v100 in us-south, on_demand"].stale_from == date.min


def test_a_catalog_of_ones_own_takes_the_place_of_what_it_prices(tmp_path: Path) -> None:
    text = OWN + "---\n" + OWN.replace("acme", "google").replace("lab", "us-central1").replace("box", "a3-highgpu-8g")
    own = read_catalog(write(tmp_path, text.replace("leased", "on_demand")))
    merged = shipped().overlaid(own)
    (changed,) = (price for price in merged.prices if price.offer.instance_type == "a3-highgpu-8g")
    assert (changed.per_hour, changed.currency, changed.origin) == (
        Decimal("12.5"),
        "EUR",
        str(tmp_path / "catalog.yaml"),
    )
    assert len(merged.prices) == len(shipped().prices) + 1
    assert merged.providers["acme"].title == "acme"


def test_what_a_catalog_of_ones_own_leaves_out_of_a_provider_stays(tmp_path: Path) -> None:
    text = OWN.replace("acme", "aws") + "storage: [{name: S3, per_gb_month: 0.01, source: contract}]\n"
    aws = shipped().overlaid(read_catalog(write(tmp_path, text + "billing: {minimum_seconds: 30}\n"))).providers["aws"]
    assert (aws.title, aws.billing.increment_seconds, aws.billing.minimum_seconds) == ("Amazon Web Services", 1, 30)
    assert {(entry.name, entry.per_gb) for entry in aws.storage} == {
        ("S3", Decimal("0.01")),
        ("EBS gp3", Decimal("0.08")),
    }
    assert len(aws.transfer) == 1


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (OWN.replace("contract}", "rumour}"), "prices[0].source", "'rumour' is not one of `sources` (contract)"),
        (OWN.replace("12.5", "-1"), "prices[0].per_hour", "-1 cannot be a price"),
        (OWN.replace("leased", "rented"), "prices[0].pricing_model", "must be one of: on_demand"),
        (OWN.replace("EUR", "euro"), "currency", "is not a currency"),
        (OWN + "---\n" + OWN.replace("gpus", "gpu"), "document 2, prices[0].gpu", "is not a field; did you mean gpus"),
        (
            OWN + OWN.splitlines()[-1],
            "prices",
            "acme box in lab, leased has two prices at the same time; keep one of them",
        ),
        (
            OWN.replace("per_hour", "effective_from: 2026-02-01, effective_to: 2026-01-01, per_hour"),
            "prices[0].effective_to",
            "2026-01-01 is not after 2026-02-01",
        ),
        ("a: [", "line 1", "is not YAML"),
        ("- 1", "", "must be fields: provider, name"),
    ],
)
def test_a_catalog_that_cannot_be_used(tmp_path: Path, text: str, field: str, words: str) -> None:
    with pytest.raises(CatalogError) as raised:
        read_catalog(write(tmp_path, text))
    assert raised.value.field == field
    assert words in str(raised.value)
    assert raised.value.where == str(tmp_path / "catalog.yaml")


def test_a_catalog_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        read_catalog(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("a100-80", "A100-80"),
        ("NVIDIA A100-SXM4-80GB", "A100-80"),
        ("NVIDIA A100-PCIE-40GB", "A100-40"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA A10", "A10"),
        ("Tesla V100-SXM2-16GB", "V100-16"),
        ("Tesla T4", "T4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA H100 PCIe", "H100-PCIe"),
        ("NVIDIA H100 80GB HBM3 (simulated)", "H100"),
        ("NVIDIA GH200 480GB", "GH200"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA B200", "B200"),
        ("NVIDIA GeForce RTX 4090", None),
    ],
)
def test_gpus_are_known_by_their_products_names(name: str, model: str | None) -> None:
    gpu = find_gpu(name)
    assert (gpu.model if gpu else None) == model


def test_a_family_is_covered_by_its_members_as_fast_as_it() -> None:
    gpus = {gpu.model: gpu for gpu in known_gpus()}
    assert covers(gpus["A100"], gpus["A100-40"])
    assert not covers(gpus["A100-40"], gpus["A100"])
    assert not covers(gpus["A100-40"], gpus["A100-80"])
    assert not covers(gpus["H100"], gpus["H100-PCIe"])
    assert throughput_ratio(gpus["V100"], gpus["A100"]) == Fraction(125, 312)
