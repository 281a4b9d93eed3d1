"""What is declared of a metric: all that the collector and the page `docs/metrics.md` need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PREFIX = "taximeter_"

_UNITS = {
    "bytes_per_second": "bytes per second",
    "timestamp_seconds": "seconds since 1970",
    "per_hour": "currency per hour",
    **{unit: unit for unit in ("bytes", "celsius", "hertz", "joules", "seconds", "watts")},
    "ratio": "ratio (0–1)",
}


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric. The unit is the last word of the name, before `_total` on counters."""

    name: str
    """Without the prefix, and without `_total` on a counter."""
    help: str
    source: str
    """Where its values come from: the driver's call, or the part of the exporter."""
    labels: tuple[str, ...] = ()
    counter: bool = False
    prefix: str = PREFIX
    bare: bool = False
    """A counter by another exporter's name, which does not end in `_total`."""
    own: bool = False
    """It tells of the exporter's process, which is real also where the devices are simulated."""

    @property
    def series_name(self) -> str:
        """The name as it is queried."""
        return f"{self.prefix}{self.name}{'_total' if self.counter and not self.bare else ''}"

    @property
    def kind(self) -> str:
        """Its type, as Prometheus names it."""
        return "counter" if self.counter else "gauge"

    @property
    def unit(self) -> str:
        """In words; empty for what has none, such as a count, a flag or money, whose label names the currency."""
        return next((words for suffix, words in _UNITS.items() if self.name.endswith(f"_{suffix}")), "")


Samples = Sequence[tuple[tuple[str, ...], float]]
"""The values of a metric's labels, in the order of its `labels`, and its value under them."""
