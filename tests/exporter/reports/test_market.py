"""The market for the GPUs that are here: of each provider the cheapest on each of its terms, and no more series."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from support.programs import RunningExporter, exporter, wait_for, write_config
from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.pricing.catalog_file import shipped
from taximeter_exporter.pricing.price import Offer, Price, PricingModel, Rate, midnight_ns
from taximeter_exporter.reports.market import Holding, Market, market
from taximeter_exporter.reports.offers import in_force

H100 = Device(uuid="GPU-0", kind=DeviceKind.GPU, index="0", model="NVIDIA H100 80GB HBM3")


def gpu(model: str) -> Device:
    return Device(uuid="GPU-1", kind=DeviceKind.GPU, index="1", model=model)


def price(
    name: str, per_hour: str, *, provider: str = "acme", terms: str = "on_demand", currency: str = "USD", **more: object
) -> Price:
    offer = Offer(provider=provider, region="lab", instance_type=name, pricing_model=PricingModel(terms))
    fields: dict[str, object] = {"gpu_model": "H100", "gpus": 1} | more
    return Price(offer=offer, per_hour=Decimal(per_hour), currency=currency, **fields)  # type: ignore[arg-type]


def offered(devices: list[Device], prices: list[Price], here: tuple[Price, ...] = ()) -> Market:
    return market([Holding(device=device) for device in devices], here, prices)


def names(devices: list[Device], prices: list[Price], here: tuple[Price, ...] = ()) -> list[str]:
    return sorted(entry.price.offer.instance_type for entry in offered(devices, prices, here).offers)


def test_of_each_provider_the_cheapest_gpu_on_each_of_its_terms_and_in_each_currency() -> None:
    prices = [
        price("one", "3"),
        price("eight", "16", gpus=8),
        price("spot", "1", terms="spot"),
        price("euro", "9", currency="EUR"),
        price("other", "99", provider="other"),
    ]
    assert names([H100], prices) == ["eight", "euro", "other", "spot"]


def test_another_gpu_or_one_without_its_machine_is_no_offer() -> None:
    prices = [
        price("pcie", "1", gpu_model="H100-PCIe"),
        price("newer", "1", gpu_model="H200"),
        price("none", "1", gpus=0),
    ]
    assert names([H100], [*prices, price("alone", "1", gpu_only=True)]) == []


def test_where_the_source_does_not_say_how_much_memory_it_has_the_offer_stands_beside_those_that_do() -> None:
    prices = [
        price("some", "1", gpu_model="A100"),
        price("80", "2", gpu_model="A100-80"),
        price("40", "1", gpu_model="A100-40"),
    ]
    found = offered([gpu("NVIDIA A100-SXM4-80GB")], prices)
    assert {entry.gpu.model: entry.price.offer.instance_type for entry in found.offers} == {
        "A100": "some",
        "A100-80": "80",
    }


def test_what_stands_beside_two_models_is_one_offer() -> None:
    both = [gpu("NVIDIA A100-SXM4-80GB"), gpu("NVIDIA A100-SXM4-40GB")]
    assert names(both, [price("some", "1", gpu_model="A100"), price("40", "1", gpu_model="A100-40")]) == ["40", "some"]


def test_several_gpus_and_instances_of_one_model_have_one_market() -> None:
    part = Device(
        uuid="MIG-0", kind=DeviceKind.GPU, index="0:0", model=H100.model, mig_profile="1g.10gb", parent="GPU-0"
    )
    found = offered([H100, part, gpu("NVIDIA L4")], [price("one", "3"), price("l4", "1", gpu_model="L4")])
    assert [(device.uuid, known.model) for device, known in found.models] == [
        ("GPU-0", "H100"),
        ("MIG-0", "H100"),
        ("GPU-1", "L4"),
    ]
    assert len(found.offers) == 2


def test_where_the_machine_is_and_which_gpus_it_has_if_all_are_one() -> None:
    here = price("box", "24", gpus=8)
    rate = Rate(offer=here.offer, price=here.per_hour, devices=8, currency="USD", part=Fraction(1))
    part = Device(uuid="MIG-0", kind=DeviceKind.GPU, index="0:0", model=H100.model, parent="GPU-0")
    host = Device(uuid="HOST-1", kind=DeviceKind.HOST, index="0", model="EPYC")

    def machine(*devices: Device) -> tuple[Offer, str | None] | None:
        found = market([Holding(device=device, rate=rate) for device in devices], (), []).machine
        if found is None:
            return None
        return found.offer, None if found.gpu is None else found.gpu.model

    assert machine(H100, gpu("NVIDIA H100 80GB HBM3"), host) == (here.offer, "H100")
    for devices in ([H100, gpu("NVIDIA L4")], [H100, gpu("Graphics Device")], [H100, part], [part], [host]):
        assert machine(*devices) == (here.offer, None)
    assert machine() is None
    assert offered([H100], []).machine is None


def test_a_gpu_that_the_catalog_does_not_know_is_what_the_machines_own_price_says_or_nothing() -> None:
    unknown, own = gpu("Graphics Device"), price("box", "24", gpus=8)
    assert names([unknown], [own], (own,)) == ["box"]
    assert offered([unknown], [own]).models == ()
    assert names([gpu("NVIDIA L4")], [own], (own,)) == []


def test_the_host_as_the_device_has_no_market() -> None:
    host = Device(uuid="HOST-1", kind=DeviceKind.HOST, index="0", model="NVIDIA Grace H100")
    assert offered([host], [price("box", "24")], (price("box", "24"),)) == Market()


@pytest.mark.parametrize(
    ("model", "offers"), [("NVIDIA H100 80GB HBM3", 8), ("NVIDIA A100-SXM4-80GB", 14), ("NVIDIA L4", 3)]
)
def test_how_many_offers_the_shipped_catalog_makes(model: str, offers: int) -> None:
    found = offered([gpu(model)], in_force(shipped().prices, time.time_ns())).offers
    assert len(found) == offers
    identities = Counter(
        (entry.gpu.model, entry.price.offer.provider, entry.price.offer.pricing_model, entry.price.currency)
        for entry in found
    )
    assert set(identities.values()) == {1}


GB = 10**9


def smaller(
    peak_bytes: int | None,
    prices: list[Price],
    *,
    per_hour: str = "8",
    gpus: int = 1,
    terms: str = "on_demand",
    part: Fraction = Fraction(1),
    device: Device = H100,
) -> str | None:
    """The instance with the smaller GPU that would do in place of an H100, which costs `per_hour` for all of them."""
    here = price("here", per_hour, gpus=gpus, terms=terms)
    rate = Rate(offer=here.offer, price=here.per_hour, devices=gpus, currency="USD", part=part)
    found = market([Holding(device=device, rate=rate, peak_bytes=peak_bytes)], (here,), [here, *prices]).smaller
    return found[0][1].price.offer.instance_type if found else None


# of an hour of an H100 for 8, the same work on an L4 takes 989 / 121 hours, on an L40S 989 / 362
L4, L40S = price("l4", "0.9", gpu_model="L4"), price("l40s", "1.9", gpu_model="L40S")


def test_a_gpu_with_a_fifth_more_memory_than_was_in_use_would_do() -> None:
    assert smaller(20 * GB, [L4]) == "l4"
    assert smaller(20 * GB + 1, [L4]) is None
    assert smaller(40 * GB, [L4, L40S]) == "l40s"
    assert smaller(None, [L4, L40S]) is None


def test_it_is_the_one_that_does_the_same_work_for_the_least() -> None:
    assert smaller(GB, [L4, L40S]) == "l40s"
    # 0.9 x 989 / 121 is 7.36
    assert smaller(GB, [L4], per_hour="7.36") == "l4"
    assert smaller(GB, [L4], per_hour="7.35") is None


def test_it_is_no_other_one_with_as_much_memory_and_none_that_is_faster_and_dearer() -> None:
    assert smaller(GB, [price("cheap", "1"), price("pcie", "1", gpu_model="H100-PCIe")]) is None
    lesser = gpu("NVIDIA A10G")
    assert smaller(GB, [price("t4", "0.4", gpu_model="T4")], per_hour="1", device=lesser) == "t4"
    assert smaller(GB, [price("t4", "1", gpu_model="T4")], per_hour="1", device=lesser) is None


def test_the_same_provider_goes_before_a_cheaper_one() -> None:
    cheap = price("elsewhere", "0.1", gpu_model="L4", provider="other")
    assert smaller(GB, [L4, cheap]) == "l4"
    assert smaller(GB, [cheap]) == "elsewhere"


def test_terms_and_currency_stay_and_no_more_gpus_have_to_be_rented() -> None:
    spot, euro = (
        price("spot", "0.1", gpu_model="L4", terms="spot"),
        price("euro", "0.1", gpu_model="L4", currency="EUR"),
    )
    assert smaller(GB, [spot, euro]) is None
    assert smaller(GB, [spot, L4], terms="spot") == "spot"
    eight = price("eight", "1.6", gpu_model="L4", gpus=8)
    assert smaller(GB, [eight]) is None
    assert smaller(GB, [eight], per_hour="64", gpus=8) == "eight"


def test_a_part_of_a_gpu_or_one_without_a_price_has_none() -> None:
    assert smaller(GB, [L4], part=Fraction(1, 7)) is None
    assert market([Holding(device=H100, peak_bytes=GB)], (), [L4]).smaller == ()


CONFIG = """\
listen: 127.0.0.1:0
sample_interval: 100ms
host: {provider: acme, region: lab, instance_type: box-8}
prices:
  - {provider: acme, region: lab, instance_type: box-8, gpus: 8, gpu_model: H100, per_hour: 32, currency: USD,
     as_of: 2026-01-01}
  - {provider: acme, region: lab, instance_type: box-8, pricing_model: reserved_1y, gpus: 8, gpu_model: H100,
     per_hour: 20, currency: USD, source: the contract}
"""


def offers(running: RunningExporter, **labels: str) -> dict[str, float]:
    """What `/metrics` says of the offers with these labels, by provider and terms."""
    return {
        f"{has['provider']} {has['pricing_model']}": value
        for (name, identity), value in running.metrics().items()
        if name == "taximeter_offer_price_per_hour" and set(labels.items()) <= identity
        for has in (dict(identity),)
    }


def test_offers_as_prometheus_sees_them_and_after_a_reload(tmp_path: Path) -> None:
    with exporter(write_config(tmp_path, CONFIG), "--simulate") as running:
        wait_for(lambda: offers(running), "no offer is shown")
        assert offers(running, gpu_model="H100", simulated="true", currency="USD") == {
            "acme on_demand": 4,
            "acme reserved_1y": 2.5,
            "aws on_demand": 6.88,
            "aws spot": 3.21875,
            "azure on_demand": 6.98,
            "coreweave on_demand": 6.155,
            "google on_demand": 11.0612,
            "ibm on_demand": 10,
            "runpod on_demand": 2.69,
            "vast on_demand": 1.8,
        }
        mine = {"provider": "acme", "region": "lab", "instance_type": "box-8", "gpus": "8", "confidence": "as_stated"}
        running.value("taximeter_offer_price_per_hour", **mine, source="the contract")
        # a price that does not say where it was read is the file's; nobody is told where that lies
        running.value("taximeter_offer_price_per_hour", **mine, source="taximeter.yaml")
        assert set(offers(running, confidence="low")) == {"aws spot", "ibm on_demand"}
        dated = running.value("taximeter_offer_as_of_timestamp_seconds", provider="acme")
        assert dated * 10**9 == midnight_ns(date(2026, 1, 1))
        assert running.value("taximeter_gpu_model_info", uuid="SIM-7", gpu_model="H100") == 1
        write_config(tmp_path, CONFIG.replace("per_hour: 32", "per_hour: 40"))
        assert running.call("POST", "/-/reload").status == 200
        wait_for(lambda: offers(running)["acme on_demand"] == 5, "the new price is not shown")


def test_the_host_as_the_device_shows_no_offers(tmp_path: Path) -> None:
    with exporter(write_config(tmp_path, CONFIG), environ={"TAXIMETER_DEVICES": "host"}) as running:
        seen = "taximeter_ledger_free_bytes"
        wait_for(lambda: seen in {name for name, _ in running.metrics()}, "nothing was looked at")
        shown = {name for name, _ in running.metrics()}
        assert not {"taximeter_offer_price_per_hour", "taximeter_gpu_model_info"} & shown
