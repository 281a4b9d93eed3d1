"""A meter in a loop on a GPU: there is none here, so a fake one takes its time behind the loop's back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import taximeter
from fakes.gpu import Gpu
from fakes.ticks import Ticks
from taximeter import torch_device
from trainer.test_meter import key, scrape


@pytest.fixture
def gpu(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    gpu = Gpu(ticks)
    monkeypatch.setattr(torch_device, "cuda_in_use", lambda: True)
    monkeypatch.setattr(torch_device, "current_cuda_device", lambda: 1)
    monkeypatch.setattr(torch_device, "timing_event", gpu.event)
    monkeypatch.setattr(torch_device, "cuda_peak_memory", lambda device: device * 2**30)
    return gpu


@pytest.fixture
def meter(gpu: Gpu, ticks: Ticks) -> Iterator[taximeter.Meter]:
    meter = taximeter.Meter(run="r", price=3600, listen="127.0.0.1:0", clock=ticks)
    yield meter
    meter.close(last_scrape_seconds=0)


def test_phases_steps_and_memory_are_the_gpus(meter: taximeter.Meter, gpu: Gpu, ticks: Ticks) -> None:
    ticks.advance(2)
    for _ in range(2):
        for _ in meter.steps([[1, 2]] * 5):
            gpu.work(0.5)
            with meter.phase("optimizer"):
                gpu.work(0.125)
        with meter.phase("evaluation"):
            gpu.work(1)
    shown = scrape(meter)
    assert (shown[key("steps_total")], shown[key("samples_total")]) == (10, 20)  # at once, though none is done yet
    assert (shown[key("step_seconds_count")], gpu.waits) == (0, 0)
    assert shown[key("peak_memory_bytes")] == 2**30
    bill = meter.end()
    seconds = {part.phase: round(part.seconds, 6) for part in bill.phases if part.seconds}
    assert seconds == {"startup": 2, "forward_backward": 5, "optimizer": 1.25, "evaluation": 2}
    assert (bill.seconds, bill.cost["USD"]) == (10.25, Decimal("10.25"))
    shown = scrape(meter)
    assert (shown[key("step_seconds_count")], shown[key("step_seconds_sum")]) == (10, 6.25)
    assert bill.peak_memory == 2**30


def test_what_a_loop_marks_is_the_gpus_too(meter: taximeter.Meter, gpu: Gpu, ticks: Ticks) -> None:
    ticks.advance(2)
    mark, now = meter.marking()
    for _ in meter.steps([[1, 2]] * 5, first="transfer"):
        gpu.work(0.25)
        mark((now(), "forward_backward"))
        gpu.work(0.5)
        mark((now(), "optimizer"))
        gpu.work(0.125)
    bill = meter.end()
    seconds = {part.phase: round(part.seconds, 6) for part in bill.phases if part.seconds}
    assert seconds == {"startup": 2, "transfer": 1.25, "forward_backward": 2.5, "optimizer": 0.625}


def test_a_gpu_that_is_used_only_later_is_followed_from_then_on(
    meter: taximeter.Meter, gpu: Gpu, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_device, "cuda_in_use", lambda: False)
    with meter.phase("evaluation"):
        monkeypatch.setattr(torch_device, "cuda_in_use", lambda: True)
        for _ in meter.steps([[1]]):  # within a phase of the program's clock, which has to be left first
            ticks.advance(1)
    assert gpu.made == 0
    for _ in meter.steps([[1]]):
        gpu.work(4)
    assert gpu.made > 0
    bill = meter.end()
    assert {part.phase: part.seconds for part in bill.phases if part.seconds} == {"forward_backward": 5}


def test_torch_on_a_cpu_is_no_gpu() -> None:
    import torch

    assert torch.zeros(1).is_cpu
    assert torch_device.cuda_in_use() is False
