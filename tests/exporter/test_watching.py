"""What is looked at in the background: with patched time, on a real ledger, and made-up GPUs."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes.manual_clock import ManualClock
from support.metered import Machine, time_ns
from support.programs import wait_for, write_config
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.config.settings import Settings, load
from taximeter_exporter.devices.sampler import Sampler
from taximeter_exporter.devices.simulated import SimulatedSource
from taximeter_exporter.watching import Watcher

CONFIG = """\
host: {provider: aws, region: us-east-1, instance_type: p5.48xlarge}
"""


class Watched:
    """A machine with simulated GPUs, and what is seen of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(elapsed_ns=NS_PER_SECOND, time_ns=time_ns("2026-11-21T12:00:00"))
        source = SimulatedSource(self.clock)
        self.sampler = Sampler(source, source.devices(), self.clock, interval_ns=60 * NS_PER_SECOND)
        settings = self.settings(CONFIG)
        self.machine = Machine(
            folder / "ledger.db", clock=self.clock, devices=self.sampler.devices, prices=settings.prices
        )
        meter = self.machine.start()
        self.watcher = Watcher(settings, clock=self.clock, snapshot=self.sampler.snapshot, state=meter.state)

    def settings(self, text: str) -> Settings:
        return load(write_config(self.folder, text), {})

    def look(self, minutes: int = 0) -> None:
        """Each minute, for so many."""
        for _ in range(minutes):
            self._look()
            self.clock.advance(seconds=60)
        self._look()

    def _look(self) -> None:
        for device in self.sampler.devices:
            self.sampler.sample_once(device)
        self.watcher.look()

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """What a metric shows, by its labels."""
        return {
            labels: value
            for spec, samples in self.watcher.samples()
            if spec.series_name == name
            for labels, value in samples
        }


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.machine.kill()


def test_a_smaller_gpu_is_named_once_the_memory_has_been_seen_for_six_hours(watched: Watched) -> None:
    cheaper = "taximeter_cheaper_gpu_price_per_hour"
    watched.look()
    watched.look(minutes=5 * 60 + 59)
    assert watched.values(cheaper) == {}
    watched.look(minutes=1)
    # 12 GiB at most, and 1; 41 and 68 fit on no smaller one that is on offer
    l40s = ("L40S", "aws", "us-east-1", "g6e.xlarge", "on_demand", "USD")
    assert watched.values(cheaper) == {("SIM-6", *l40s): 1.861, ("SIM-7", *l40s): 1.861}
    assert watched.values("taximeter_cheaper_gpu_relative_throughput")["SIM-6", *l40s] == pytest.approx(362 / 989)


def test_prices_that_are_reloaded_or_begin_are_seen_at_the_next_look(watched: Watched) -> None:
    def mine() -> set[float]:
        return {value for labels, value in watched.values("taximeter_offer_price_per_hour").items() if "acme" in labels}

    watched.look()
    assert mine() == set()
    own = "prices:\n  - {provider: acme, region: lab, instance_type: box, gpus: 8, gpu_model: H100, currency: USD"
    tomorrow = own + ", per_hour: 16, effective_from: 2026-11-22}\n"
    watched.watcher.reconfigure(watched.settings(CONFIG + tomorrow))
    watched.look(minutes=12 * 60 - 1)
    assert mine() == set()
    watched.look(minutes=1)
    assert mine() == {2}


def test_the_ledgers_files_and_the_room_that_is_left_for_them(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = watched.folder / "ledger.db"
    sizes = [path.stat().st_size for path in (ledger, ledger.with_name("ledger.db-wal"))]
    assert min(sizes) > 0
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=3, f_frsize=4096, f_bsize=1, f_bfree=9))
    watched.look()
    assert watched.values("taximeter_ledger_free_bytes") == {(): 3 * 4096}
    assert watched.values("taximeter_ledger_size_bytes") == {(): sum(sizes)}


def test_a_ledger_whose_disk_is_gone_has_no_reading(watched: Watched) -> None:
    (watched.folder / "ledger.db").rename(watched.folder / "elsewhere.db")
    watched.look()
    assert watched.values("taximeter_ledger_free_bytes") == watched.values("taximeter_ledger_size_bytes") == {}
    assert watched.values("taximeter_offer_price_per_hour")


def test_one_look_that_fails_is_not_the_last(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    settings = watched.settings(CONFIG)
    watched.watcher.reconfigure(replace(settings, book=None))  # type: ignore[arg-type]
    watched.watcher.start()
    wait_for(lambda: "looked at again" in caplog.text, "it did not fail")
    watched.watcher.reconfigure(settings)
    wait_for(lambda: watched.values("taximeter_ledger_free_bytes"), "it does not look again")
    watched.watcher.stop(120)
    assert "watch" not in {thread.name for thread in threading.enumerate()}
