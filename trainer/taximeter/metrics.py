"""The metrics as Prometheus scrapes them, filled in from the meter when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from taximeter.metric_table import ALL, IDENTITY, STEP_SECONDS, STEP_SECONDS_HELP, Reading
from taximeter.tally import STEP_BOUNDS


class MeterCollector(Collector):
    """Reads the meter when it is scraped, so that nothing has to be kept up to date between scrapes."""

    def __init__(self, read: Callable[[], Reading], *, run: str, rank: int) -> None:
        self._read = read
        self._identity = (run, str(rank))

    def collect(self) -> Iterator[Metric]:
        """Every metric that has a reading; one without is left out rather than shown as 0."""
        now = self._read()
        values = self._identity
        steps = HistogramMetricFamily(STEP_SECONDS, STEP_SECONDS_HELP, labels=IDENTITY)
        steps.add_metric(values, _cumulative(now.reported.step_counts), now.reported.step_ns / 1e9)
        yield steps
        for spec in ALL:
            kind = CounterMetricFamily if spec.counter else GaugeMetricFamily
            family = kind(spec.series_name, spec.help, labels=(*IDENTITY, *spec.labels))
            for further, value in spec.values(now):
                family.add_metric((*values, *further), value)
            if family.samples:
                yield family


def registry_of(read: Callable[[], Reading], *, run: str, rank: int) -> CollectorRegistry:
    """A registry of the meter's own: what else the program publishes with prometheus_client is its own business."""
    registry = CollectorRegistry()
    registry.register(MeterCollector(read, run=run, rank=rank))
    return registry


def _cumulative(counts: tuple[int, ...]) -> list[tuple[str, float]]:
    buckets: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip((*map(str, STEP_BOUNDS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
