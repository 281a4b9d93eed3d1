"""The ResNet-18 step on a GPU: 32×32, bf16, channels last, compiled; images a second, and share of the GPU's peak.

Run with `tests` on PYTHONPATH: `python -m bench.gpu_step [--format json]`. Without a GPU it is skipped, and says so.

The whole of `taximeter train` runs, with its meter: images in the GPU's memory, cropped and mirrored there. Counted is
from the end of the second epoch's tenth step to its last one, after which the GPU is waited for. The peak is the data
sheet's for dense bf16; operations are counted by torch, a multiplication and an addition being two.
"""

from __future__ import annotations

import io
import time
from typing import Any

import taximeter
import torch
from bench.show import lines, show
from taximeter.flops import flops_of
from taximeter.training.assemble import Training
from taximeter.training.callbacks.base import Callback
from taximeter.training.config import TrainConfig
from taximeter.training.engine.peaks import peak_per_second
from taximeter.training.engine.state import TrainState
from taximeter.training.run import run

BATCH = 1024
STEPS = 100
WARM_STEPS = 10


class _Watch(Callback):
    """Takes the time of the last epoch."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def step_end(self, state: TrainState) -> None:
        if state.epoch == state.epochs and state.steps_in_epoch in (WARM_STEPS, state.steps_per_epoch):
            torch.cuda.synchronize()
            now = time.perf_counter()
            self.seconds, self._began = now - self._began, now


def measure() -> dict[str, Any]:
    """Train two epochs; the first one compiles."""
    if not torch.cuda.is_available():
        return {"skipped": "there is no GPU here that torch can use"}
    device = torch.device("cuda")
    watch = _Watch()
    operations: list[float] = []

    def around(training: Training) -> list[Callback]:
        operations.append(flops_of(training.parts.model, torch.zeros(2, 3, 32, 32, device=device)) / 2)
        return [watch]

    config = TrainConfig.of(
        dataset="synthetic",
        synthetic_images=round(STEPS * BATCH / 0.8),
        image_size=32,
        flip=0.5,
        crop=4,
        resident="yes",
        model="resnet18",
        precision="bf16",
        compile=True,
        optimizer="sgd",
        batch_size=BATCH,
        epochs=2,
        device="cuda",
    )
    with taximeter.Meter("bench", price=1, listen="127.0.0.1:0") as meter:
        run(config, meter, stream=io.StringIO(), should_stop=lambda: False, around=around)
        phases = {part.phase: part.seconds for part in meter.end().phases}
        meter.close(last_scrape_seconds=0)
    images_per_second = (STEPS - WARM_STEPS) * BATCH / watch.seconds
    peak = peak_per_second(device, "bf16")
    return {
        "device": torch.cuda.get_device_name(device),
        "images_per_second": images_per_second,
        "step_ms": 1e3 * BATCH / images_per_second,
        "flops_per_second": images_per_second * operations[0],
        "share_of_peak": None if peak is None else images_per_second * operations[0] / peak,
        "compile_seconds": phases["compile"],
        "batch_size": BATCH,
    }


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    if "skipped" in figures:
        return f"skipped: {figures['skipped']}\n"
    share = figures["share_of_peak"]
    return lines(
        [
            ("GPU", figures["device"]),
            ("images a second", f"{figures['images_per_second']:,.0f}"),
            ("a step", f"{figures['step_ms']:.2f} ms of {figures['batch_size']} images"),
            ("operations", f"{figures['flops_per_second'] / 1e12:.1f} TFLOP/s"),
            ("share of the peak", "its peak is not known" if share is None else f"{share:.1%}"),
            ("compiling", f"{figures['compile_seconds']:.1f} s, billed as such"),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda _figures: True))
