"""Our training beside torchvision's reference loop and timm's: images a second, same folder, same model, in turns.

Run with `tests` on PYTHONPATH: `python -m bench.against_torchvision [--format json]`; needs timm (`pip install --group
bench`). Exit status 1 if one of the ratios is below its limit: the median over the rounds of our images a second,
divided by theirs. A limit of "not slower" leaves 3% for what one round differs from the next by.

On the CPU: crops of 72×72, all in one thread of one process, whose processor time is what counts. On a GPU, where there
is one: 32×32, at which ours keeps the images in the GPU's memory, and 224×224. The model is ResNet-18 each time. The
images are made up; what is compared is the loops around the same work.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import taximeter
import torch
from bench.show import lines, show
from bench.training_loops import Work, interleaved, make_folder, ours, timms, torchvisions

ROUNDS = 5
NOT_SLOWER = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One comparison."""

    name: str
    limit: float
    device: torch.device
    size: int
    images: int
    pixels: tuple[int, int]
    """Width and height of the files."""
    batch_size: int
    workers: int
    resident: Literal["auto", "no"]


def cases() -> list[Case]:
    """What this machine can compare."""
    cpu = Case(
        name="CPU, 72×72",
        limit=NOT_SLOWER,
        device=torch.device("cpu"),
        size=72,
        images=176,
        pixels=(160, 120),
        batch_size=16,
        workers=0,
        resident="no",
    )
    if not torch.cuda.is_available():
        return [cpu]
    gpu = replace(cpu, device=torch.device("cuda"), workers=min(8, os.cpu_count() or 1))
    return [
        cpu,
        replace(
            gpu, name="GPU, 32×32", limit=1.3, size=32, images=8192, pixels=(40, 40), batch_size=256, resident="auto"
        ),
        replace(gpu, name="GPU, 224×224", limit=NOT_SLOWER, size=224, images=2048, pixels=(320, 240), batch_size=128),
    ]


def measure() -> dict[str, Any]:
    """All cases, one after the other."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = {case.name: compare(case) for case in cases()}
    return {"cases": found, "gpu": torch.cuda.is_available(), "holds": all(case["holds"] for case in found.values())}


def compare(case: Case) -> dict[str, Any]:
    """Run all three in turns."""
    with (
        tempfile.TemporaryDirectory(prefix="taximeter-bench-") as folder,
        taximeter.Meter("bench", price=1, listen="127.0.0.1:0") as meter,
    ):
        make_folder(Path(folder), images=case.images, width=case.pixels[0], height=case.pixels[1])
        work = Work(
            folder=Path(folder),
            model="resnet18",
            size=case.size,
            batch_size=case.batch_size,
            workers=case.workers,
            resident=case.resident,
            epochs=ROUNDS + 1,
            device=case.device,
        )
        epochs = {"taximeter": ours(work, meter), "torchvision": torchvisions(work), "timm": timms(work)}
        found = interleaved(epochs, ROUNDS)
        meter.end()
        meter.close(last_scrape_seconds=0)
    ratios = {
        name: statistics.median(mine / theirs for mine, theirs in zip(found["taximeter"], speeds, strict=True))
        for name, speeds in found.items()
        if name != "taximeter"
    }
    return {
        "images_per_second": {name: statistics.median(speeds) for name, speeds in found.items()},
        "rounds": found,
        "ratio": ratios,
        "limit": case.limit,
        "holds": all(ratio >= case.limit for ratio in ratios.values()),
    }


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    text = ""
    for name, case in figures["cases"].items():
        rows = [(other, f"{speed:,.1f} images a second") for other, speed in case["images_per_second"].items()]
        rows += [(f"than {other}", f"{ratio:.3f} times as fast") for other, ratio in case["ratio"].items()]
        rows += [("limit", f"{case['limit']:g} of either"), ("measured over", f"{ROUNDS} rounds of each, in turns")]
        text += f"{name}\n{lines(rows)}\n"
    return text if figures["gpu"] else f"{text}on a GPU: skipped, there is none here that torch can use\n"


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: bool(figures["holds"])))
