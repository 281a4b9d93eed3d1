"""What a run keeps in its folder, how it goes on from there, and within which budget."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from taximeter import Meter
from taximeter.done import Done
from taximeter.training.assemble import Training
from taximeter.training.beginning import Beginning
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.budget import FIRST_COMPILED_STEP_SECONDS, FIRST_STEP_SECONDS, Budget
from taximeter.training.callbacks.checkpointing import Checkpointing
from taximeter.training.checkpoint.contents import Rescheduled, Stateful, restore
from taximeter.training.checkpoint.file import load, write
from taximeter.training.checkpoint.fit import check_data, settings_as_json
from taximeter.training.checkpoint.folder import Found
from taximeter.training.checkpoint.header import Header
from taximeter.training.checkpoint.random_state import RandomState
from taximeter.training.config import ConfigError
from taximeter.training.config.file import dump
from taximeter.training.engine.state import TrainState
from taximeter.training.evaluation.subject import Subject

CONFIG = "config.yaml"
DATA = "data.json"
PROFILE = "profile"


class Keeping:
    """Called once a training is put together: sets it to where it goes on from, and gives the callbacks that keep it.

    Writes the configuration and the description of the data into the run's folder. Raises `CheckpointError` if the
    checkpoint is of another model or other data, and `ConfigError` if the folder cannot be written.
    """

    def __init__(self, meter: Meter, beginning: Beginning, *, stream: TextIO) -> None:
        self._meter = meter
        self._beginning = beginning
        self._stream = stream
        self._budget: Budget | None = None
        self._training: Training | None = None

    @property
    def reason(self) -> str | None:
        """Why the budget ended the training, for a person; `None` if it did not."""
        return None if self._budget is None else self._budget.reason

    def __call__(self, training: Training) -> Sequence[Callback]:
        """The callbacks that come after the training's own."""
        ranks, config = training.parts.ranks, training.config
        self._training = training
        data = self._describe(training) if ranks.first else {}
        parts: dict[str, Stateful] = {**training.stateful(), "random": RandomState()}
        if ranks.first:
            parts["meter"] = self._meter
        self._go_on(training, parts, data)
        checkpointing = None
        if config.save.save:
            if ranks.first:
                self._write(training, data)
            checkpointing = Checkpointing(
                self._meter,
                ranks=ranks,
                folder=self._beginning.checkpoints,
                parts=parts,
                about=self._header(training, data),
                every=config.save.checkpoint_every,
                keep=config.save.keep,
            )
        kept: list[Callback] = [] if checkpointing is None else [checkpointing]
        if self._meter.budget is not None:
            self._budget = Budget(
                self._meter,
                self._meter.budget,
                evaluation_steps=training.data.validation_images / config.loop.batch_size,
                checkpointing=checkpointing,
                first_step_seconds=FIRST_COMPILED_STEP_SECONDS if config.loop.compile else FIRST_STEP_SECONDS,
            )
            kept.insert(0, self._budget)
        if config.profile.profile_steps is not None and ranks.first:
            kept.insert(0, self._profiling(config.profile.profile_steps, training))
        return kept

    def _profiling(self, steps: str, training: Training) -> Callback:
        from taximeter.training.callbacks.profiling import Profiling  # noqa: PLC0415 (only where it is asked for)
        from taximeter.training.profile.steps import StepRange  # noqa: PLC0415

        return Profiling(
            self._meter,
            StepRange.of(steps),
            device=training.parts.ranks.device,
            folder=self._beginning.folder / PROFILE if training.config.save.save else None,
            stream=self._stream,
        )

    def conclude(self, state: TrainState) -> None:
        """Tell all measures of the best weights, once the training has come to its end; rank 0 does."""
        training = self._training
        if training is None or not training.parts.ranks.first or state.best is None or state.best.counts is None:
            return
        from taximeter.training.evaluation.conclusion import conclude  # noqa: PLC0415 (torchmetrics takes a second)

        config = training.config
        subject = Subject.of_run(self._beginning.run, config, training.data.classes, epoch=state.best_epoch)
        folder = self._beginning.folder if config.save.save else None
        conclude(state.best, subject, folder=folder, meter=self._meter, stream=self._stream)

    def _describe(self, training: Training) -> dict[str, Any]:
        described, bytes_read = training.data.describe(self._stream)
        if bytes_read:
            self._meter.read_bytes(bytes_read)
        return described.to_json()

    def _go_on(self, training: Training, parts: Mapping[str, Stateful], data: Mapping[str, Any]) -> None:
        found, first = self._beginning.found, training.parts.ranks.first
        if found is None:
            if self._beginning.resumes and first:
                self._meter.load_state_dict(Done().to_json())  # whatever was done before a kill is lost
                self._stream.write("no checkpoint to go on from: the run begins\n")
            return
        if first:
            check_data(found.path, found.header, data)
            self._stream.write(f"going on from {found.path}: {_where(found)}\n")
        epochs, before = training.state.epochs, found.header.settings.get("epochs")
        if epochs != before:
            schedule = Rescheduled(training.parts.schedule, training.parts.optimizer, steps=found.header.step)
            parts = {**parts, "schedule": schedule}
            if first:
                self._stream.write(f"epochs were {before} and are {epochs} now, and so the learning rate's course\n")
        restore(found.path, load(found.path), parts)

    def _write(self, training: Training, data: Mapping[str, Any]) -> None:
        """What it takes to repeat the run."""
        folder = self._beginning.folder
        texts = {CONFIG: dump(training.config.changed(resume="none")), DATA: json.dumps(data, indent=2) + "\n"}
        try:
            for name, text in texts.items():
                write(folder / name, text.encode())
        except OSError as wrong:
            raise ConfigError(
                "output", f"{folder} cannot be written ({wrong.strerror}); make room, or name another"
            ) from None

    def _header(self, training: Training, data: Mapping[str, Any]) -> Header:
        return Header(
            run=self._beginning.run,
            project=self._beginning.project,
            epoch=0,
            step=0,
            accuracy=None,
            stop=None,
            settings=settings_as_json(training.config.settings()),
            data=data,
            written_at="",
        )


def _where(found: Found) -> str:
    return f"after {found.header.epoch} epochs and {found.header.step} steps"
