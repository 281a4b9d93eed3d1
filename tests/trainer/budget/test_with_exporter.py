"""A budget holds where an exporter has the money, which books a run only up to its last renewal."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import taximeter
from support.programs import exporter, write_config

LIMIT = Decimal(8)
"""At a dollar a second: beyond the first renewal, after five."""
STEP = 0.05


def test_a_real_exporters_money_is_known_to_the_moment(tmp_path: Path) -> None:
    with exporter(write_config(tmp_path), "--simulate") as running:
        address = f"http://127.0.0.1:{running.port}"
        meter = taximeter.Meter("demo", exporter=address, budget=LIMIT, listen="127.0.0.1:0")
        assert meter.wait_registered(60) is None
        while meter.affords(STEP):
            time.sleep(STEP / 2)
        before, seen = time.monotonic(), meter.cost()["USD"]
        bill = meter.end("budget")
        passed = Decimal(time.monotonic() - before)
        meter.close(last_scrape_seconds=0)
    assert LIMIT - Decimal(STEP) <= seen
    assert bill.source == "exporter"
    assert bill.cost["USD"] <= seen + passed + Decimal("0.000001"), "more was spent than was known"
