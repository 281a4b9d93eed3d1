"""Carries a training run out."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TextIO

from taximeter import Meter
from taximeter.training.assemble import Training, assemble, choose_device
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.progress import Progress
from taximeter.training.config import TrainConfig
from taximeter.training.engine.compiling import compilations_metered
from taximeter.training.engine.distributed import joined, publish_run
from taximeter.training.engine.loop import train
from taximeter.training.engine.state import TrainState


def run(
    config: TrainConfig,
    meter: Meter,
    *,
    stream: TextIO,
    should_stop: Callable[[], bool],
    around: Callable[[Training], Sequence[Callback]] = lambda _training: (),
) -> TrainState:
    """Train as configured and return where it ended; rank 0 shows the progress on `stream`.

    Processes that torchrun started join here. `around` is called once all is put together, to go on from a checkpoint,
    and gives the callbacks that come after the training's own.

    Raises `ConfigError` if something in the configuration fits neither the data nor this machine, and `TrainingError`
    if the training fails.
    """
    with ExitStack() as stack:
        publish_run(meter.run)
        ranks = stack.enter_context(joined(choose_device(config.loop.device)))
        training = assemble(config, meter, ranks, stream=stream if ranks.first else io.StringIO())
        callbacks = [*training.callbacks, *around(training)]
        if ranks.first:
            callbacks.append(Progress(meter, stream))
        if config.loop.compile:
            stack.enter_context(compilations_metered(meter))
        return train(
            training.parts,
            training.step,
            state=training.state,
            meter=meter,
            callbacks=callbacks,
            should_stop=should_stop,
        )
