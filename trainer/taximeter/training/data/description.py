"""What data a run was trained on: all that it takes to tell it from other data, and to feed the model later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDescription:
    """A data set as a model sees it; `data.json` of a run's folder."""

    dataset: str
    synthetic: bool
    """Whether the images are noise, made up for benchmarks."""
    classes: tuple[str, ...]
    """Their names, by class number."""
    channels: int
    image_size: int
    """Side of the square, in pixels."""
    resize: int
    """Shorter side in pixels to which an image is resized before the square in its middle is cut out."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """By channel, of pixels from 0 to 1: the model takes (pixel - mean) / deviation."""
    normalisation: str
    """Where they come from."""
    training_images: int
    validation_images: int
    class_counts: tuple[int, ...]
    """Training images by class number."""
    fingerprint: str
    """`sha256:…` of what `fingerprint_of` says: the same for the same data, before it is split."""
    fingerprint_of: str
    """labels and pixels; paths, sizes and contents; or paths and sizes."""

    def to_json(self) -> dict[str, Any]:
        """For `json.dump`."""
        return asdict(self)

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises `TypeError` for a field too many or too few."""
        sequences = ("classes", "mean", "deviation", "class_counts")
        fields: dict[str, Any] = {key: tuple(value) if key in sequences else value for key, value in described.items()}
        return cls(**fields)
