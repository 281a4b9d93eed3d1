"""Which weights decay, and how fast each learns: the optimiser's groups of parameters."""

from __future__ import annotations

from typing import TypedDict

from torch import nn
from torch.nn import Parameter

from taximeter.training.models.stages import stages_of

# Learned offsets of a transformer, which are no more weights of a layer than a bias is.
_EMBEDDINGS = ("class_token", "pos_embedding", "relative_position_bias_table")


class ParameterGroup(TypedDict):
    """What torch's optimisers take."""

    params: list[Parameter]
    lr: float
    weight_decay: float


def decays(name: str, parameter: Parameter) -> bool:
    """Whether weight decay is good for a parameter: for the weights of convolutions and linear layers only.

    Biases, and the scale and shift of a normalisation, have one dimension; what shrinks them only shrinks what the
    network can tell (Goyal et al., 2017, https://arxiv.org/abs/1706.02677, section 5.3).
    """
    return parameter.ndim > 1 and not name.endswith(_EMBEDDINGS)


def parameter_groups(
    model: nn.Module, *, learning_rate: float, weight_decay: float, stage_factor: float = 1.0
) -> list[ParameterGroup]:
    """Every parameter in one group, the head's first; groups with the same rate and decay are one.

    A stage learns at `stage_factor` times the rate of the stage above it (1: all alike), loose weights as the lowest.
    """
    stages = list(stages_of(model).values())[::-1]
    place_of = {id(parameter): place for place, stage in enumerate(stages) for parameter in stage.parameters()}
    lowest = len(stages) - 1
    groups: dict[tuple[float, float], list[Parameter]] = {}
    in_order = sorted(model.named_parameters(), key=lambda named: place_of.get(id(named[1]), lowest))
    for name, parameter in in_order:
        rate = learning_rate * stage_factor ** place_of.get(id(parameter), lowest)
        decay = weight_decay if decays(name, parameter) else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [
        ParameterGroup(params=parameters, lr=rate, weight_decay=decay) for (rate, decay), parameters in groups.items()
    ]
