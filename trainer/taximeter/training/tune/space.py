"""Which settings are tried: `NAME=VALUES` as a person writes it, and what it means."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from taximeter.training.config.error import ConfigError
from taximeter.training.config.schema import MoneyConfig, SaveConfig, TrainConfig
from taximeter.training.config.values import Form, did_you_mean, forms, plain

_RANGE = re.compile(r"(?P<low>[^.:]+(?:\.[0-9][^.:]*)?)\.\.(?P<high>[^:]+?)(?P<log>:log)?")

FIXED = frozenset({*SaveConfig.__dataclass_fields__, *MoneyConfig.__dataclass_fields__, "target_accuracy", "device"})
"""Settings that are not a matter of trial: where things are kept, what they may cost, what is to be reached."""


@dataclass(frozen=True, slots=True)
class Values:
    """One of these."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Anything from `low` to `high`, both included; whole numbers if they are."""

    low: float
    high: float
    log: bool
    """Evenly by order of magnitude."""

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Space = Mapping[str, Values | Range]


def parse_space(searches: Sequence[str], config: TrainConfig) -> Space:
    """What `--search` says, with every value tried against the schema. Raises `ConfigError`."""
    space: dict[str, Values | Range] = {}
    for search in searches:
        name, separator, text = search.partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        if not separator or not text:
            raise ConfigError("search", f"{search!r} is not NAME=VALUES, for instance optimizer=sgd,adamw")
        if name not in forms() or name in FIXED:
            near = did_you_mean(name, forms().keys() - FIXED)
            raise ConfigError("search", f"{name} is no setting that can be tried{near}")
        if name in space:
            raise ConfigError("search", f"{name} is there twice; name all its values at once")
        space[name] = _parse(name, forms()[name], text.strip())
        _try(name, space[name], config)
    return MappingProxyType(space)


def size(space: Space) -> int:
    """How many combinations there are. Raises `ConfigError` if one is a range, of which there are endlessly many."""
    for name, dimension in space.items():
        if isinstance(dimension, Range):
            raise ConfigError("sampler", f"grid takes values, and {name} is a range: list them, or choose random")
    return math.prod(len(dimension.values) for dimension in space.values() if isinstance(dimension, Values))


def describe(space: Space) -> dict[str, Any]:
    """As JSON values: the same for the same space."""
    return {
        name: [plain(value) for value in dimension.values]
        if isinstance(dimension, Values)
        else {"low": dimension.low, "high": dimension.high, "log": dimension.log}
        for name, dimension in space.items()
    }


def _parse(name: str, form: Form, text: str) -> Values | Range:
    match = _RANGE.fullmatch(text)
    try:
        if match is None:
            texts = [part.strip() for part in text.split(",")]
            return Values(tuple(None if form.optional and part == "none" else form.read(part) for part in texts))
        low, high = form.read(match["low"]), form.read(match["high"])
    except ValueError as wrong:
        raise ConfigError("search", f"{name}: {wrong}") from None
    if isinstance(low, bool | str | Path | Decimal) or not isinstance(high, int | float):
        raise ConfigError("search", f"{name}: has no range; list its values: {name}=a,b,c")
    if not low < high or (match["log"] and low <= 0):
        above = " and above 0" if match["log"] else ""
        raise ConfigError("search", f"{name}: {text} is no range: the first has to be the smaller{above}")
    return Range(low, high, bool(match["log"]))


def _try(name: str, dimension: Values | Range, config: TrainConfig) -> None:
    """Each end, or value, has to be one that the setting takes."""
    values = dimension.values if isinstance(dimension, Values) else (dimension.low, dimension.high)
    for value in values:
        config.changed(**{name: value})
