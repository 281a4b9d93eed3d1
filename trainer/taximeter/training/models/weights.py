"""Pretrained weights: from torchvision, or from a file."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present
from torchvision.models import get_model_weights

from taximeter.training.config import ConfigError
from taximeter.training.models.adapt import channels_of_weights, stem_of
from taximeter.training.models.stages import head_of

Weights = dict[str, Tensor]
"""A tensor for each name of a parameter or buffer."""

# Where checkpoints of torchvision's references and of most others keep the network's weights.
_SECTIONS = ("model", "state_dict")
# Second classifiers half-way, of which GoogLeNet and Inception make use only while they are trained at first.
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")


def published_weights(name: str) -> Weights:
    """Torchvision's best weights for a model, downloaded once and then from torch's cache. Raises `ConfigError`."""
    weights = get_model_weights(name)["DEFAULT"]
    try:
        return dict(weights.get_state_dict(progress=sys.stderr.isatty(), check_hash=True))
    except (URLError, OSError, RuntimeError) as wrong:
        reason = getattr(wrong, "reason", None) or wrong
        raise ConfigError(
            "pretrained",
            f"{weights.url} could not be downloaded ({reason}): fetch it elsewhere, and name it by --weights",
        ) from None


def weights_in(path: Path) -> Weights:
    """The weights in a file: a state dict, or a checkpoint that holds one as `model` or `state_dict`.

    Only tensors and plain values are read, never code. Raises `ConfigError`.
    """
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=False)
    except OSError as wrong:
        raise ConfigError("weights", f"{path} cannot be read: {wrong.strerror or wrong}") from None
    except (pickle.UnpicklingError, EOFError):  # whose advice is to run the code that is in the file
        raise ConfigError("weights", f"{path} is no whole file of torch.save, or holds more than tensors") from None
    except (RuntimeError, ValueError, KeyError) as wrong:
        reason = str(wrong).splitlines()[0] if str(wrong) else type(wrong).__name__
        raise ConfigError("weights", f"{path} holds no weights that torch.load can read: {reason}") from None
    for section in _SECTIONS:
        if isinstance(content, Mapping) and isinstance(content.get(section), Mapping):
            content = content[section]
    if not (isinstance(content, Mapping) and content and all(isinstance(value, Tensor) for value in content.values())):
        raise ConfigError("weights", f"{path} holds no state dict, nor one under {' or '.join(_SECTIONS)}")
    weights = dict(content)
    for prefix in ("module.", "_orig_mod."):
        consume_prefix_in_state_dict_if_present(weights, prefix)
    return weights


def load_weights(model: nn.Module, weights: Weights, *, source: str, option: str) -> None:
    """Put weights into a model; a head for other classes keeps what it was initialised with.

    The stem's are converted if the images have another number of channels. Raises `ConfigError` for `option` if the
    weights are those of another model.
    """
    wanted = model.state_dict()
    stem = f"{stem_of(model)[0]}.weight"
    head = f"{head_of(model)[0]}."
    weights = {name: value for name, value in weights.items() if not name.startswith(_AUXILIARY)}
    try:
        if stem in weights and weights[stem].ndim == 4:
            weights[stem] = channels_of_weights(weights[stem], wanted[stem].shape[1])
    except ValueError as wrong:
        raise ConfigError(option, f"{source}: {wrong}") from None
    unfit = [name for name in wanted if name not in weights or weights[name].shape != wanted[name].shape]
    strange = [name for name in weights if name not in wanted]
    wrong_names = [name for name in (*unfit, *strange) if not name.startswith(head)]
    if wrong_names:
        have, want = (_shape(values, wrong_names[0]) for values in (weights, wanted))
        raise ConfigError(
            option,
            f"{source} holds another model's weights: {wrong_names[0]} is {have}, not {want} "
            f"({len(wrong_names)} of {len(wanted)} do not fit)",
        )
    fitting = {name: value for name, value in weights.items() if name in wanted and name not in unfit}
    model.load_state_dict(fitting, strict=False)


def _shape(values: Mapping[str, Tensor], name: str) -> str:
    if name not in values:
        return "missing"
    return "×".join(map(str, values[name].shape)) or "a number"
