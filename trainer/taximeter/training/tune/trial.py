"""Carries one trial out: a training run of its own, with its own name and bill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from taximeter.bill import Bill
from taximeter.done import Done
from taximeter.meter import Meter
from taximeter.training.beginning import Beginning
from taximeter.training.checkpoint.folder import CheckpointFolder
from taximeter.training.config import ConfigError, TrainConfig
from taximeter.training.errors import TrainingError
from taximeter.training.tune.outcome import End, Outcome

if TYPE_CHECKING:
    from taximeter.training.assemble import Training
    from taximeter.training.callbacks.base import Callback


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a trial is asked to do."""

    number: int
    config: TrainConfig
    settings: Mapping[str, Any]
    """What was chosen for it, as JSON values."""
    hopeless: Callable[[int, float], bool]
    """See `Watching`."""
    at_most: Decimal | None
    """See `Watching`."""


def carry_out(order: Order, meter: Meter, *, stream: TextIO, should_stop: Callable[[], bool]) -> Outcome:
    """Train as ordered and end the run; what fails in it is the trial's own failure."""
    # Only now: to import torch takes seconds, which belong on the first trial's bill.
    from taximeter.training.keeping import Keeping  # noqa: PLC0415
    from taximeter.training.run import run  # noqa: PLC0415
    from taximeter.training.tune.watching import Watching  # noqa: PLC0415

    currency = order.config.money.currency
    watching = Watching(hopeless=order.hopeless, cost=lambda: meter.cost().get(currency), at_most=order.at_most)
    folder = Path(meter.run)
    beginning = Beginning(
        run=meter.run,
        project="",
        folder=folder,
        checkpoints=CheckpointFolder(folder),
        found=None,
        resumes=False,
    )
    keeping = Keeping(meter, beginning, stream=stream)

    def around(training: Training) -> Sequence[Callback]:
        return [watching, *keeping(training)]

    end: End = "failed"
    reason: str | None = None
    epochs = 0
    try:
        state = run(order.config, meter, stream=stream, should_stop=should_stop, around=around)
        epochs = state.epochs_done
        end = "pruned" if watching.pruned else _ENDS[state.stop]
    except (ConfigError, TrainingError) as wrong:
        reason = str(wrong)
    finally:
        bill = meter.end(_RESULTS[end])
        meter.close(last_scrape_seconds=0)
    return _outcome(order, bill, end=end, reason=reason, epochs=epochs)


_ENDS: Mapping[str | None, End] = {
    None: "finished",
    "early": "finished",
    "target": "finished",
    "budget": "budget",
    "interrupted": "interrupted",
}
_RESULTS: Mapping[End, Any] = {
    "finished": "finished",
    "pruned": "stopped",
    "failed": "failed",
    "budget": "budget",
    "interrupted": "stopped",
}


def _outcome(order: Order, bill: Bill, *, end: End, reason: str | None, epochs: int) -> Outcome:
    currency, target = order.config.money.currency, order.config.loop.target_accuracy
    reached = None if target is None else bill.reached.get(target)
    return Outcome(
        number=order.number,
        run=bill.run,
        settings=order.settings,
        end=end,
        reason=reason,
        epochs=epochs,
        seconds=round(bill.seconds, 3),
        accuracy=bill.accuracy,
        cost=bill.cost.get(currency),
        cost_to_target=None if reached is None else reached.cost.get(currency),
        startup_cost=next((part.cost.get(currency) for part in bill.phases if part.phase == "startup"), None),
    )


def killed(number: int, run: str, settings: Mapping[str, Any], done: Done, currency: str) -> Outcome:
    """What came of a trial whose process was killed, by what it had recorded of itself until then."""
    return Outcome(
        number=number,
        run=run,
        settings=settings,
        end="interrupted",
        reason="its process was killed",
        epochs=done.passes,
        seconds=round(done.seconds, 3),
        accuracy=done.best_accuracy,
        cost=done.cost.get(currency),
        cost_to_target=None,
    )
