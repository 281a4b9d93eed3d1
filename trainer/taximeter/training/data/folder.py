"""Folders of images as ImageNet has them: a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from taximeter.training.config.error import ConfigError
from taximeter.training.config.files import images_root
from taximeter.training.config.schema import DataConfig
from taximeter.training.config.values import did_you_mean
from taximeter.training.data.decode import SUFFIXES
from taximeter.training.data.raw import RawData
from taximeter.training.data.source import ImageFiles

TRAINING = "train"
VALIDATION = ("val", "validation", "valid")

_CHANNELS = 3
_EXPECTED = "wanted are train/CLASS/*.jpg and val/CLASS/*.jpg, or CLASS/*.jpg to be split"


@dataclass(slots=True)
class _Found:
    paths: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Files that are no images by their names."""


def open_folder(config: DataConfig, _seed: int) -> RawData:
    """The images below `config.data_dir`; classes are numbered by the order of their names.

    Looks at names only. Raises `ConfigError`, which names the folder at fault.
    """
    root = images_root(config)
    training_root, validation_root = _parts(root)
    classes = _subfolders(training_root)
    if len(classes) < 2:
        few = f"{training_root} has {len(classes)} folders of classes, not 2 or more"
        raise ConfigError("data_dir", f"{few}: {_EXPECTED}")
    training = _find(root, training_root, classes)
    for number, name in enumerate(classes):
        if number not in set(training.labels):
            raise ConfigError("data_dir", f"{training_root / name} has no images: put some in, or remove it")
    notes = _left_out(training)
    validation = None
    if validation_root is not None:
        validation, missing = _validation(root, training_root, validation_root, classes)
        notes += _left_out(validation) + missing
    return RawData(
        classes=classes,
        channels=_CHANNELS,
        training=ImageFiles.of(root, training.paths, training.labels, _CHANNELS),
        validation=None if validation is None else ImageFiles.of(root, validation.paths, validation.labels, _CHANNELS),
        notes=notes,
    )


def _parts(root: Path) -> tuple[Path, Path | None]:
    validation = [root / name for name in VALIDATION if (root / name).is_dir()]
    if (root / TRAINING).is_dir():
        return root / TRAINING, validation[0] if validation else None
    if validation:
        raise ConfigError("data_dir", f"{root} has {validation[0].name}, but no {TRAINING}: {_EXPECTED}")
    return root, None


def _subfolders(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")))


def _validation(
    root: Path, training_root: Path, validation_root: Path, classes: tuple[str, ...]
) -> tuple[_Found, tuple[str, ...]]:
    for name in _subfolders(validation_root):
        if name not in classes:
            near = did_you_mean(name, classes)
            raise ConfigError("data_dir", f"{validation_root / name}: {training_root} has no such class{near}")
    found = _find(root, validation_root, classes)
    if not found.paths:
        raise ConfigError("data_dir", f"{validation_root} has no images: {_EXPECTED}")
    judged = set(found.labels)
    missing = [name for number, name in enumerate(classes) if number not in judged]
    if not missing:
        return found, ()
    said = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    return found, (f"{validation_root} has no images of {said}: how good the model is at that stays unknown",)


def _find(root: Path, part: Path, classes: tuple[str, ...]) -> _Found:
    found = _Found()
    for number, name in enumerate(classes):
        for path in _files(part / name):
            relative = os.path.relpath(path, root)
            if os.path.splitext(path)[1].lower() in SUFFIXES:  # noqa: PTH122 (a million paths)
                found.paths.append(relative)
                found.labels.append(number)
            else:
                found.others.append(relative)
    return found


def _files(folder: Path) -> Iterator[str]:
    """All files below, those that are hidden left out, in an order that every machine gives."""
    if not folder.is_dir():
        return
    for path, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(path, name) for name in sorted(names) if not name.startswith("."))  # noqa: PTH118


def _left_out(found: _Found) -> tuple[str, ...]:
    if not found.others:
        return ()
    count = len(found.others)
    said = "file that is no image by its name is" if count == 1 else "files that are no images by their names are"
    return (f"{count} {said} left out, the first: {found.others[0]}",)
