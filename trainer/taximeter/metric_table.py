"""Every metric of the trainer, declared once: name, help, source, labels, kind, and where its values are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from taximeter.bill import cost_of
from taximeter.budget import Budget
from taximeter.cost import Money
from taximeter.done import Done
from taximeter.phases import Phase
from taximeter.tally import Reported, Score

PREFIX = "taximeter_training_"
IDENTITY = ("run", "rank")
"""Labels of every metric."""

Samples = Iterable[tuple[tuple[str, ...], float]]
"""The values of a metric's further labels, in the order of its `labels`, and its value under them."""

_UNITS = {
    "seconds": "seconds",
    "bytes": "bytes",
    "ratio": "ratio (0–1)",
    "flops": "operations",
    "flops_per_second": "operations per second",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that the metrics are made of, at one moment."""

    phases_ns: dict[Phase, int]
    """Of this process, as the counters are; `done` is of the whole run."""
    reported: Reported
    done: Done
    peak_memory: int | None
    flops: float | None
    peak_flops_per_second: float | None
    remaining_seconds: float | None
    cost: Money
    cost_per_hour: Money
    by_hand: bool
    """Whether the price was given by hand, so that no exporter knows the cost."""
    budget: Budget | None
    exporter_up: bool | None
    """`None` where this process holds no lease (it is not the first rank)."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric: a counter or a gauge."""

    name: str
    """Without the prefix, and without `_total` on a counter."""
    help: str
    source: str
    """What the values are from."""
    values: Callable[[Reading], Samples]
    labels: tuple[str, ...] = ()
    """Beside `IDENTITY`."""
    counter: bool = False

    @property
    def series_name(self) -> str:
        """The name as it is queried."""
        return f"{PREFIX}{self.name}{'_total' if self.counter else ''}"

    @property
    def kind(self) -> str:
        """As Prometheus calls it."""
        return "counter" if self.counter else "gauge"

    @property
    def unit(self) -> str:
        """In words; empty for what has none, such as a count or money, whose label names the currency."""
        return _UNITS.get(self.name) or next(
            (words for suffix, words in _UNITS.items() if self.name.endswith(f"_{suffix}")), ""
        )


STEP_SECONDS = f"{PREFIX}step_seconds"
STEP_SECONDS_HELP = "Duration of a training step, with the wait for its batch."
STEP_SECONDS_SOURCE = "`meter.steps`; CUDA events where a GPU works"

CHECKPOINT_FAILURES = f"{PREFIX}checkpoint_failures_total"
CHECKPOINT_FAILURES_HELP = "Checkpoints that could not be written."
CHECKPOINT_FAILURES_SOURCE = "`taximeter train`"


def _one(value: float | None) -> list[tuple[tuple[str, ...], float]]:
    return [] if value is None else [((), float(value))]


def _money(money: Money) -> list[tuple[tuple[str, ...], float]]:
    return [((currency,), float(amount)) for currency, amount in money.items()]


def _forecast(now: Reading) -> Money:
    if now.remaining_seconds is None:
        return {}
    to_come = cost_of(now.remaining_seconds, now.cost_per_hour)
    return {currency: amount + to_come.get(currency, 0) for currency, amount in now.cost.items()}


def _score(score: Score, name: str, about: str) -> MetricSpec:
    return MetricSpec(
        name,
        f"{about}, 0 to 1, as last logged.",
        "`meter.log_scores`",
        lambda now: (((split,), value) for (its, split), value in now.reported.scores.items() if its == score),
        labels=("split",),
    )


ALL = (
    MetricSpec(
        "phase_seconds",
        "Time spent in each phase; the phases add up to the run's time.",
        "the clock; CUDA events where a GPU works",
        lambda now: (((phase,), nanoseconds / 1e9) for phase, nanoseconds in now.phases_ns.items()),
        labels=("phase",),
        counter=True,
    ),
    MetricSpec(
        "seconds",
        "Time spent in all phases together.",
        "the phases",
        lambda now: _one(sum(now.phases_ns.values()) / 1e9),
        counter=True,
    ),
    MetricSpec(
        "steps",
        "Training steps done.",
        "`meter.steps`",
        lambda now: _one(now.reported.steps),
        counter=True,
    ),
    MetricSpec(
        "samples",
        "Samples trained on, repeats counted again.",
        "`meter.steps`",
        lambda now: _one(now.reported.samples),
        counter=True,
    ),
    MetricSpec(
        "epochs",
        "Loops over the loader that ran to its end.",
        "`meter.steps`",
        lambda now: _one(now.reported.passes),
        counter=True,
    ),
    MetricSpec(
        "bytes",
        "Bytes read from storage; absent if the training loop does not say.",
        "`meter.read_bytes`",
        lambda now: _one(now.reported.bytes_read),
        counter=True,
    ),
    MetricSpec(
        "flops",
        "Floating-point operations of the model, forward and backward; absent if they were not counted.",
        "`meter.measure_flops`, `meter.log_flops`",
        lambda now: _one(now.flops),
        counter=True,
    ),
    MetricSpec(
        "out_of_memory",
        "How often the device's memory did not suffice, and the training went on.",
        "`meter.count_oom`",
        lambda now: _one(now.reported.out_of_memory),
        counter=True,
    ),
    MetricSpec(
        "lost_steps",
        "Steps of the whole run that did not stay in the model: done after the last checkpoint before a kill.",
        "`Meter(journal=…)`, `meter.lost`",
        lambda now: _one(now.done.lost_steps),
        counter=True,
    ),
    MetricSpec(
        "lost_seconds",
        "Time of the whole run that went into lost steps.",
        "`Meter(journal=…)`, `meter.lost`",
        lambda now: _one(now.done.lost_ns / 1e9),
        counter=True,
    ),
    MetricSpec(
        "epoch",
        "The epoch that is going on, as the training loop numbers it.",
        "`meter.log`",
        lambda now: _one(now.reported.epoch),
    ),
    MetricSpec(
        "learning_rate",
        "The learning rate last logged.",
        "`meter.log`",
        lambda now: _one(now.reported.learning_rate),
    ),
    MetricSpec(
        "gradient_norm",
        "The norm of the gradients last logged; absent while it is not a finite number.",
        "`meter.log`",
        lambda now: _one(now.reported.gradient_norm),
    ),
    MetricSpec(
        "loss",
        "The loss last logged; absent while it is not a finite number.",
        "`meter.log`",
        lambda now: (((split,), loss) for split, loss in now.reported.loss.items()),
        labels=("split",),
    ),
    MetricSpec(
        "steps_without_loss",
        "Steps done since the loss of the training is not a finite number; absent while it is one.",
        "`meter.log`",
        lambda now: _one(now.reported.steps_without_loss),
    ),
    MetricSpec(
        "accuracy_ratio",
        "The accuracy last logged, 0 to 1.",
        "`meter.log`",
        lambda now: (((split,), accuracy) for split, accuracy in now.reported.accuracy.items()),
        labels=("split",),
    ),
    _score("top5_accuracy", "top5_accuracy_ratio", "Share of the images whose class was among the five most probable"),
    _score("precision", "precision_ratio", "Precision, its mean over the classes"),
    _score("recall", "recall_ratio", "Recall, its mean over the classes"),
    _score("f1", "f1_ratio", "F1, its mean over the classes"),
    MetricSpec(
        "peak_memory_bytes",
        "The most memory of the device that tensors held at once; absent on a CPU.",
        "torch.cuda.max_memory_allocated, `meter.log_memory`",
        lambda now: _one(now.peak_memory),
    ),
    MetricSpec(
        "peak_flops_per_second",
        "Operations per second that the device can do at the training's precision; absent if not known.",
        "NVIDIA's data sheets, `meter.log_flops`",
        lambda now: _one(now.peak_flops_per_second),
    ),
    MetricSpec(
        "goodput_ratio",
        "Share of the whole run's time, and so of its money, that bought progress which was kept.",
        "phases less lost time",
        lambda now: _one(now.done.goodput),
    ),
    MetricSpec(
        "time_to_accuracy_seconds",
        "The run's time when validation accuracy first reached this ratio.",
        "`meter.log` of validation accuracy",
        lambda now: (((str(at),), reached.seconds) for at, reached in now.done.reached.items()),
        labels=("accuracy",),
    ),
    MetricSpec(
        "cost_to_accuracy",
        "What the run had cost when validation accuracy first reached this ratio; absent if no price was known.",
        "`meter.log` of validation accuracy",
        lambda now: (
            ((str(at), currency), float(amount))
            for at, reached in now.done.reached.items()
            for currency, amount in reached.cost.items()
        ),
        labels=("accuracy", "currency"),
    ),
    MetricSpec(
        "remaining_seconds",
        "How long the run will go on by its plan, at its mean pace so far; absent without a plan or a step.",
        "`meter.plan`",
        lambda now: _one(now.remaining_seconds),
    ),
    MetricSpec(
        "cost_forecast",
        "What the whole run will have cost when its plan is done, at the last known price.",
        "`meter.plan`, the last known price",
        lambda now: _money(_forecast(now)),
        labels=("currency",),
    ),
    MetricSpec(
        "cost",
        "What the whole run has cost by a price given by hand; absent with an exporter, which has the cost.",
        "time × `Meter(price=…)`",
        lambda now: _money(now.cost if now.by_hand else {}),
        labels=("currency",),
    ),
    MetricSpec(
        "budget_limit",
        "What the run may cost by the budget that it was started with.",
        "`Meter(budget=…)`",
        lambda now: _money({} if now.budget is None else {now.budget.currency: now.budget.limit}),
        labels=("currency",),
    ),
    MetricSpec(
        "exporter_up",
        "1 if the exporter answered the last renewal of the run's lease, else 0.",
        "the lease",
        lambda now: _one(now.exporter_up),
    ),
)
