"""The GPUs that the catalog knows, from `gpus.yaml`."""

from __future__ import annotations

import functools
import re
from fractions import Fraction
from pathlib import Path

import msgspec

from taximeter_exporter import exact_yaml


class Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A GPU model as the market tells them apart."""

    model: str
    """For instance `A100-80`."""
    family: str
    """For instance `A100`."""
    tflops: int
    """Dense FP16/BF16 with tensor cores, by NVIDIA's data sheet."""
    memory_gb: int
    """In 10^9 bytes, by NVIDIA's data sheet; the least of a family where it stands for one."""
    product: str
    """A regular expression for what the driver calls it."""


@functools.cache
def known_gpus() -> tuple[Gpu, ...]:
    """In the order in which a product name is matched."""
    text = Path(__file__).with_name("gpus.yaml").read_text(encoding="utf-8")
    (rows,) = exact_yaml.parse(text)
    return msgspec.convert(rows, tuple[Gpu, ...])


def find_gpu(name: str) -> Gpu | None:
    """The GPU of a catalog's name (`a100-80`) or a product name (`NVIDIA A100-SXM4-80GB`); `None` if it is unknown."""
    for gpu in known_gpus():
        if gpu.model.casefold() == name.casefold():
            return gpu
    return next((gpu for gpu in known_gpus() if re.search(gpu.product, name)), None)


def is_family(gpu: Gpu) -> bool:
    """Whether it stands for a family as a whole: an `A100` of which nobody said how much memory it has."""
    return gpu.model == gpu.family


def covers(wanted: Gpu, gpu: Gpu) -> bool:
    """Whether somebody who wants the one gets it with the other: of a family, every member that is as fast."""
    if wanted.model == gpu.model:
        return True
    return is_family(wanted) and gpu.family == wanted.family and gpu.tflops == wanted.tflops


def may_be(gpu: Gpu, wanted: Gpu) -> bool:
    """Whether somebody who takes the one may get the other: it is, or nobody says how much memory it has."""
    return covers(wanted, gpu) or covers(gpu, wanted)


def throughput_ratio(gpu: Gpu, wanted: Gpu) -> Fraction:
    """How many times as fast a GPU is as the one that is wanted, by the data sheets' dense FP16/BF16 figures."""
    return Fraction(gpu.tflops, wanted.tflops)
