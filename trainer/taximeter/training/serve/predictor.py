"""From an image file to what the model takes it for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from taximeter.training.augment.normalisation import Normalisation
from taximeter.training.augment.one_by_one import Sizes, for_validation
from taximeter.training.checkpoint.model import TrainedModel
from taximeter.training.data.decode import decode_bytes

MOST_PIXELS = 64_000_000
"""Of an image. To decode one takes up to fourteen bytes of memory for each, however small the file is."""

TOP = 5
"""So many classes are named, if there are as many."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One class, and how probable the model holds it."""

    label: str
    probability: float
    """0 to 1, by softmax."""


class Predictor:
    """Safe to be used by one thread at a time for `predict`, and by any number for `prepare`."""

    def __init__(self, model: TrainedModel) -> None:
        self._model = model
        data = model.data
        self._transform = for_validation(Sizes(crop=data.image_size, resize=data.resize))
        normalisation = Normalisation(mean=data.mean, deviation=data.deviation, source=data.normalisation)
        self._normalise = normalisation.on(model.device)

    def prepare(self, packed: bytes) -> Tensor:
        """The pixels of an image file, C×size×size uint8, as in validation. Raises `UnreadableImage`."""
        return self._transform(decode_bytes(packed, self._model.data.channels, most_pixels=MOST_PIXELS))

    @torch.inference_mode()
    def predict(self, images: Sequence[Tensor]) -> list[tuple[Guess, ...]]:
        """For each of N prepared images its most probable classes, the most probable first."""
        batch = torch.stack(tuple(images)).to(self._model.device)
        pixels = self._normalise(batch).contiguous(memory_format=torch.channels_last)
        with self._model.precision.autocast():
            logits: Tensor = self._model.module(pixels)
        classes = self._model.data.classes
        best = logits.float().softmax(1).topk(min(TOP, len(classes)))
        return [
            tuple(Guess(classes[place], probability) for place, probability in zip(places, probabilities, strict=True))
            for places, probabilities in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
