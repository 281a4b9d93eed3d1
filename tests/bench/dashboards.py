"""How long the queries of the dashboards take in a fleet, and how many series each panel shows.

Run with `tests` and `deploy` on PYTHONPATH: `python -m bench.dashboards [--format json]`. Exit status 1 if it does not
hold: all queries of Cost now over 30 days together in a second, and no panel of any dashboard over 1,000 series.

The real Prometheus has a made-up fleet of 100 hosts with 8 GPUs and 50 budgets each (`bench.fleet` says how it is
made): 30 days of what rules record, in blocks, and the last minutes of everything in memory. It is asked as Grafana
asks in a window of 1,920 pixels (`bench.browser`), at most six queries at once. Three times; the median counts.

Of what is scraped there is no month, and of one recorded metric there are ten million samples at most: a dashboard that
looks at more over 30 days does not hold, however fast it was.
The other dashboards are asked over the range with which they open, of which only the last minutes are there: their
series can be counted, their times say little and have no limit.
"""

from __future__ import annotations

import json
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.blocks import COST_NOW
from bench.browser import Browser, Opened
from bench.fleet.hosts import DAY
from bench.fleet.lookback import seconds
from bench.fleet.making import Asked, Fleet, Size
from bench.fleet.prometheus import Prometheus, prometheus
from bench.show import show
from bench.watched import Watched
from demo import binaries
from demo.configs import REPOSITORY
from demo.interrupts import Interrupts

DASHBOARDS = sorted((REPOSITORY / "grafana" / "dashboards").glob("*.json"))
HOSTS = 100
LIMIT_SECONDS = 1.0
LIMIT_SERIES = 1_000
ROUNDS = 3
AT_ONCE = 6
"""A browser opens so many connections to a server with HTTP/1.1."""
DEAREST = 12


def default_range(path: Path) -> float:
    """Seconds that a dashboard shows when it is opened."""
    match = re.fullmatch(r"now-(\w+)", json.loads(path.read_text(encoding="utf-8"))["time"]["from"])
    assert match is not None, path
    return seconds(match[1])


def measure() -> dict[str, Any]:
    """Times in milliseconds."""
    tools = binaries.find(REPOSITORY / ".tools", Interrupts(), print)
    month = Opened(COST_NOW, 30 * DAY)
    others = [Opened(path, default_range(path)) for path in DASHBOARDS]
    fleet = Fleet(tools, Size(HOSTS, with_budgets=HOSTS))
    now = [Asked([query.expr for opened in (month, *others) for query, _ in opened.queries])]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "tsdb"
        made = fleet.blocks(data, month.looked_at())
        with prometheus(tools.prometheus, data) as running:
            end = time.time()
            fleet.go_on(running, now, until=end, records=False)
            cost_now = _opened(running, month, end)
            dashboards = {each.path.stem: _opened(running, each, end) for each in others}
    too_many = {
        f"{name}: {panel}": count
        for name, figures in {**dashboards, "cost-now, 30 days": cost_now}.items()
        for panel, count in figures["series"].items()
        if count > LIMIT_SERIES
    }
    return {
        "hosts": HOSTS,
        "scraped_series": made.scraped_series,
        "samples_in_blocks": made.samples,
        "cost_now": cost_now,
        "dashboards": dashboards,
        "scraped_over_a_month": sorted(made.left_out),
        "too_much_recorded": sorted(made.thinned),
        "too_many_series": too_many,
        "limit_seconds": LIMIT_SECONDS,
        "limit_series": LIMIT_SERIES,
        "holds": cost_now["ms"] < 1e3 * LIMIT_SECONDS and not made.left_out and not made.thinned and not too_many,
    }


def _opened(running: Prometheus, opened: Opened, end: float) -> dict[str, Any]:
    """All queries of a dashboard, a few times."""
    browser = Browser(running.url, opened.over, end)
    watched = Watched(running.pid)
    rounds, together, cpu = [], [], []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(ROUNDS):
            began, cpu_ms = time.perf_counter(), watched.cpu_ms()
            rounds.append(list(pool.map(browser.ask, *zip(*opened.queries, strict=True))))
            together.append(1e3 * (time.perf_counter() - began))
            cpu.append(watched.cpu_ms() - cpu_ms)
    panels: dict[str, list[float]] = defaultdict(list)
    series: dict[str, int] = defaultdict(int)
    for (query, _), *answers in zip(opened.queries, *rounds, strict=True):
        panels[query.panel].append(statistics.median(ms for ms, _ in answers))
        series[query.panel] += answers[0][1]
    return {
        "ms": statistics.median(together),
        "cpu_ms": statistics.median(cpu),
        "queries": len(opened.queries),
        "series": dict(series),
        "panels_ms": {panel: sum(each) for panel, each in panels.items()},
    }


def in_words(figures: dict[str, Any]) -> str:
    """The figures as tables."""
    month = figures["cost_now"]
    rows = [
        f"Cost now over 30 days, {figures['hosts']} hosts: {month['queries']} queries in {month['ms']:,.0f} ms"
        f" (processor {month['cpu_ms']:,.0f} ms), limit {1e3 * figures['limit_seconds']:,.0f} ms",
        *_dearest(month),
        "",
        "dashboard, as it opens    queries  largest panel  ms",
    ]
    rows += [
        f"{name:<24}  {each['queries']:>7}  {max(each['series'].values()):>13,}  {each['ms']:,.0f}"
        for name, each in figures["dashboards"].items()
    ]
    rows += [
        f"over {figures['limit_series']:,} series: {panel}, {n:,}" for panel, n in figures["too_many_series"].items()
    ]
    rows += [f"looks at 30 days of what is scraped: {name}" for name in figures["scraped_over_a_month"]]
    rows += [f"too much recorded in 30 days: {name}" for name in figures["too_much_recorded"]]
    return "\n".join(rows) + "\n"


def _dearest(figures: Mapping[str, Any]) -> Sequence[str]:
    dearest = sorted(figures["panels_ms"].items(), key=lambda item: -item[1])[:DEAREST]
    return [f"{ms:>9,.0f} ms  {figures['series'][panel]:>6,} series  {panel}" for panel, ms in dearest]


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: bool(figures["holds"])))
