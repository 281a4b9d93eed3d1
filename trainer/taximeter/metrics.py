"""The trainer's metrics: one table, and the collector that fills it in when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from taximeter.bill import cost_of
from taximeter.budget import Budget
from taximeter.cost import Money
from taximeter.done import Done
from taximeter.phases import Phase
from taximeter.tally import STEP_BOUNDS, Reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that the metrics are made of, at one moment."""

    phases_ns: dict[Phase, int]
    """Of this process, as the counters are; `done` is of the whole run."""
    reported: Reported
    done: Done
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
class Scalar:
    """A counter or a gauge: for each value of its further label (none: an empty tuple) a number."""

    name: str
    family: type[CounterMetricFamily] | type[GaugeMetricFamily]
    help: str
    labels: tuple[str, ...]
    values: Callable[[Reading], Iterable[tuple[tuple[str, ...], float]]]


STEP_SECONDS = "taximeter_training_step_seconds"
STEP_SECONDS_HELP = "Duration of a training step, with the wait for its batch."

SCALARS = (
    Scalar(
        "taximeter_training_phase_seconds_total",
        CounterMetricFamily,
        "Time spent in each phase; the phases add up to the run's time.",
        ("phase",),
        lambda now: (((phase,), nanoseconds / 1e9) for phase, nanoseconds in now.phases_ns.items()),
    ),
    Scalar(
        "taximeter_training_steps_total",
        CounterMetricFamily,
        "Training steps done.",
        (),
        lambda now: _one(now.reported.steps),
    ),
    Scalar(
        "taximeter_training_samples_total",
        CounterMetricFamily,
        "Samples trained on, repeats counted again.",
        (),
        lambda now: _one(now.reported.samples),
    ),
    Scalar(
        "taximeter_training_epochs_total",
        CounterMetricFamily,
        "Loops over the loader that ran to its end.",
        (),
        lambda now: _one(now.reported.passes),
    ),
    Scalar(
        "taximeter_training_bytes_total",
        CounterMetricFamily,
        "Bytes read from storage; absent if the training loop does not say.",
        (),
        lambda now: _one(now.reported.bytes_read),
    ),
    Scalar(
        "taximeter_training_flops_total",
        CounterMetricFamily,
        "Floating-point operations of the model, forward and backward; absent if they were not counted.",
        (),
        lambda now: _one(now.flops),
    ),
    Scalar(
        "taximeter_training_out_of_memory_total",
        CounterMetricFamily,
        "How often the device's memory did not suffice, and the training went on.",
        (),
        lambda now: _one(now.reported.out_of_memory),
    ),
    Scalar(
        "taximeter_training_lost_steps_total",
        CounterMetricFamily,
        "Steps of the whole run that did not stay in the model: done after the last checkpoint before a kill.",
        (),
        lambda now: _one(now.done.lost_steps),
    ),
    Scalar(
        "taximeter_training_lost_seconds_total",
        CounterMetricFamily,
        "Time of the whole run that went into lost steps.",
        (),
        lambda now: _one(now.done.lost_ns / 1e9),
    ),
    Scalar(
        "taximeter_training_epoch",
        GaugeMetricFamily,
        "The epoch that is going on, as the training loop numbers it.",
        (),
        lambda now: _one(now.reported.epoch),
    ),
    Scalar(
        "taximeter_training_learning_rate",
        GaugeMetricFamily,
        "The learning rate last logged.",
        (),
        lambda now: _one(now.reported.learning_rate),
    ),
    Scalar(
        "taximeter_training_gradient_norm",
        GaugeMetricFamily,
        "The norm of the gradients last logged; absent while it is not a finite number.",
        (),
        lambda now: _one(now.reported.gradient_norm),
    ),
    Scalar(
        "taximeter_training_loss",
        GaugeMetricFamily,
        "The loss last logged; absent while it is not a finite number.",
        ("split",),
        lambda now: (((split,), loss) for split, loss in now.reported.loss.items()),
    ),
    Scalar(
        "taximeter_training_accuracy_ratio",
        GaugeMetricFamily,
        "The accuracy last logged, 0 to 1.",
        ("split",),
        lambda now: (((split,), accuracy) for split, accuracy in now.reported.accuracy.items()),
    ),
    Scalar(
        "taximeter_training_peak_memory_bytes",
        GaugeMetricFamily,
        "The most memory of the device that tensors held at once; absent on a CPU.",
        (),
        lambda now: _one(now.reported.peak_memory),
    ),
    Scalar(
        "taximeter_training_peak_flops_per_second",
        GaugeMetricFamily,
        "Operations per second that the device can do at the training's precision; absent if not known.",
        (),
        lambda now: _one(now.peak_flops_per_second),
    ),
    Scalar(
        "taximeter_training_goodput_ratio",
        GaugeMetricFamily,
        "Share of the whole run's time, and so of its money, that bought progress which was kept.",
        (),
        lambda now: _one(now.done.goodput),
    ),
    Scalar(
        "taximeter_training_time_to_accuracy_seconds",
        GaugeMetricFamily,
        "The run's time when validation accuracy first reached this ratio.",
        ("accuracy",),
        lambda now: (((str(at),), reached.seconds) for at, reached in now.done.reached.items()),
    ),
    Scalar(
        "taximeter_training_cost_to_accuracy",
        GaugeMetricFamily,
        "What the run had cost when validation accuracy first reached this ratio; absent if no price was known.",
        ("accuracy", "currency"),
        lambda now: (
            ((str(at), currency), float(amount))
            for at, reached in now.done.reached.items()
            for currency, amount in reached.cost.items()
        ),
    ),
    Scalar(
        "taximeter_training_remaining_seconds",
        GaugeMetricFamily,
        "How long the run will go on by its plan, at its mean pace so far; absent without a plan or a step.",
        (),
        lambda now: _one(now.remaining_seconds),
    ),
    Scalar(
        "taximeter_training_cost_forecast",
        GaugeMetricFamily,
        "What the whole run will have cost when its plan is done, at the last known price.",
        ("currency",),
        lambda now: _money(_forecast(now)),
    ),
    Scalar(
        "taximeter_training_cost",
        GaugeMetricFamily,
        "What the whole run has cost by a price given by hand; absent with an exporter, which has the cost.",
        ("currency",),
        lambda now: _money(now.cost if now.by_hand else {}),
    ),
    Scalar(
        "taximeter_training_budget_limit",
        GaugeMetricFamily,
        "What the run may cost by the budget that it was started with.",
        ("currency",),
        lambda now: _money({} if now.budget is None else {now.budget.currency: now.budget.limit}),
    ),
    Scalar(
        "taximeter_training_exporter_up",
        GaugeMetricFamily,
        "1 if the exporter answered the last renewal of the run's lease, else 0.",
        (),
        lambda now: _one(now.exporter_up),
    ),
)


class MeterCollector(Collector):
    """Reads the meter when it is scraped, so that nothing has to be kept up to date between scrapes."""

    def __init__(self, read: Callable[[], Reading], *, run: str, rank: int) -> None:
        self._read = read
        self._identity = {"run": run, "rank": str(rank)}

    def collect(self) -> Iterator[Metric]:
        """Every metric that has a reading; one without is left out rather than shown as 0."""
        now = self._read()
        names, values = tuple(self._identity), tuple(self._identity.values())
        steps = HistogramMetricFamily(STEP_SECONDS, STEP_SECONDS_HELP, labels=names)
        steps.add_metric(values, _cumulative(now.reported.step_counts), now.reported.step_ns / 1e9)
        yield steps
        for scalar in SCALARS:
            family = scalar.family(scalar.name, scalar.help, labels=(*names, *scalar.labels))
            for further, value in scalar.values(now):
                family.add_metric((*values, *further), value)
            if family.samples:
                yield family


def registry_of(read: Callable[[], Reading], *, run: str, rank: int) -> CollectorRegistry:
    """A registry of the meter's own: what else the program publishes with prometheus_client is its own business."""
    registry = CollectorRegistry()
    registry.register(MeterCollector(read, run=run, rank=rank))
    return registry


def _one(value: float | None) -> list[tuple[tuple[str, ...], float]]:
    return [] if value is None else [((), float(value))]


def _money(money: Money) -> list[tuple[tuple[str, ...], float]]:
    return [((currency,), float(amount)) for currency, amount in money.items()]


def _forecast(now: Reading) -> Money:
    if now.remaining_seconds is None:
        return {}
    to_come = cost_of(now.remaining_seconds, now.cost_per_hour)
    return {currency: amount + to_come.get(currency, 0) for currency, amount in now.cost.items()}


def _cumulative(counts: tuple[int, ...]) -> list[tuple[str, float]]:
    buckets: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip((*map(str, STEP_BOUNDS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
