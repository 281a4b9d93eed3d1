"""A network as the row of stages that images pass through, from the stem to the head."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

# What torchvision's classifiers call the containers whose members are stages of their own.
_CONTAINERS = frozenset({"features", "layers", "blocks", "trunk_output", "encoder"})


def stages_of(model: nn.Module) -> dict[str, nn.Module]:
    """Every part with weights, by its name within the model, in the order of the images' way; the last is the head.

    Between them they hold all weights, but for loose ones such as a transformer's class token, which belong to none.
    """
    return dict(_parts(model, ""))


def head_of(model: nn.Module) -> tuple[str, nn.Module]:
    """Name and module of the part that turns features into classes: `fc`, `classifier`, `head` or `heads`."""
    return list(stages_of(model).items())[-1]


def _parts(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    for name, child in module.named_children():
        if name in _CONTAINERS:
            yield from _parts(child, f"{prefix}{name}.")
        elif next(child.parameters(), None) is not None:
            yield f"{prefix}{name}", child
