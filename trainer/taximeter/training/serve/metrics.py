"""The metrics of serving, declared once, and where their values are."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from taximeter.cost import Money

PREFIX = "taximeter_serving_"
RECENT_SECONDS = 60.0

_REQUEST_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class ServingMetric:
    """One metric, for the code and for `docs/metrics.md`."""

    series_name: str
    kind: str
    unit: str
    labels: tuple[str, ...]
    help: str
    source: str


REQUESTS = ServingMetric(
    f"{PREFIX}requests_total",
    "counter",
    "",
    ("run", "code"),
    "Requests for predictions that were answered, by the HTTP status: 4xx and 5xx are errors.",
    "the server",
)
PREDICTIONS = ServingMetric(
    f"{PREFIX}predictions_total", "counter", "", ("run",), "Images that were predicted.", "the server"
)
REQUEST_SECONDS = ServingMetric(
    f"{PREFIX}request_seconds",
    "histogram",
    "seconds",
    ("run",),
    "From a request's last byte to its answer, with the wait for its batch.",
    "the server's clock",
)
BATCH_IMAGES = ServingMetric(
    f"{PREFIX}batch_images", "histogram", "images", ("run",), "Images that the model was given at once.", "the server"
)
COST_PER_1000 = ServingMetric(
    f"{PREFIX}cost_per_1000_predictions",
    "gauge",
    "",
    ("run", "currency"),
    "What 1,000 predictions cost by the price at present and the predictions of the last minute; absent without any.",
    "the exporter's price, or the one by hand",
)
ALL = (REQUESTS, PREDICTIONS, REQUEST_SECONDS, BATCH_IMAGES, COST_PER_1000)


class ServingMetrics:
    """Counts what is served; safe to use from any thread."""

    def __init__(
        self, run: str, price_per_hour: Callable[[], Money], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.registry = CollectorRegistry()
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._recent: deque[tuple[float, int]] = deque()
        self._requests = Counter(REQUESTS.series_name, REQUESTS.help, REQUESTS.labels, registry=self.registry)
        self._predictions = Counter(
            PREDICTIONS.series_name, PREDICTIONS.help, PREDICTIONS.labels, registry=self.registry
        ).labels(run)
        self._seconds = Histogram(
            REQUEST_SECONDS.series_name,
            REQUEST_SECONDS.help,
            REQUEST_SECONDS.labels,
            buckets=_REQUEST_BOUNDS,
            registry=self.registry,
        ).labels(run)
        self._batches = Histogram(
            BATCH_IMAGES.series_name,
            BATCH_IMAGES.help,
            BATCH_IMAGES.labels,
            buckets=_BATCH_BOUNDS,
            registry=self.registry,
        ).labels(run)
        self.registry.register(_Cost(self, run, price_per_hour))

    def answered(self, code: int, seconds: float) -> None:
        """A request was answered with this status, so long after it had come whole."""
        self._requests.labels(self._run, str(code)).inc()
        self._seconds.observe(seconds)

    def predicted(self, images: int) -> None:
        """The model answered for so many images at once."""
        self._predictions.inc(images)
        self._batches.observe(images)
        with self._lock:
            self._recent.append((self._clock(), images))
            self._forget()

    def per_second(self) -> float:
        """Predictions per second over the last minute, or since the beginning if that was later."""
        with self._lock:
            self._forget()
            count = sum(images for _, images in self._recent)
        seconds = min(RECENT_SECONDS, self._clock() - self._began)
        return count / seconds if seconds > 0 else 0.0

    def _forget(self) -> None:
        while self._recent and self._recent[0][0] < self._clock() - RECENT_SECONDS:
            self._recent.popleft()


class _Cost(Collector):
    """Reckons the cost of predictions when it is scraped."""

    def __init__(self, metrics: ServingMetrics, run: str, price_per_hour: Callable[[], Money]) -> None:
        self._metrics = metrics
        self._run = run
        self._price_per_hour = price_per_hour

    def collect(self) -> Iterator[Metric]:
        rate = self._metrics.per_second()
        price = self._price_per_hour()
        if not rate or not price:
            return
        family = GaugeMetricFamily(COST_PER_1000.series_name, COST_PER_1000.help, labels=COST_PER_1000.labels)
        for currency, per_hour in price.items():
            family.add_metric([self._run, currency], float(per_hour * 1000 / 3600 / Decimal(repr(rate))))
        yield family
