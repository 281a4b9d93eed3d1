"""The training loops that are compared: ours, torchvision's references' and timm's, over the same folder of images.

All three train torchvision's own network with the same optimiser on the same crops. Torchvision's references are not a
package: what `references/classification/train.py` does by its documentation is written here anew, in as many words as
it takes, with the transforms and the loader it puts together by default. Of timm its own factories make the loader,
the optimiser and the schedule, and the loop is that of its `train.py`.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import taximeter
import torch
import torchvision
from PIL import Image
from taximeter.training.assemble import Training, assemble
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.progress import Progress
from taximeter.training.config import TrainConfig
from taximeter.training.engine.distributed import Ranks
from taximeter.training.engine.loop import train
from taximeter.training.engine.state import TrainState
from timm.data import create_dataset, create_loader
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, RandomSampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

CLASSES = 4
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RATE, MOMENTUM, DECAY = 0.05, 0.9, 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What each of them has to do."""

    folder: Path
    model: str
    size: int
    """Side of the crops in pixels."""
    batch_size: int
    workers: int
    resident: Literal["auto", "no"]
    """Whether ours may keep the images in the device's memory."""
    epochs: int
    device: torch.device


Epoch = Callable[[], float]
"""Trains for an epoch and returns images a second, from the end of the second step to the end of the last one."""


def make_folder(folder: Path, *, images: int, width: int, height: int) -> None:
    """Made-up photographs: JPEGs of smooth noise, in a class each; a quarter as many to validate."""
    generator = np.random.default_rng(0)
    for split, count in (("train", images), ("val", images // 4)):
        for number in range(count):
            path = folder / split / f"class{number % CLASSES}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            small = generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
            Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(path, quality=90)


class _Clock:
    """Images a second since the second step.

    On a GPU by the wall's clock. On the CPU by the processor's time of this process, in which then everything happens,
    the reading of images too: what else runs on the machine meanwhile would decide the wall's.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._steps = 0
        self._began = self._ended = 0.0
        self._images = 0

    def step(self, images: int) -> None:
        """A step has ended."""
        self._steps += 1
        self._ended = self._now()
        if self._steps <= 2:
            self._began = self._ended
        else:
            self._images += images

    @property
    def images_a_second(self) -> float:
        """To be asked right after the last step; waits for the device."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            self._ended = self._now()
        return self._images / (self._ended - self._began)

    def _now(self) -> float:
        return time.process_time() if self._device.type == "cpu" else time.perf_counter()


class _Timing(Callback):
    def __init__(self, work: Work) -> None:
        self._clock = _Clock(work.device)
        self._images = work.batch_size
        self.images_a_second = 0.0

    def step_end(self, state: TrainState) -> None:
        self._clock.step(self._images)
        if state.steps_in_epoch == state.steps_per_epoch:
            self.images_a_second = self._clock.images_a_second


def ours(work: Work, meter: taximeter.Meter) -> Epoch:
    """`taximeter train`, with its meter and its progress lines."""
    config = TrainConfig.of(
        dataset="folder",
        data_dir=work.folder,
        image_size=work.size,
        resident=work.resident,
        workers=work.workers,
        model=work.model,
        optimizer="sgd",
        learning_rate=RATE,
        momentum=MOMENTUM,
        weight_decay=DECAY,
        batch_size=work.batch_size,
        epochs=work.epochs,
        device=work.device.type,
    )
    training: Training = assemble(config, meter, Ranks(work.device), stream=io.StringIO())
    progress = Progress(meter, io.StringIO())

    def epoch() -> float:
        timing = _Timing(work)
        training.state.epochs = training.state.epochs_done + 1
        train(
            training.parts,
            training.step,
            state=training.state,
            meter=meter,
            callbacks=[*training.callbacks, progress, timing],
            should_stop=lambda: False,
        )
        return timing.images_a_second

    return epoch


class _Smoothed:
    """A value of the references' log: its last 20 and its mean over the epoch."""

    def __init__(self) -> None:
        self._last: list[float] = []
        self._total, self._count = 0.0, 0

    def update(self, value: float, count: int = 1) -> None:
        self._last = [*self._last[-19:], value]
        self._total += value * count
        self._count += count

    def __str__(self) -> str:
        return f"{float(np.median(self._last)):.4f} ({self._total / self._count:.4f})"


def torchvisions(work: Work) -> Epoch:
    """What torchvision's reference script does by default, without its arguments for more than that."""
    preset = transforms.Compose(
        [
            transforms.RandomResizedCrop(work.size, antialias=True),
            transforms.RandomHorizontalFlip(0.5),
            transforms.PILToTensor(),
            transforms.ConvertImageDtype(torch.float),
            transforms.Normalize(mean=MEAN, std=DEVIATION),
        ]
    )
    data = ImageFolder(str(work.folder / "train"), preset)
    loader = DataLoader(
        data,
        batch_size=work.batch_size,
        sampler=RandomSampler(data),
        num_workers=work.workers,
        pin_memory=work.device.type == "cuda",
    )
    model = torchvision.models.get_model(work.model, num_classes=CLASSES).to(work.device)
    optimizer = SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    schedule = StepLR(optimizer, step_size=30, gamma=0.1)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> float:
        clock = _Clock(work.device)
        model.train()
        log = {name: _Smoothed() for name in ("loss", "lr", "acc1", "acc5", "img/s")}
        for number, (images, labels) in enumerate(loader):
            began = time.time()
            images, labels = images.to(work.device), labels.to(work.device)  # noqa: PLW2901
            output = model(images)
            loss = criterion(output, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            first, fifth = _accuracies(output, labels, (1, min(5, CLASSES)))
            log["loss"].update(loss.item())
            log["lr"].update(optimizer.param_groups[0]["lr"])
            log["acc1"].update(first.item(), len(images))
            log["acc5"].update(fifth.item(), len(images))
            log["img/s"].update(len(images) / (time.time() - began))
            if number % 10 == 0:
                io.StringIO().write("  ".join(f"{name}: {value}" for name, value in log.items()))
            clock.step(len(images))
        schedule.step()
        return clock.images_a_second

    return epoch


def timms(work: Work) -> Epoch:
    """timm's own loader, optimiser and schedule, and what the loop of its train.py does with them."""
    loader = create_loader(
        create_dataset("", root=str(work.folder), split="train", is_training=True),
        input_size=(3, work.size, work.size),
        batch_size=work.batch_size,
        is_training=True,
        use_prefetcher=True,
        no_aug=False,
        color_jitter=None,
        auto_augment=None,
        interpolation="bilinear",
        mean=MEAN,
        std=DEVIATION,
        num_workers=work.workers,
        pin_memory=work.device.type == "cuda",
        device=work.device,
    )
    model = torchvision.models.get_model(work.model, num_classes=CLASSES).to(work.device)
    optimizer = create_optimizer_v2(model, opt="sgd", lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    schedule, _ = create_scheduler_v2(
        optimizer, sched="cosine", num_epochs=work.epochs, updates_per_epoch=len(loader), step_on_epochs=False
    )
    criterion = nn.CrossEntropyLoss().to(work.device)
    updates = 0

    def epoch() -> float:
        nonlocal updates
        clock = _Clock(work.device)
        model.train()
        losses, times = AverageMeter(), AverageMeter()
        began = time.time()
        for number, (images, labels) in enumerate(loader):
            output = model(images)
            loss = criterion(output, labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            updates += 1
            times.update(time.time() - began)
            if number % 50 == 0:
                losses.update(loss.item(), len(images))
                io.StringIO().write(f"{losses.avg} {times.avg} {optimizer.param_groups[0]['lr']}")
            schedule.step_update(num_updates=updates, metric=losses.avg)
            began = time.time()
            clock.step(len(images))
        return clock.images_a_second

    return epoch


@torch.inference_mode()
def _accuracies(output: Tensor, labels: Tensor, places: Sequence[int]) -> Iterator[Tensor]:
    """Share of images in per cent whose class is among the first so many."""
    _, guesses = output.topk(max(places), 1)
    right = guesses.t() == labels[None]
    return (right[:place].flatten().sum(dtype=torch.float32) * (100 / len(labels)) for place in places)


def interleaved(epochs: dict[str, Epoch], rounds: int) -> dict[str, list[float]]:
    """Images a second of each in each round, one after the other, so that what the machine does meets all alike."""
    found: dict[str, list[float]] = {name: [] for name in epochs}
    for number in range(rounds + 1):
        for name, epoch in _rotated(epochs.items(), number):
            speed = epoch()
            if number:  # the first round loads and warms what each needs
                found[name].append(speed)
    return found


def _rotated(pairs: Iterable[tuple[str, Epoch]], by: int) -> Iterable[tuple[str, Any]]:
    """Another one first in each round."""
    items = list(pairs)
    by %= len(items)
    return items[by:] + items[:by]
