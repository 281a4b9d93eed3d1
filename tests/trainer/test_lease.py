"""The lease is kept over real HTTP, whatever the exporter does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks
from support.programs import wait_for
from taximeter.cost import RunningCost
from taximeter.exporter_client import ExporterClient, Progress
from taximeter.lease import LeaseKeeper
from taximeter.settings import resolve


class Kept:
    """A lease keeper with short waits, and what it works with."""

    def __init__(self, exporter: FakeExporter, ticks: Ticks, *, resume: bool = False) -> None:
        settings = resolve(run="r", project="vision", exporter=exporter.url, environ={})
        self.cost = RunningCost(ticks)
        self.progress: Progress = {"step": 1}
        self.refusals: list[str] = []
        self.keeper = LeaseKeeper(
            ExporterClient(settings, timeout=0.5),
            self.cost,
            lambda: self.progress,
            resume=resume,
            where=exporter.url,
            on_refusal=self.refusals.append,
            retry_seconds=0.02,
        )

    def start(self) -> None:
        self.keeper.start()
        assert self.keeper.wait_asked(10)

    def end(self, result: str = "finished") -> None:
        self.keeper.end(result, seconds=10)


@pytest.fixture
def kept(exporter: FakeExporter, ticks: Ticks) -> Iterator[Kept]:
    kept = Kept(exporter, ticks)
    yield kept
    kept.end()


def lease_threads() -> int:
    return sum(thread.name == "taximeter-lease" for thread in threading.enumerate())


def test_a_cost_that_is_not_final_is_asked_for_again(exporter: FakeExporter, kept: Kept) -> None:
    """Another run on the same device has not been heard of since: who had the last seconds is not known yet."""
    kept.start()
    exporter.unsettled_answers = 2
    kept.end()
    assert exporter.count("/end") == 3
    assert kept.keeper.settled


def test_registers_renews_and_ends(exporter: FakeExporter, ticks: Ticks, kept: Kept) -> None:
    kept.start()
    assert exporter.calls[0] == ("", {"run": "r", "project": "vision"})
    ticks.advance(3)
    assert kept.cost.seen() == {"USD": Decimal(3)}  # 3600 USD an hour since the exporter's last word
    wait_for(lambda: exporter.runs["r"].device_seconds == 3, "no renewal")
    assert exporter.runs["r"].progress == {"step": 1}
    ticks.advance(2)
    kept.progress = {"step": 9}
    kept.end("stopped")
    run = exporter.runs["r"]
    assert (run.state, run.result, run.progress) == ("ended", "stopped", {"step": 9})
    assert kept.keeper.settled
    assert kept.cost.seen() == {"USD": Decimal(5)}
    assert lease_threads() == 0


def test_an_exporter_that_goes_away_and_comes_back(
    exporter: FakeExporter, ticks: Ticks, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.start()
    assert kept.keeper.up
    exporter.stop()
    wait_for(lambda: not kept.keeper.up, "not noticed")
    ticks.advance(7)
    assert kept.cost.seen() == {"USD": Decimal(7)}  # at the last known price
    exporter.start()
    wait_for(lambda: kept.keeper.up, "did not find it again")
    assert [message for message in caplog.messages if "no exporter at" in message] == [
        message for message in caplog.messages if "training goes on with the last known price" in message
    ]
    assert len(caplog.messages) == 2  # that it is away, and that it answers again
    kept.end()
    assert exporter.count("") - exporter.count("/renew") - exporter.count("/end") == 1  # the lease was still good
    assert exporter.runs["r"].result == "finished"


def test_an_exporter_that_comes_late(ticks: Ticks, caplog: pytest.LogCaptureFixture) -> None:
    exporter = FakeExporter(lambda: ticks() / 1e9).start()
    exporter.stop()
    kept = Kept(exporter, ticks)
    kept.start()
    assert not kept.keeper.up
    assert kept.cost.seen() == {}
    assert "training goes on with no price" in caplog.text
    exporter.start()
    try:
        wait_for(lambda: kept.keeper.up, "did not find it")
        assert "resume" not in exporter.calls[0][1]  # nothing of the run can be known there yet
        kept.end()
        assert exporter.runs["r"].result == "finished"
    finally:
        exporter.stop()


@pytest.mark.parametrize("forgotten", ["expired", "unknown"])
def test_a_lost_lease_is_taken_again(exporter: FakeExporter, kept: Kept, forgotten: str) -> None:
    kept.start()
    first = exporter.runs["r"].lease
    if forgotten == "expired":
        exporter.expire("r")
    else:
        del exporter.runs["r"]
    wait_for(lambda: "r" in exporter.runs and exporter.runs["r"].lease != first, "not registered again")
    assert [body for path, body in exporter.calls if path == ""][1:] == [
        {"run": "r", "project": "vision", "resume": True}
    ]
    kept.end()
    assert exporter.runs["r"].result == "finished"


def test_a_lease_that_ran_out_before_the_end_is_taken_once_more(exporter: FakeExporter, kept: Kept) -> None:
    exporter.renew_seconds = 3600
    kept.start()
    exporter.expire("r")
    kept.end("failed")
    assert exporter.runs["r"].result == "failed"
    assert kept.keeper.settled


def test_an_answer_that_got_lost_is_not_a_run_that_got_lost(exporter: FakeExporter, kept: Kept) -> None:
    exporter.lose_answers = True
    kept.start()
    assert not kept.keeper.up
    exporter.lose_answers = False
    exporter.expire("r")  # the lease that nobody holds
    wait_for(lambda: kept.cost.seen() != {}, "not registered")
    assert exporter.calls[-1][1].get("resume") or exporter.count("/renew")
    kept.end()
    assert exporter.runs["r"].result == "finished"


def test_a_name_that_is_taken_is_refused_and_not_asked_again(exporter: FakeExporter, ticks: Ticks, kept: Kept) -> None:
    kept.start()
    second = Kept(exporter, ticks)
    second.start()
    assert second.keeper.refusal == "run: r is active under another lease"
    second.end()
    assert exporter.runs["r"].state == "active"
    assert second.refusals == [second.keeper.refusal]


def test_resume_waits_for_a_lease_that_has_not_run_out_yet(exporter: FakeExporter, ticks: Ticks, kept: Kept) -> None:
    kept.start()
    kept.end()
    exporter.runs["r"].state = "active"  # as after a crash: nobody renews it, and it has not run out
    second = Kept(exporter, ticks, resume=True)
    second.start()
    assert second.keeper.refusal is None
    exporter.expire("r")
    wait_for(lambda: second.cost.seen() != {}, "not registered")
    second.end()
    assert exporter.runs["r"].result == "finished"


def test_a_run_that_someone_else_took_over_is_let_go(exporter: FakeExporter, kept: Kept) -> None:
    kept.start()
    exporter.runs["r"].lease = "another's"
    wait_for(lambda: kept.keeper.refusal is not None, "not noticed")
    kept.end()
    assert exporter.runs["r"].state == "active"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "[]",
        "{}",
        '{"cost": 1}',
        '{"lease": "x", "renew_seconds": "NaN"}',
        '{"lease": "x", "renew_seconds": 0}',
    ],
)
def test_an_answer_that_makes_no_sense_is_no_answer(exporter: FakeExporter, kept: Kept, text: str) -> None:
    exporter.text_instead = text
    kept.start()
    assert not kept.keeper.up
    assert kept.cost.seen() == {}
    exporter.text_instead = None
    exporter.expire("r")
    wait_for(lambda: kept.keeper.up, "did not recover")


@pytest.mark.parametrize("status", [400, 500, 503])
def test_a_renewal_that_fails_is_tried_again(exporter: FakeExporter, kept: Kept, status: int) -> None:
    kept.start()
    exporter.status_instead = status
    wait_for(lambda: not kept.keeper.up, "not noticed")
    exporter.status_instead = None
    wait_for(lambda: kept.keeper.up, "did not recover")
    kept.end()
    assert exporter.runs["r"].result == "finished"


def test_amounts_that_are_not_finite_are_refused(exporter: FakeExporter, kept: Kept) -> None:
    exporter.price_per_hour = {"USD": Decimal("Infinity")}
    kept.start()
    assert not kept.keeper.up
    assert kept.cost.seen() == {}


def test_proxies_of_the_environment_are_not_used(
    exporter: FakeExporter, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    kept.start()
    assert kept.keeper.up
