"""What a training run is asked to do: every setting, its default, its limits, and what it means to a person.

Each setting is a field here, an option of the command (`batch_size` is `--batch-size`) and a key of the configuration
file, in the section of its group. Names are unique over all groups. Nothing here needs torch, so that a mistake is
found before anything starts.
"""

# ruff: noqa: RUF009 (`setting` makes a field, as `field` does)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self, TypeVar, get_args

from taximeter.training.config import checks
from taximeter.training.config.limits import (
    AT_LEAST_0,
    AT_LEAST_1,
    POSITIVE,
    PROPER_SHARE,
    SHARE,
    Limits,
)

DatasetName = Literal["digits", "cifar10", "cifar100", "fashion-mnist", "folder", "synthetic"]
DeviceChoice = Literal["auto", "cpu", "cuda"]
DEVICES: tuple[DeviceChoice, ...] = get_args(DeviceChoice)

LARGEST_SEED = 2**32 - 1  # what scikit-learn takes

T = TypeVar("T")


def setting(default: T, explanation: str, *, metavar: str | None = None, limits: Limits | None = None) -> T:
    """A field with what `--help` says of it; `limits` apply to a value that is a number."""
    value: T = field(default=default, metadata={"help": explanation, "metavar": metavar, "limits": limits})
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Settings that belong together. Raises `ConfigError` if one is outside its limits."""

    title: ClassVar[str]

    def __post_init__(self) -> None:
        checks.check_limits(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig(Group):
    """The images, and how they come to the model."""

    title: ClassVar[str] = "data"

    dataset: DatasetName = setting("digits", "what is learned; folder: images of your own, see --data-dir")
    data_dir: Path | None = setting(
        None,
        "of a folder data set: where train/CLASS/* and val/CLASS/* lie, or CLASS/* to be split; of cifar10, cifar100 "
        "and fashion-mnist: where they lie or are downloaded to (default: ~/.cache/taximeter/data)",
        metavar="DIR",
    )
    image_size: int | None = setting(
        None,
        "side of the square that images are resized to, in pixels (default: as the data set has them, folder: 224)",
        metavar="PIXELS",
        limits=Limits(least=8, most=4096),
    )
    download: bool = setting(True, "fetch a known data set that is not there yet")
    validation_share: float = setting(
        0.2,
        "of the images, for validation, where the data set itself has no such part",
        metavar="SHARE",
        limits=PROPER_SHARE,
    )
    workers: int | None = setting(
        None,
        "processes that read images, 0 for none (default: by the processors of this machine)",
        metavar="N",
        limits=Limits(least=0, most=256),
    )
    resident: Literal["auto", "yes", "no"] = setting(
        "auto",
        "keep the whole data set in the device's memory and augment it there, batch by batch; auto: if it fits and "
        "its images are small",
    )
    fingerprint: Literal["content", "names"] = setting(
        "content",
        "what tells one state of a folder of images from another: what is in the files, each read once and remembered; "
        "or names and sizes alone, where to read all of it would cost too much",
    )
    synthetic_images: int = setting(2048, "images of the synthetic data set", metavar="N", limits=Limits(least=2))
    synthetic_classes: int = setting(10, "classes of the synthetic data set", metavar="N", limits=Limits(least=2))
    synthetic_channels: int = setting(3, "channels of the synthetic images: 1 (grey) or 3", metavar="N")


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig(Group):
    """How training images are varied; `None` is what suits the data set, or nothing where `augment` is none."""

    title: ClassVar[str] = "augmentation (what is not given here is as --augment says)"

    augment: Literal["auto", "none"] = setting("auto", "what suits the data set, or nothing but what is asked for here")
    flip: float | None = setting(None, "mirror left and right with this probability", metavar="P", limits=SHARE)
    rotate: float | None = setting(
        None, "turn by up to so many degrees either way", metavar="DEGREES", limits=Limits(least=0, most=180)
    )
    scale: float | None = setting(
        None, "magnify or shrink by up to this share of the size", metavar="SHARE", limits=Limits(least=0, below=1)
    )
    shear: float | None = setting(
        None, "slant by up to this share of the width", metavar="SHARE", limits=Limits(least=0, most=1)
    )
    translate: float | None = setting(None, "shift by up to this share of the size", metavar="SHARE", limits=SHARE)
    crop: int | None = setting(
        None, "pad by so many pixels and crop anywhere in it", metavar="PIXELS", limits=Limits(least=0, most=1024)
    )
    crop_area: float | None = setting(
        None,
        "crop a part of at least this share of the area, and resize it; 1: the whole image",
        metavar="SHARE",
        limits=Limits(above=0, most=1),
    )
    colour: float | None = setting(
        None, "vary brightness, contrast and saturation by up to this share", metavar="SHARE", limits=SHARE
    )
    randaugment: int | None = setting(
        None,
        "RandAugment: two operations of this magnitude an image, 0 for none",
        metavar="MAGNITUDE",
        limits=Limits(least=0, most=30),
    )
    mixup: float | None = setting(
        None, "mixup: blend pairs of images; alpha of the distribution, 0 for none", metavar="ALPHA", limits=AT_LEAST_0
    )
    cutmix: float | None = setting(
        None,
        "cutmix: paste a part of one image into another; alpha, 0 for none; with --mixup, either by turns",
        metavar="ALPHA",
        limits=AT_LEAST_0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig(Group):
    """What is trained."""

    title: ClassVar[str] = "model"

    model: str = setting(
        "small-resnet",
        "small-resnet, or any of torchvision's classifiers by name: resnet18, densenet121, efficientnet_b0, …",
        metavar="NAME",
    )
    pretrained: bool = setting(False, "begin with torchvision's weights for ImageNet instead of random ones")
    weights: Path | None = setting(None, "begin with the weights in this file", metavar="FILE")
    dropout: float | None = setting(
        None, "before the last layer (default: as the model has it)", metavar="P", limits=Limits(least=0, below=1)
    )
    freeze: Literal["none", "head-first"] = setting(
        "none", "head-first: train the last layer alone, and then one stage more at a time"
    )
    unfreeze_epoch: int = setting(
        2, "of head-first: the epoch, from 1, that unfreezes the first stage", metavar="EPOCH", limits=Limits(least=2)
    )
    unfreeze_every: int = setting(1, "of head-first: epochs from one stage to the next", metavar="N", limits=AT_LEAST_1)
    unfrozen_lr_factor: float = setting(
        0.1,
        "of head-first: a stage's learning rate, as a part of that of the stage above it",
        metavar="FACTOR",
        limits=Limits(above=0, most=1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimConfig(Group):
    """How the weights are changed."""

    title: ClassVar[str] = "optimisation"

    optimizer: Literal["sgd", "adam", "adamw"] = setting("adamw", "sgd has Nesterov's momentum")
    learning_rate: float = setting(3e-3, "the highest of the schedule", metavar="RATE", limits=POSITIVE)
    momentum: float = setting(0.9, "of sgd", metavar="SHARE", limits=Limits(least=0, below=1))
    weight_decay: float = setting(
        0.05, "on the weights of layers; never on biases and normalisation", metavar="DECAY", limits=AT_LEAST_0
    )
    schedule: Literal["constant", "cosine", "step", "one-cycle"] = setting(
        "cosine", "the learning rate from the first step to the last"
    )
    warmup_epochs: float = setting(0.0, "from almost nothing up to the learning rate", metavar="N", limits=AT_LEAST_0)
    step_epochs: int = setting(30, "of the schedule step: epochs between two of them", metavar="N", limits=AT_LEAST_1)
    step_factor: float = setting(
        0.1, "of the schedule step: what the rate is multiplied by", metavar="FACTOR", limits=PROPER_SHARE
    )
    label_smoothing: float = setting(
        0.0, "share of the target that all classes have alike", metavar="SHARE", limits=Limits(least=0, below=1)
    )
    ema_decay: float | None = setting(
        None,
        "evaluate and save a moving average of the weights, as 0.9999 (default: none)",
        metavar="DECAY",
        limits=PROPER_SHARE,
    )
    clip_norm: float | None = setting(
        None, "scale gradients down to this norm at most (default: as they are)", metavar="NORM", limits=POSITIVE
    )
    accumulate: int = setting(
        1, "micro-batches that a step's batch is divided into, to need less memory", metavar="N", limits=AT_LEAST_1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig(Group):
    """How long, where, and in which numbers."""

    title: ClassVar[str] = "training"

    epochs: int = setting(18, "passes over the data", metavar="N", limits=AT_LEAST_1)
    batch_size: int = setting(64, "images a step, over all processes and micro-batches", metavar="N", limits=AT_LEAST_1)
    precision: Literal["fp32", "bf16", "fp16"] = setting("fp32", "of the forward pass; fp16 scales its gradients")
    channels_last: Literal["auto", "yes", "no"] = setting(
        "auto",
        "keep the channels of a pixel side by side in memory; auto: where that is faster, so nearly everywhere",
    )
    compile: bool = setting(False, "compile the model with torch.compile; the time that takes is shown on the bill")
    checkpointing: bool = setting(
        False, "compute activations again in the backward pass instead of keeping them: slower, less memory"
    )
    seed: int = setting(
        0, "of split, order, augmentation, weights", metavar="N", limits=Limits(least=0, most=LARGEST_SEED)
    )
    deterministic: bool = setting(False, "the same weights each time on a GPU too, slower; on the CPU they always are")
    device: DeviceChoice = setting("auto", "auto: a GPU if there is one that torch can use")
    early_stopping: int | None = setting(
        None,
        "stop after so many epochs without a better validation accuracy (default: never)",
        metavar="EPOCHS",
        limits=AT_LEAST_1,
    )
    target_accuracy: float | None = setting(
        None,
        "stop once this validation accuracy is reached, 0 to 1 (default: never)",
        metavar="SHARE",
        limits=Limits(above=0, most=1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveConfig(Group):
    """What is kept of the run."""

    title: ClassVar[str] = "saving"

    output: Path = setting(Path("runs"), "folder in which each run has one of its own", metavar="DIR")
    save: bool = setting(True, "write checkpoints, configuration and evaluation")
    keep: int = setting(2, "checkpoints besides the best one that are kept", metavar="N", limits=AT_LEAST_1)
    checkpoint_every: Literal["epoch"] | float = setting(
        "epoch", "epoch, or seconds between two checkpoints", metavar="WHEN", limits=POSITIVE
    )
    resume: str = setting(
        "none", "none, auto (from the last checkpoint, if there is one), or a checkpoint", metavar="FROM"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyConfig(Group):
    """What it may cost."""

    title: ClassVar[str] = "money"

    price: Decimal | None = setting(
        None, "per hour, by hand; no exporter is asked then", metavar="AMOUNT", limits=AT_LEAST_0
    )
    currency: str = setting("USD", "of --price and --budget, ISO 4217", metavar="CODE")
    budget: Decimal | None = setting(
        None, "stop, with a checkpoint, before more than this is spent", metavar="AMOUNT", limits=POSITIVE
    )
    start: Literal["now", "cheapest"] = setting("now", "cheapest: wait for the hours in which the price is lowest")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileConfig(Group):
    """Where the time goes."""

    title: ClassVar[str] = "profiling"

    profile_steps: str | None = setting(
        None, "profile these steps with PyTorch's profiler, as 10-20", metavar="FIRST-LAST"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A training run. Raises `ConfigError` if it cannot be carried out."""

    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    save: SaveConfig = field(default_factory=SaveConfig)
    money: MoneyConfig = field(default_factory=MoneyConfig)
    profile: ProfileConfig = field(default_factory=ProfileConfig)

    def __post_init__(self) -> None:
        checks.check_together(self)

    @classmethod
    def of(cls, **settings: Any) -> Self:
        """A configuration from settings by name, of whichever group: `TrainConfig.of(epochs=3, model="resnet18")`."""
        return cls().changed(**settings)

    def changed(self, **settings: Any) -> Self:
        """This with other settings, by name, of whichever group. Raises `TypeError` for a name that there is not."""
        by_group: dict[str, dict[str, Any]] = {}
        for name, value in settings.items():
            if name not in SECTION_OF:
                raise TypeError(f"there is no setting {name!r}")
            by_group.setdefault(SECTION_OF[name], {})[name] = value
        return replace(self, **{section: replace(getattr(self, section), **new) for section, new in by_group.items()})

    def settings(self) -> dict[str, Any]:
        """All settings by name, of all groups."""
        return {name: getattr(getattr(self, section), name) for name, section in SECTION_OF.items()}


GROUPS: Mapping[str, type[Group]] = MappingProxyType(
    {
        "data": DataConfig,
        "augment": AugmentConfig,
        "model": ModelConfig,
        "optim": OptimConfig,
        "loop": LoopConfig,
        "save": SaveConfig,
        "money": MoneyConfig,
        "profile": ProfileConfig,
    }
)
"""The sections of a configuration file."""

SECTION_OF: Mapping[str, str] = MappingProxyType(
    {each.name: section for section, group in GROUPS.items() for each in fields(group)}
)
"""The section of each setting."""
