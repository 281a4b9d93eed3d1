"""How long all rules together take to evaluate in a fleet, and whether that grows no faster than its series do.

Run with `tests` and `deploy` on PYTHONPATH: `python -m bench.rules [--format json]`. Exit status 1 if it does not hold.

The real Prometheus evaluates `prometheus/rules` on a made-up fleet of 100 hosts with 8 GPUs each and 50 budgets in all,
each of two hosts; of half and of a quarter as much; and, without a limit, of 100 hosts that have 50 budgets each
(`bench.fleet` says how they are made). What lies further back than twenty minutes is in blocks that promtool made, the
rest in memory, as it would be. All groups are evaluated every 20 seconds here, whatever their interval: one round is
each of them once. Five rounds count, of each rule its fastest: what else the machine does only ever adds to it.

Prometheus is the one on PATH, with promtool, alertmanager and amtool beside it, else the one that `make demo` unpacks.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from bench.fleet.making import RULES, Asked, Fleet, Size, of_rules
from bench.fleet.prometheus import Prometheus, prometheus
from bench.show import show
from bench.watched import Watched
from demo import binaries
from demo.configs import REPOSITORY
from demo.interrupts import Interrupts

LIMIT_MS = 200.0
SIZES = (Size(25, 2, 12), Size(50, 2, 25), Size(100, 2, 50))
"""The limit holds for the last."""
WORST = Size(100, 100, 50)
"""Each host has every budget: 5,000 series of each metric of budgets. It has to be over before the next round."""
LATER_SECONDS = 600.0
"""The rounds are over so long after the blocks were begun."""
ROUND_SECONDS = 20
ROUNDS = 5
MOST_GROWTH = 1.25
"""Of the time by the series: 1 is as fast as they do; the rest is what the machine does besides."""
DEAREST = 12
SETTLING_SECONDS = 2 * ROUND_SECONDS + 2
"""In which everything is evaluated once for recorded series to be born, and once for what is recorded of these."""


def measure() -> dict[str, Any]:
    """A row for each size of the fleet."""
    tools = binaries.find(REPOSITORY / ".tools", Interrupts(), print)
    fleets = [_fleet(tools, size) for size in (*SIZES, WORST)]
    smallest, *_, largest = fleets[: len(SIZES)]
    growth = (largest["ms"] / smallest["ms"]) / (largest["series"] / smallest["series"])
    return {
        "prometheus": tools.versions()["prometheus"],
        "fleets": fleets,
        "limit_ms": LIMIT_MS,
        "growth_by_series": growth,
        "holds": largest["ms"] < LIMIT_MS and growth < MOST_GROWTH and not any(fleet["late"] for fleet in fleets),
    }


def _fleet(tools: binaries.Tools, size: Size) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        fleet = Fleet(tools, size)
        asked = [Asked(of_rules())]
        made = fleet.blocks(folder / "tsdb", asked, for_so_long=LATER_SECONDS)
        with prometheus(tools.prometheus, folder / "tsdb", rules=list(_rules(folder))) as running:
            until = time.time() + SETTLING_SECONDS + (ROUNDS + 3) * ROUND_SECONDS
            fleet.go_on(running, asked, until=until, records=True)
            return {
                "hosts": size.hosts,
                "budgets": size.budgets,
                "with_budgets": size.with_budgets,
                "series": made.scraped_series,
                "samples": made.samples,
                "making_seconds": time.monotonic() - began,
                **_rounds(running),
            }


def _rules(folder: Path) -> Iterator[Path]:
    """The files with another interval in all groups."""
    for path in RULES:
        groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        at_once = {"groups": [{**group, "interval": f"{ROUND_SECONDS}s"} for group in groups]}
        (folder / path.name).write_text(json.dumps(at_once), encoding="utf-8")
        yield folder / path.name


def _rounds(running: Prometheus) -> dict[str, Any]:
    """What the rounds took; times in milliseconds."""
    time.sleep(SETTLING_SECONDS)
    watched = Watched(running.pid)
    cpu_ms = watched.cpu_ms()
    rounds = []
    for _ in range(ROUNDS):
        time.sleep(ROUND_SECONDS)
        rounds.append(running.rule_groups())
    cpu_ms = (watched.cpu_ms() - cpu_ms) / ROUNDS
    # Where one round is not over before the next, the machine is too busy, or the fleet too large for it.
    late = {
        group["name"]
        for before, after in pairwise(rounds)
        for group, then in zip(after, before, strict=True)
        if group["lastEvaluation"] == then["lastEvaluation"] or group["evaluationTime"] > ROUND_SECONDS
    }
    rules = [
        (rule["name"], 1e3 * min(each["evaluationTime"] for each in (rule, *others)))
        for rule, *others in zip(*([rule for group in each for rule in group["rules"]] for each in rounds), strict=True)
    ]
    failed = [rule["name"] for group in rounds[-1] for rule in group["rules"] if rule["health"] != "ok"]
    assert not failed, f"rules that cannot be evaluated: {failed}"
    return {
        "ms": sum(ms for _, ms in rules),
        "round_ms": min(1e3 * sum(group["evaluationTime"] for group in each) for each in rounds),
        "cpu_ms": cpu_ms,
        "alerts": sum(len(rule.get("alerts", ())) for group in rounds[-1] for rule in group["rules"]),
        "late": sorted(late),
        "rules_ms": sorted(rules, key=lambda item: -item[1])[:DEAREST],
    }


def in_words(figures: dict[str, Any]) -> str:
    """The figures as tables."""
    rows = [
        f"Prometheus {figures['prometheus']}",
        "hosts  budgets  on hosts   series  alerts  rules, ms  best round, ms  processor, ms  made, s",
    ]
    rows += [
        f"{fleet['hosts']:>5}  {fleet['budgets']:>7}  {fleet['with_budgets']:>8}  {fleet['series']:>7,}"
        f"  {fleet['alerts']:>6,}  {fleet['ms']:>9.1f}  {fleet['round_ms']:>14.1f}"
        f"  {fleet['cpu_ms']:>13.1f}  {fleet['making_seconds']:>7.0f}"
        for fleet in figures["fleets"]
    ]
    rows += [
        f"limit {figures['limit_ms']:g} ms, but for the last; the time grows {figures['growth_by_series']:.2f} times as"
        " fast as the series",
        *(
            f"{fleet['hosts']} hosts, {fleet['budgets']} budgets on {fleet['with_budgets']}: not over before the next"
            f" round, and so measured too low: {', '.join(fleet['late'])}"
            for fleet in figures["fleets"]
            if fleet["late"]
        ),
        "",
        "the dearest rules where the limit holds: ms",
        *(f"{ms:>8.1f}  {name}" for name, ms in figures["fleets"][len(SIZES) - 1]["rules_ms"]),
    ]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: bool(figures["holds"])))
