"""The metrics as text, for Prometheus: written out from the meter when somebody asks.

Not by prometheus_client, which takes ten times as long, and takes it from the training. Tests read what is written with
its parsers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from taximeter.metric_table import ALL, STEP_SECONDS, STEP_SECONDS_HELP, MetricSpec, Reading
from taximeter.tally import STEP_BOUNDS

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Page:
    """The meter's metrics as a page of text."""

    def __init__(self, read: Callable[[], Reading], *, run: str, rank: int) -> None:
        self._read = read
        # A run's name and a rank have nothing in them that would have to be escaped; nor have other labels' values.
        self._identity = f'rank="{rank}",run="{run}"'
        # What is the same in every scrape.
        self._specs = {
            openmetrics: [self._prepared(spec, openmetrics) for spec in ALL] for openmetrics in (False, True)
        }

    def text(self, *, openmetrics: bool) -> str:
        """Every metric that has a reading; one without is left out rather than shown as 0.

        In the format `TEXT`, or as `OPENMETRICS` without its last line, `# EOF`.
        """
        now = self._read()
        parts = list(self._steps(now))
        for spec, about, series in self._specs[openmetrics]:
            lines = _lines(spec, series, now)
            if lines:
                parts.append(about + lines)
        return "".join(parts)

    def _prepared(self, spec: MetricSpec, openmetrics: bool) -> tuple[MetricSpec, str, str]:
        """The metric with the lines about it, and how each of its series begins."""
        # OpenMetrics calls a counter by its name without _total, which only the series has.
        name = spec.series_name.removesuffix("_total") if openmetrics else spec.series_name
        about = f"# HELP {name} {spec.help}\n# TYPE {name} {spec.kind}\n"
        return spec, about, f"{spec.series_name}{{{self._identity}"

    def _steps(self, now: Reading) -> Iterator[str]:
        yield f"# HELP {STEP_SECONDS} {STEP_SECONDS_HELP}\n# TYPE {STEP_SECONDS} histogram\n"
        total = 0
        for bound, total in zip((*STEP_BOUNDS, "+Inf"), accumulate(now.reported.step_counts), strict=True):
            yield f'{STEP_SECONDS}_bucket{{{self._identity},le="{bound}"}} {float(total)!r}\n'
        yield f"{STEP_SECONDS}_count{{{self._identity}}} {float(total)!r}\n"
        yield f"{STEP_SECONDS}_sum{{{self._identity}}} {now.reported.step_ns / 1e9!r}\n"


def _lines(spec: MetricSpec, series: str, now: Reading) -> str:
    if not spec.labels:
        return "".join([f"{series}}} {value!r}\n" for _, value in spec.values(now)])
    lines = []
    for further, value in spec.values(now):
        labels = ",".join([f'{name}="{label}"' for name, label in zip(spec.labels, further, strict=True)])
        lines.append(f"{series},{labels}}} {value!r}\n")
    return "".join(lines)
