"""torch.compile, with the time that it takes on the bill as a phase of its own."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.callback import callback_handler

from taximeter import Meter
from taximeter.training.config import ConfigError

_COMPILERS = ("g++", "clang++", "c++")

_log = logging.getLogger("taximeter")


def compiled(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """The model compiled, at its first call and again for each new shape. Shares the model's weights.

    Raises `ConfigError` if there is no compiler for what torch generates: C++ for the CPU, and on a GPU for the
    launches of its kernels.
    """
    compilers = (os.environ.get("CXX"), *_COMPILERS)
    if not any(compiler and shutil.which(compiler) for compiler in compilers):
        raise ConfigError(
            "compile", "there is no C++ compiler here: install g++, or name one in CXX, or leave --compile out"
        )
    function: Callable[[Tensor], Tensor] = torch.compile(model)
    return function


@contextmanager
def compilations_metered(meter: Meter) -> Iterator[None]:
    """Within, all time that torch compiles goes into the phase `compile`, be it at the first step or at a later one."""
    going_on = ExitStack()

    def begin(_about: Any) -> None:
        going_on.enter_context(meter.phase("compile"))

    def end(_about: Any) -> None:
        going_on.close()

    callback_handler.register_start_callback(begin)
    callback_handler.register_end_callback(end)
    try:
        yield
    finally:
        callback_handler.remove_start_callback(begin)
        callback_handler.remove_end_callback(end)
