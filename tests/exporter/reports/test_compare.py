"""What work would cost elsewhere: exact, the same GPU first, and never compared with what is not stated."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.gpus import Gpu, find_gpu
from taximeter_exporter.pricing.price import Offer, Price, PricingModel, Rate
from taximeter_exporter.reports.compare import Work, compare
from taximeter_exporter.reports.past_run import UnknownGpuError, past_run


def gpu(name: str) -> Gpu:
    found = find_gpu(name)
    assert found is not None
    return found


def offer(name: str) -> Offer:
    return Offer(provider="acme", region="lab", instance_type=name, pricing_model=PricingModel.ON_DEMAND)


def price(name: str, model: str, gpus: int, per_hour: str, **more: object) -> Price:
    fields: dict[str, object] = {
        "offer": offer(name),
        "gpu_model": model,
        "gpus": gpus,
        "per_hour": Decimal(per_hour),
        "currency": "USD",
    }
    return Price(**(fields | more))  # type: ignore[arg-type]


def work(model: str, gpus: int = 1, hours: int = 1) -> Work:
    return Work(gpu=gpu(model), gpus=Fraction(gpus), hours=Fraction(hours))


def test_three_gpus_of_instances_of_eight() -> None:
    (found,) = compare(work("A100-40", gpus=3, hours=10), [price("box", "A100-40", 8, "16")])
    assert (found.cost, found.instances, found.whole_cost) == (Fraction(60), 1, Fraction(160))
    (found,) = compare(work("A100-40", gpus=9, hours=10), [price("box", "A100-40", 8, "16")])
    assert (found.cost, found.instances, found.whole_cost) == (Fraction(180), 2, Fraction(320))


def test_an_equivalent_takes_as_much_longer_as_it_is_slower() -> None:
    (found,) = compare(work("A100-40", gpus=2, hours=125), [price("box", "V100", 1, "1")])
    assert (found.same_gpu, found.ratio, found.hours) == (False, Fraction(125, 312), Fraction(312))
    assert found.cost == Fraction(624)


def test_the_same_gpu_comes_first_however_dear() -> None:
    prices = [price("v", "V100", 1, "0.01"), price("dear", "A100-80", 1, "9"), price("cheap", "A100-40", 1, "1")]
    names = [entry.price.offer.instance_type for entry in compare(work("A100"), prices)]
    assert names == ["cheap", "dear", "v"]
    assert [entry.same_gpu for entry in compare(work("A100-40"), prices)] == [True, False, False]


def test_currencies_stay_apart() -> None:
    prices = [price("a", "T4", 1, "3"), price("b", "T4", 1, "2", currency="EUR"), price("c", "T4", 1, "1")]
    assert [entry.price.offer.instance_type for entry in compare(work("T4"), prices)] == ["b", "c", "a"]


def test_what_is_no_price_of_a_known_gpu_with_its_machine_is_left_out() -> None:
    prices = [
        price("unknown", "RTX 4090", 1, "1"),
        price("nothing", "", 0, "1"),
        price("alone", "T4", 1, "1", gpu_only=True),
    ]
    assert compare(work("T4"), prices) == []


def usage(rate: Rate | None, hours: int, uuid: str = "GPU-0") -> Usage:
    return Usage(0, uuid, rate, "run", Category.COMPUTE, Share.ACTIVE, hours * NS_PER_HOUR)


def rate(devices: int, part: str = "1") -> Rate:
    return Rate(offer=offer("box"), price=Decimal(16), devices=devices, currency="USD", part=Fraction(part))


BOX = price("box", "A100-40", 8, "16")


def test_a_run_on_two_gpus_of_eight() -> None:
    past = past_run([usage(rate(8), 3), usage(rate(8), 3, "GPU-1")], [BOX], gpu=None)
    assert past.work == work("A100-40", gpus=2, hours=3)
    assert past.cost == {"USD": Fraction(12)}
    assert not past.simulated


def test_a_run_on_a_host_has_all_of_its_gpus() -> None:
    past = past_run([usage(rate(1), 3, "HOST-1")], [BOX], gpu=None)
    assert past.work == work("A100-40", gpus=8, hours=3)


def test_a_run_on_a_part_of_a_gpu() -> None:
    past = past_run([usage(rate(8, "1/7"), 7, "MIG-1")], [BOX], gpu=None)
    assert past.work == Work(gpu=gpu("A100-40"), gpus=Fraction(1, 7), hours=Fraction(7))
    (found,) = compare(past.work, [BOX])
    assert (found.cost, found.instances) == (Fraction(2), 1)


def test_a_run_with_time_without_a_price_still_has_all_of_its_time() -> None:
    past = past_run([usage(rate(8), 1), usage(None, 2)], [BOX], gpu=None)
    assert past.work == work("A100-40", hours=3)
    assert past.cost == {"USD": Fraction(2)}


def test_a_run_on_simulated_devices_says_so() -> None:
    assert past_run([usage(rate(8), 1, "SIM-0")], [BOX], gpu=None).simulated


@pytest.mark.parametrize("prices", [[], [price("box", "", 8, "16")], [price("box", "RTX 4090", 8, "16")]])
def test_a_gpu_that_no_price_names_must_be_said(prices: list[Price]) -> None:
    with pytest.raises(UnknownGpuError, match="say with --gpu which it was"):
        past_run([usage(rate(8), 1)], prices, gpu=None)
    assert past_run([usage(rate(8), 1)], prices, gpu=gpu("T4")).work.gpu.model == "T4"
