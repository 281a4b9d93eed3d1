"""Whether a run is a new one or goes on, and where its files are; settled before anything is started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from taximeter.journal import read_journal
from taximeter.training.checkpoint.error import CheckpointError
from taximeter.training.checkpoint.fit import check_settings
from taximeter.training.checkpoint.folder import CheckpointFolder, Found
from taximeter.training.checkpoint.header import Header
from taximeter.training.checkpoint.resume import checkpoints_of, find
from taximeter.training.config.resolve import resolve
from taximeter.training.config.schema import TrainConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """Where a run begins."""

    run: str
    project: str
    folder: Path
    """The run's own."""
    checkpoints: CheckpointFolder
    found: Found | None
    """What it goes on from; `None`: it begins at its first step."""
    resumes: bool
    """Whether it may be known already: to the exporter, and by its journal."""

    @property
    def journal(self) -> Path:
        """What the run has done and cost, also when it is killed."""
        return self.folder / "journal.jsonl"

    def finished(self, config: TrainConfig) -> bool:
        """Whether nothing is left to do of what is asked for."""
        return self.found is not None and _is_finished(self.found.header, config)

    def exhausted(self, config: TrainConfig) -> bool:
        """Whether its budget is used up, as far as is known before anything is started: to start alone costs money."""
        budget, found = config.money.budget, self.found
        if budget is None or found is None:
            return False
        before = found.header.settings.get("budget")
        if found.header.stop == "budget" and before is not None and budget <= Decimal(before):
            return True
        recorded = read_journal(self.journal)
        spent = None if recorded is None else recorded.cost.get(config.money.currency)
        return spent is not None and spent >= budget

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within, no other process trains this run. Raises `CheckpointError` if one does, or `OSError`."""
        try:
            with self.checkpoints.locked():
                yield
        finally:
            for folder in (self.checkpoints.path, self.folder):
                with suppress(OSError):  # where something was written it is not empty, and stays
                    folder.rmdir()


def settle(config: TrainConfig, *, run: str, named: bool, project: str) -> Beginning:
    """Find out what `--resume` means; `named` says whether `run` was asked for, or is a name made up for a new run.

    Raises `CheckpointError` if there is no such checkpoint, if it is of another model, data set or configuration, or if
    a new run would mix its files with those of one that was there before.
    """
    output, resume = config.save.output, config.save.resume
    found = None
    if resume != "none":
        found = find(resume, output=output, run=run if named else None, project=project)
        if found is not None:
            check_settings(found.path, found.header, resolve(config).settings())
            run, project = found.header.run, found.header.project
    elif config.save.save and checkpoints_of(output, run).checkpoints():
        raise CheckpointError(
            f"--run: {output / run} has checkpoints of a run of this name; --resume auto goes on with it, "
            "and another --run begins anew"
        )
    return Beginning(
        run=run,
        project=project,
        folder=output / run,
        checkpoints=checkpoints_of(output, run),
        found=found,
        resumes=resume != "none",
    )


def _is_finished(header: Header, config: TrainConfig) -> bool:
    if header.epoch >= config.loop.epochs:
        return True
    reason = {"early": "early_stopping", "target": "target_accuracy"}.get(header.stop or "")
    return reason is not None and header.settings.get(reason) == config.settings()[reason]
