"""The trainer's metrics: one table, and the collector that fills it in when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from taximeter.phases import Phase
from taximeter.tally import STEP_BOUNDS, Reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that the metrics are made of, at one moment."""

    phases_ns: dict[Phase, int]
    reported: Reported
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


def _cumulative(counts: tuple[int, ...]) -> list[tuple[str, float]]:
    buckets: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip((*map(str, STEP_BOUNDS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
