"""The images that a trained model is judged on, as its training saw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import torch

from taximeter.training.augment.normalisation import Normalisation
from taximeter.training.config.error import ConfigError
from taximeter.training.config.schema import SECTION_OF, DataConfig, TrainConfig
from taximeter.training.config.values import forms
from taximeter.training.data.batches import Batches
from taximeter.training.data.description import DataDescription
from taximeter.training.data.folder import open_folder
from taximeter.training.data.load import prepare, validation_batches, validation_of
from taximeter.training.data.source import ImageFiles, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedOn:
    """A split to judge a model on."""

    dataset: str
    """A name, or a folder."""
    batches: Batches
    notes: tuple[str, ...]
    """What a person should know of it, a line each."""


def own_split(
    settings: Mapping[str, Any],
    described: DataDescription,
    *,
    device: torch.device,
    stream: TextIO,
) -> JudgedOn:
    """The validation split of the model's own data set; `settings` are those of its checkpoint.

    Raises `ConfigError` if it is not there, or its classes are others now.
    """
    config = _config(settings)
    prepare(config)
    classes, validation = validation_of(config)
    if classes != described.classes:
        raise ConfigError("data_dir", _other_classes(config.data.dataset, classes, described.classes))
    notes: tuple[str, ...] = ()
    if len(validation) != described.validation_images:
        was = f"{described.validation_images:,} images for validation when the model was trained"
        notes = (f"{config.data.dataset} has changed: it had {was}, and has {len(validation):,} now",)
    return JudgedOn(
        dataset=config.data.dataset, batches=_batches(config, validation, described, device, stream), notes=notes
    )


def other_folder(
    folder: Path,
    settings: Mapping[str, Any],
    described: DataDescription,
    *,
    device: torch.device,
    stream: TextIO,
) -> JudgedOn:
    """All images of CLASS/* below the folder, or where it has train and val, those of val.

    The classes are found by their names. Raises `ConfigError` if they are not those of the model.
    """
    config = _config(settings).changed(dataset="folder", data_dir=folder, resident="no")
    raw = open_folder(DataConfig(dataset="folder", data_dir=folder), 0)
    if set(raw.classes) != set(described.classes):
        raise ConfigError("data_dir", _other_classes(str(folder), raw.classes, described.classes))
    source = raw.training if raw.validation is None else raw.validation
    assert isinstance(source, ImageFiles)  # noqa: S101 (a folder's)
    numbers = torch.tensor([described.classes.index(name) for name in raw.classes])
    source = replace(source, labels=numbers[source.labels], channels=described.channels)
    return JudgedOn(dataset=str(folder), batches=_batches(config, source, described, device, stream), notes=raw.notes)


def _batches(
    config: TrainConfig, source: Source, described: DataDescription, device: torch.device, stream: TextIO
) -> Batches:
    normalisation = Normalisation(mean=described.mean, deviation=described.deviation, source=described.normalisation)
    return validation_batches(config, source, normalisation, device=device, stream=stream)


def _config(settings: Mapping[str, Any]) -> TrainConfig:
    """From a checkpoint's settings; one that this version does not know has nothing to say."""
    known = {name: value for name, value in settings.items() if name in SECTION_OF}
    values = {name: forms()[name].read(value) if isinstance(value, str) else value for name, value in known.items()}
    return TrainConfig.of(**values)


def _other_classes(where: str, there: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    differences = (
        ("it lacks", sorted(set(wanted) - set(there))),
        ("the model does not know", sorted(set(there) - set(wanted))),
    )
    parts = [f"{what} {', '.join(names[:5])}{' …' if len(names) > 5 else ''}" for what, names in differences if names]
    return f"{where} has other classes than the model: {'; '.join(parts) or 'in another order'}"
