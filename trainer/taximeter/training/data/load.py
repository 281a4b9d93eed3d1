"""From the configuration to batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TextIO

import torch

from taximeter.training.augment import one_by_one
from taximeter.training.augment.mixing import Mixing
from taximeter.training.augment.normalisation import IMAGENET, Normalisation, measured
from taximeter.training.augment.on_device import BatchAugmentation
from taximeter.training.config.error import ConfigError
from taximeter.training.config.resolve import image_size, resolve
from taximeter.training.config.schema import DataConfig, TrainConfig
from taximeter.training.data import torchvision_sets
from taximeter.training.data.batches import Batches
from taximeter.training.data.description import DataDescription
from taximeter.training.data.digits import open_digits
from taximeter.training.data.fingerprint import fingerprint
from taximeter.training.data.fits import fits
from taximeter.training.data.folder import open_folder
from taximeter.training.data.loaders import Loader
from taximeter.training.data.raw import RawData
from taximeter.training.data.read_all import read_all
from taximeter.training.data.resident import ResidentTraining, ResidentValidation
from taximeter.training.data.share import Share
from taximeter.training.data.source import ImagesInMemory, Source
from taximeter.training.data.splits import split
from taximeter.training.data.synthetic import open_synthetic
from taximeter.training.data.torchvision_sets import open_known
from taximeter.training.data.workers import sensible_workers, start_server
from taximeter.training.models.memory_format import is_channels_last_faster

_OPEN: Mapping[str, Callable[[DataConfig, int], RawData]] = MappingProxyType(
    {
        "digits": open_digits,
        "cifar10": open_known,
        "cifar100": open_known,
        "fashion-mnist": open_known,
        "folder": open_folder,
        "synthetic": open_synthetic,
    }
)

_log = logging.getLogger("taximeter")


@dataclass(slots=True, kw_only=True)
class Data:
    """A data set, ready to be trained on."""

    config: TrainConfig
    """As it was settled: with sizes, augmentation, and whether the data lie in the device's memory."""
    training: Batches
    validation: Batches
    classes: tuple[str, ...]
    """Their names, by class number."""
    channels: int
    image_size: int
    """Side of the square that the model is given, in pixels."""
    normalisation: Normalisation
    class_counts: tuple[int, ...]
    """Training images by class number."""
    validation_images: int
    raw: RawData

    @property
    def training_images(self) -> int:
        """Of all ranks together."""
        return sum(self.class_counts)

    def describe(self, stream: TextIO) -> tuple[DataDescription, int]:
        """What `data.json` holds, and how many bytes were read from storage to say it; for rank 0 alone.

        To take the fingerprint of a folder, its files are read, with a progress bar on `stream`. Raises `ConfigError`
        if one cannot be read.
        """
        its = fingerprint(self.raw, self.config.data.fingerprint, stream)
        described = DataDescription(
            dataset=self.config.data.dataset,
            synthetic=self.config.data.dataset == "synthetic",
            classes=self.classes,
            channels=self.channels,
            image_size=self.image_size,
            resize=one_by_one.sizes(self.image_size, self.config.augment).resize,
            mean=self.normalisation.mean,
            deviation=self.normalisation.deviation,
            normalisation=self.normalisation.source,
            training_images=self.training_images,
            validation_images=self.validation_images,
            class_counts=self.class_counts,
            fingerprint=its.digest,
            fingerprint_of=its.of,
        )
        return described, its.bytes_read


def prepare(config: TrainConfig) -> None:
    """Download what is not there yet; of several processes only the first, and the others wait for it before `load`.

    Raises `ConfigError` if it cannot be had.
    """
    if config.data.download and config.data.dataset in torchvision_sets.NAMES:
        torchvision_sets.download(config.data)


def load(config: TrainConfig, *, device: torch.device, stream: TextIO, rank: int = 0, world: int = 1) -> Data:
    """The data as configured, for one of `world` processes; shows progress on `stream` where it takes a while.

    Nothing is downloaded. Raises `ConfigError` if the data are not there, or not as they must be.
    """
    config = resolve(config)
    raw = _OPEN[config.data.dataset](config.data, config.loop.seed)
    for note in raw.notes if rank == 0 else ():
        _log.warning("%s", note)
    training, validation = _parts(raw, config)
    resident = _is_resident(config, training, validation, device)
    config = config.changed(resident="yes" if resident else "no", channels_last=_channels_last(config, device))
    workers = sensible_workers(device) if config.data.workers is None else config.data.workers
    bytes_read = raw.bytes_read
    if workers and not (isinstance(training, ImagesInMemory) and resident):
        start_server()
    if resident:
        training, read_for_training = read_all(training, image_size(config), workers, stream)
        validation, read_for_validation = read_all(validation, image_size(config), workers, stream)
        bytes_read += read_for_training + read_for_validation
    normalisation = _normalisation(config, raw, training)
    share = _share(config, len(training), rank, world)
    mixing = Mixing(config.augment, len(raw.classes))
    batches = (
        _resident(config, training, validation, share, device, normalisation, mixing, bytes_read)
        if isinstance(training, ImagesInMemory) and isinstance(validation, ImagesInMemory) and resident
        else _loaded(config, training, validation, share, device, normalisation, mixing, bytes_read, workers)
    )
    return Data(
        config=config,
        training=batches[0],
        validation=batches[1],
        classes=raw.classes,
        channels=raw.channels,
        image_size=image_size(config),
        normalisation=normalisation,
        class_counts=tuple(torch.bincount(training.labels, minlength=len(raw.classes)).tolist()),
        validation_images=len(validation),
        raw=raw,
    )


def validation_of(config: TrainConfig) -> tuple[tuple[str, ...], Source]:
    """The classes of a data set by number, and its validation split, which is the one of `load`.

    Raises `ConfigError` if the data are not there, or not as they must be.
    """
    raw = _OPEN[config.data.dataset](config.data, config.loop.seed)
    return raw.classes, _parts(raw, config)[1]


def validation_batches(
    config: TrainConfig, source: Source, normalisation: Normalisation, *, device: torch.device, stream: TextIO
) -> Batches:
    """A split as batches to judge a model on, as `load` would make them, all of it for this process.

    `config` is one that was settled: it says how large images are, and whether they are kept in the device's memory.
    """
    workers = sensible_workers(device) if config.data.workers is None else config.data.workers
    resident = config.data.resident == "yes"
    if workers and not (isinstance(source, ImagesInMemory) and resident):
        start_server()
    share = Share(rank=0, world=1, batch_size=config.loop.batch_size)
    if resident:
        held, _ = read_all(source, image_size(config), workers, stream)
        return _resident_validation(config, held, share, device, normalisation)
    mixing = Mixing(config.augment, 1)
    return _loader(config, source, share, device, normalisation, mixing, workers, seed=None, bytes_read=0)


def _parts(raw: RawData, config: TrainConfig) -> tuple[Source, Source]:
    if raw.validation is not None:
        return raw.training, raw.validation
    parts = split(raw.training.labels, raw.classes, config.data.validation_share, config.loop.seed)
    return raw.training.subset(parts[0]), raw.training.subset(parts[1])


def _is_resident(config: TrainConfig, training: Source, validation: Source, device: torch.device) -> bool:
    if config.data.resident != "auto":
        return config.data.resident == "yes"
    one_by_one_only = config.augment.randaugment or (config.augment.crop_area or 1) < 1
    return not one_by_one_only and fits(training, validation, image_size(config), device)


def _share(config: TrainConfig, images: int, rank: int, world: int) -> Share:
    size = config.loop.batch_size
    if size % world:
        raise ConfigError("batch_size", f"{size} does not fit: a multiple of {world}, the processes that share it")
    if size > images:
        raise ConfigError("batch_size", f"{size} does not fit: 1 to {images}, the training images")
    return Share(rank=rank, world=world, batch_size=size)


def _normalisation(config: TrainConfig, raw: RawData, training: Source) -> Normalisation:
    """Pre-trained weights want what they were trained with; else what the images are, where all of them are known."""
    if raw.channels == 3 and (config.model.pretrained or not isinstance(training, ImagesInMemory)):
        return IMAGENET
    assert isinstance(training, ImagesInMemory)  # noqa: S101 (files are of 3 channels)
    return measured(training.images)


def _channels_last(config: TrainConfig, device: torch.device) -> Literal["yes", "no"]:
    if config.loop.channels_last != "auto":
        return config.loop.channels_last
    faster = is_channels_last_faster(config.model.model, image_size=image_size(config), device=device)
    return "yes" if faster else "no"


def _resident(
    config: TrainConfig,
    training: ImagesInMemory,
    validation: ImagesInMemory,
    share: Share,
    device: torch.device,
    normalisation: Normalisation,
    mixing: Mixing,
    bytes_read: int,
) -> tuple[Batches, Batches]:
    size, channels_last = image_size(config), config.loop.channels_last == "yes"
    for_training = ResidentTraining(
        training,
        share=share,
        size=size,
        seed=config.loop.seed,
        device=device,
        channels_last=channels_last,
        augmentation=BatchAugmentation.of(config.augment),
        normalisation=normalisation,
        mixing=mixing,
        bytes_read=bytes_read,
    )
    return for_training, _resident_validation(config, validation, share, device, normalisation)


def _resident_validation(
    config: TrainConfig, validation: ImagesInMemory, share: Share, device: torch.device, normalisation: Normalisation
) -> Batches:
    return ResidentValidation(
        validation,
        share=share,
        size=image_size(config),
        device=device,
        channels_last=config.loop.channels_last == "yes",
        normalisation=normalisation,
    )


def _loaded(
    config: TrainConfig,
    training: Source,
    validation: Source,
    share: Share,
    device: torch.device,
    normalisation: Normalisation,
    mixing: Mixing,
    bytes_read: int,
    workers: int,
) -> tuple[Batches, Batches]:
    common = share, device, normalisation, mixing, workers
    return (
        _loader(config, training, *common, seed=config.loop.seed, bytes_read=bytes_read),
        _loader(config, validation, *common, seed=None, bytes_read=0),
    )


def _loader(
    config: TrainConfig,
    source: Source,
    share: Share,
    device: torch.device,
    normalisation: Normalisation,
    mixing: Mixing,
    workers: int,
    *,
    seed: int | None,
    bytes_read: int,
) -> Batches:
    sizes = one_by_one.sizes(image_size(config), config.augment)
    transform = one_by_one.for_validation(sizes) if seed is None else one_by_one.for_training(sizes, config.augment)
    return Loader(
        source,
        transform,
        share=share,
        seed=seed,
        device=device,
        workers=workers,
        channels_last=config.loop.channels_last == "yes",
        normalisation=normalisation,
        mixing=mixing,
        bytes_read=bytes_read,
    )
