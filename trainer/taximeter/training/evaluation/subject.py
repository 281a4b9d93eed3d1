"""What is judged, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from taximeter.training.config.schema import TrainConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model with its weights of one moment, and images."""

    run: str
    model: str
    epoch: int
    """After which the weights were as they were judged; from 1."""
    dataset: str
    """A name, or the folder of the images."""
    synthetic: bool
    """Whether the images are noise, made up for benchmarks."""
    classes: tuple[str, ...]
    """Their names, by class number."""

    @classmethod
    def of_run(cls, run: str, config: TrainConfig, classes: tuple[str, ...], *, epoch: int) -> Self:
        """A run, on its own validation split."""
        dataset = config.data.dataset
        return cls(
            run=run,
            model=config.model.model,
            epoch=epoch,
            dataset=dataset,
            synthetic=dataset == "synthetic",
            classes=classes,
        )
