"""Make the model that a run trains."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torchvision
from torch import nn
from torchvision.models import get_model, list_models
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

from taximeter.training.config import ConfigError
from taximeter.training.models.adapt import (
    SMALL_IMAGE,
    check_fits,
    stem_of,
    use_channels,
    use_dropout,
    use_small_stem,
)
from taximeter.training.models.small_resnet import NAME as SMALL_RESNET
from taximeter.training.models.small_resnet import SmallResNet
from taximeter.training.models.weights import Weights, load_weights, published_weights, weights_in

_COLOURS = 3


def model_names() -> list[str]:
    """Every model that can be trained by name: the small residual network and torchvision's classifiers."""
    return [SMALL_RESNET, *list_models(module=torchvision.models)]


def build_model(
    name: str,
    *,
    classes: int,
    channels: int,
    image_size: int,
    dropout: float | None = None,
    pretrained: bool = False,
    weights: Path | None = None,
) -> nn.Module:
    """A model for images of `channels` × `image_size` × `image_size`, with as many logits as there are classes.

    Its weights are random, or with `pretrained` torchvision's best, or those in the file `weights`; then only a head
    for another number of classes is new. Up to 64 pixels a ResNet or DenseNet with random weights gets the 3×3 stem
    without pooling (see `use_small_stem`); pretrained ones keep the stem that their weights belong to. `dropout` is
    the probability before the last layer; `None` leaves each model its own.

    Raises `ConfigError` if there is no such model, the images do not fit it, or the weights are not to be had.
    """
    check_name(name)
    given, source, option = _weights(name, pretrained=pretrained, path=weights)
    if name == SMALL_RESNET:
        model: nn.Module = SmallResNet(channels=channels, classes=classes)
    else:
        model = _torchvision_model(name, classes, channels, image_size, given)
    if given is not None:
        if isinstance(model, VisionTransformer):
            given = dict(interpolate_embeddings(image_size, model.patch_size, given))
        load_weights(model, given, source=source, option=option)
    if dropout is not None:
        use_dropout(model, dropout)
    try:
        check_fits(model, channels=channels, image_size=image_size, classes=classes)
    except ValueError as wrong:
        raise _unfit(image_size, name, wrong) from None
    return model


def check_name(name: str) -> None:
    """Raise `ConfigError`, with the names that come closest, if there is no such model."""
    names = model_names()
    if name not in names:
        near = get_close_matches(name.lower(), names, n=3, cutoff=0.5) or [SMALL_RESNET, "resnet18", "efficientnet_b0"]
        raise ConfigError("model", f"there is no model {name!r}; near to it: {', '.join(near)}")


def _weights(name: str, *, pretrained: bool, path: Path | None) -> tuple[Weights | None, str, str]:
    """The weights to begin with, where they are from, and the option that asked for them."""
    if path is not None:
        return weights_in(path), str(path), "weights"
    if not pretrained:
        return None, "", ""
    if name == SMALL_RESNET:
        raise ConfigError(
            "pretrained", f"nobody has published weights of {name}: name a torchvision model, as resnet18"
        )
    return published_weights(name), f"torchvision's {name}", "pretrained"


def _torchvision_model(name: str, classes: int, channels: int, image_size: int, weights: Weights | None) -> nn.Module:
    arguments: dict[str, Any] = {"num_classes": classes}
    if name in ("googlenet", "inception_v3"):
        # Their second classifiers would make the training's answer another one than the evaluation's. What their
        # published weights expect instead of ImageNet's normalisation, `transform_input` makes of it.
        transform = weights is not None and channels == _COLOURS
        arguments |= {"aux_logits": False, "init_weights": weights is None, "transform_input": transform}
    elif name.startswith("vit_"):
        arguments |= {"image_size": image_size}
    elif name.startswith("maxvit"):
        arguments |= {"input_size": (image_size, image_size)}
    try:
        model: nn.Module = get_model(name, weights=None, **arguments)
    except (AssertionError, ValueError, RuntimeError) as wrong:
        raise _unfit(image_size, name, wrong) from None
    stem, _ = stem_of(model)
    sides = None if weights is None or f"{stem}.weight" not in weights else weights[f"{stem}.weight"].shape[-1]
    if image_size <= SMALL_IMAGE and sides in (None, 3):
        use_small_stem(model)
    use_channels(model, channels)
    return model


def _unfit(image_size: int, name: str, wrong: Exception) -> ConfigError:
    reason = str(wrong).splitlines()[0] if str(wrong) else type(wrong).__name__
    return ConfigError("image_size", f"{image_size} does not fit {name} ({reason}); most of its kind want 224")
