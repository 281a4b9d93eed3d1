"""A training of a few images, put together by hand from the engine's parts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from taximeter import Meter
from taximeter.training.callbacks.base import Callback
from taximeter.training.checkpoint.random_state import RandomState
from taximeter.training.config.schema import OptimConfig
from taximeter.training.data.batches import Batch, Place
from taximeter.training.engine.distributed import Ranks
from taximeter.training.engine.loop import train
from taximeter.training.engine.oom import MicroBatches
from taximeter.training.engine.parts import Parts
from taximeter.training.engine.precision import Precision, PrecisionName
from taximeter.training.engine.state import TrainState
from taximeter.training.engine.step import TrainStep
from taximeter.training.optim.decay import parameter_groups
from taximeter.training.optim.ema import Ema
from taximeter.training.optim.optimizers import build_optimizer
from taximeter.training.optim.schedules import build_schedule
from torch import Tensor, nn

CPU = torch.device("cpu")
CLASSES = 4


def some_images(count: int = 48, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images of 1×8×8 whose brightness tells their class, in noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    images = torch.randn(count, 1, 8, 8, generator=generator) * 0.3 + labels[:, None, None, None]
    return images, labels


class InMemory:
    """Batches as the data room makes them, from two tensors."""

    def __init__(self, images: Tensor, labels: Tensor, batch_size: int, *, shuffled: bool) -> None:
        self._images, self._labels, self._batch_size, self._shuffled = images, labels, batch_size, shuffled
        self._place = Place(epoch=0, position=0, batches=len(self))
        self.bytes_read = 0

    def __len__(self) -> int:
        whole, rest = divmod(len(self._labels), self._batch_size)
        return whole + (bool(rest) and not self._shuffled)

    def __iter__(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(self._place["epoch"])
        count = len(self._labels)
        order = torch.randperm(count, generator=generator) if self._shuffled else torch.arange(count)
        while self._place["position"] < len(self):
            start = self._place["position"] * self._batch_size
            chosen = order[start : start + self._batch_size]
            self._place["position"] += 1
            self.bytes_read += 64 * len(chosen)
            yield self._images[chosen], self._labels[chosen]
        self._place = Place(epoch=self._place["epoch"] + 1, position=0, batches=len(self))

    def to_device(self, images: Tensor, labels: Tensor) -> Batch:
        return images, labels

    def state_dict(self) -> Place:
        return self._place.copy()

    def load_state_dict(self, place: Place) -> None:
        self._place = place.copy()


class Net(nn.Module):
    """A convolution, optionally batch normalisation and dropout, and a linear layer."""

    def __init__(self, *, norm: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4) if norm else nn.Identity())
        self.middle = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Dropout(dropout))
        self.fc = nn.Linear(4, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.middle(self.stem(images)).mean((2, 3)))
        return logits


class Tiny:
    """Parts, state and loop of a training; `run` carries it out."""

    def __init__(
        self,
        meter: Meter,
        *,
        model: nn.Module | None = None,
        forward: Callable[[Tensor], Tensor] | None = None,
        seed: int = 0,
        images: int = 48,
        batch_size: int = 16,
        micro_batch: int = 16,
        epochs: int = 2,
        optim: OptimConfig | None = None,
        precision: PrecisionName = "fp32",
        ranks: Ranks | None = None,
    ) -> None:
        optim = optim or OptimConfig(optimizer="sgd", learning_rate=0.1)
        torch.manual_seed(seed)
        model = model or Net()
        data = InMemory(*some_images(images), batch_size, shuffled=True)
        optimizer = build_optimizer(
            optim, parameter_groups(model, learning_rate=optim.learning_rate, weight_decay=optim.weight_decay)
        )
        ranks = ranks or Ranks(CPU)
        self.ooms = 0
        self.meter = meter
        self.parts = Parts(
            model=model,
            forward=model if forward is None else forward,
            optimizer=optimizer,
            schedule=build_schedule(optim, optimizer, epochs=epochs, steps_per_epoch=len(data)),
            precision=Precision(precision, CPU),
            micro_batches=MicroBatches(model, micro_batch, ranks, self._count_oom),
            ema=None if optim.ema_decay is None else Ema(model, optim.ema_decay),
            batches=data,
            batch_size=batch_size,
            validation=InMemory(*some_images(20, seed=1), 8, shuffled=False),
            ranks=ranks,
        )
        self.state = TrainState(epochs=epochs, steps_per_epoch=len(data))
        self.step = TrainStep(self.parts, label_smoothing=optim.label_smoothing, clip_norm=optim.clip_norm)

    def _count_oom(self) -> None:
        self.ooms += 1

    def run(self, *callbacks: Callback, stop_after: int | None = None) -> TrainState:
        """Train; asked to stop after so many steps."""
        return train(
            self.parts,
            self.step,
            state=self.state,
            meter=self.meter,
            callbacks=callbacks,
            should_stop=lambda: self.state.step == stop_after,
        )

    def do_step(self, images: Tensor, labels: Tensor) -> None:
        """A single step, outside of the loop."""
        self.step.forward_backward(images, labels, self.state)
        self.step.optimize(self.state)

    def weights(self) -> dict[str, Tensor]:
        """All weights and buffers, and of the average too."""
        averaged = {} if self.parts.ema is None else self.parts.ema.model.state_dict()
        return {
            **{name: value.clone() for name, value in self.parts.model.state_dict().items()},
            **{f"ema.{name}": value.clone() for name, value in averaged.items()},
        }

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        parts = {**self.parts.stateful(), "state": self.state, "random": RandomState()}
        return {name: copy.deepcopy(part.state_dict()) for name, part in parts.items()}

    def resume(self, saved: dict[str, Any]) -> None:
        """Go on from it."""
        for name, part in {**self.parts.stateful(), "state": self.state, "random": RandomState()}.items():
            part.load_state_dict(saved[name])


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Recorder(Callback):
    """Writes down what happens."""

    def __init__(self) -> None:
        self.happened: list[tuple[str, int, int]] = []

    def _note(self, event: str, state: TrainState) -> None:
        self.happened.append((event, state.epoch, state.step))

    def train_begin(self, state: TrainState) -> None:
        self._note("train_begin", state)

    def epoch_begin(self, state: TrainState) -> None:
        self._note("epoch_begin", state)

    def step_end(self, state: TrainState) -> None:
        self._note("step_end", state)

    def epoch_end(self, state: TrainState) -> None:
        self._note("epoch_end", state)

    def train_stop(self, state: TrainState) -> None:
        self._note("train_stop", state)

    def train_end(self, state: TrainState) -> None:
        self._note("train_end", state)

    @property
    def events(self) -> Sequence[str]:
        return [event for event, _, _ in self.happened]
