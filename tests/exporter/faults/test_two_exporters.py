"""Two exporters on one ledger, although its lock should keep the second off: the time is still booked once."""

from __future__ import annotations

import time
from pathlib import Path

from support.metered import Machine
from support.programs import exporter, wait_for, write_config
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger

HOST = {"TAXIMETER_DEVICES": "host"}


def test_two_real_exporters_on_one_ledger_double_nothing(tmp_path: Path) -> None:
    """Somebody removes the lock file and starts another: one of the two books, and the other says that it cannot."""
    config, path = write_config(tmp_path), tmp_path / "ledger.db"
    began_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    with exporter(config, environ=HOST) as first:
        assert first.value("taximeter_ledger_write_failures_total") == 0
        (tmp_path / "ledger.db.lock").unlink()
        with exporter(config, environ=HOST) as second:
            wait_for(lambda: first.get("/readyz").status == 503, "the first goes on")
            wait_for(lambda: first.value("taximeter_ledger_write_failures_total") > 1, "the first gives up")
            wait_for(lambda: second.get("/readyz").status == 200, "the second is not ready")
            assert second.value("taximeter_ledger_write_failures_total") == 0
            shown = sum(value for (name, _), value in second.metrics().items() if name == "taximeter_cost_total")
    ended_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    ledger = SqliteLedger(path, readonly=True)
    (cursor,), total_ns = ledger.cursors().values(), sum(row.ns for row in ledger.usage())
    ledger.close()
    # At 1 USD a second, from the first sample of the first to the last of the second.
    assert began_ns < cursor.booked_ns - total_ns < cursor.booked_ns < ended_ns
    assert shown * 1e9 <= total_ns


def test_two_meters_that_tick_in_turn_book_each_second_once(tmp_path: Path) -> None:
    """The lock is gone, and both know the same ledger: whoever comes second is refused each time."""
    path = tmp_path / "ledger.db"
    first = Machine(path)
    first.start()
    first.pass_time(5)
    path.with_name("ledger.db.lock").unlink()
    second = Machine(path, clock=first.clock)
    second.start()
    for _ in range(10):
        first.clock.advance(seconds=1)
        second.meter.tick()
        first.meter.tick()
    assert first.meter.state().write_failures == 10
    assert second.meter.state().write_failures == 0
    assert sum(row.ns for row in first.ledger.usage()) == 15 * 10**9
    assert sum(second.shares().values()) == 15
    first.kill()
    second.kill()
