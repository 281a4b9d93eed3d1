"""The meter in a loop: exact times, exact money, real HTTP, and nothing that reaches the training."""

from __future__ import annotations

import http.client
import math
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal

import pytest
import taximeter
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks
from prometheus_client import Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_to_metric_families
from prometheus_client.parser import text_string_to_metric_families
from support.programs import wait_for
from support.promptness import within
from taximeter import metric_table
from trainer.conftest import Build


def scrape(meter: taximeter.Meter) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Value by name and labels other than run and rank, which are checked."""
    assert meter.metrics_url is not None
    with urllib.request.urlopen(meter.metrics_url) as answer:
        text = answer.read().decode()
    values = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert (labels.pop("run"), labels.pop("rank")) == (meter.run, "0")
            values[sample.name, frozenset(labels.items())] = sample.value
    return values


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"taximeter_training_{name}", frozenset(labels.items())


def loader(ticks: Ticks, batches: int, *, wait: float) -> Iterator[list[int]]:
    for _ in range(batches):
        ticks.advance(wait)
        yield [1, 2, 3]


def test_a_loops_time_samples_and_money(build: Build, exporter: FakeExporter, ticks: Ticks) -> None:
    meter = build()
    ticks.advance(2)
    for epoch in (1, 2):
        for _ in meter.steps(loader(ticks, 3, wait=0.25)):
            ticks.advance(0.5)
            with meter.phase("optimizer"):
                ticks.advance(0.125)
            meter.log(loss=0.5, epoch=epoch, learning_rate=0.1)
        with meter.phase("evaluation"):
            ticks.advance(1)
        meter.log(split="validation", accuracy=0.75 if epoch == 1 else 0.5)
    ticks.advance(0.5)
    assert meter.cost() == {"USD": Decimal("9.75")}
    shown = scrape(meter)
    bill = meter.end()

    assert {phase: shown[key("phase_seconds_total", phase=phase)] for phase in ("startup", "data_wait")} == {
        "startup": 2.0,
        "data_wait": 1.5,
    }
    assert shown[key("seconds_total")] == 9.75
    assert {part.phase: (part.seconds, part.cost["USD"]) for part in bill.phases if part.seconds} == {
        "startup": (2.0, Decimal(2)),
        "data_wait": (1.5, Decimal("1.5")),
        "forward_backward": (3.0, Decimal(3)),
        "optimizer": (0.75, Decimal("0.75")),
        "evaluation": (2.0, Decimal(2)),
        "other": (0.5, Decimal("0.5")),
    }
    assert (shown[key("step_seconds_count")], shown[key("step_seconds_sum")]) == (6, 6 * 0.875)
    assert (shown[key("step_seconds_bucket", le="0.5")], shown[key("step_seconds_bucket", le="1.0")]) == (0, 6)
    assert (shown[key("steps_total")], shown[key("samples_total")]) == (6, 18)
    assert (shown[key("epoch")], shown[key("learning_rate")], shown[key("exporter_up")]) == (2, 0.1, 1)
    assert shown[key("loss", split="train")] == 0.5
    assert shown[key("accuracy_ratio", split="validation")] == 0.5
    assert (bill.cost, bill.source, bill.epochs, bill.accuracy) == ({"USD": Decimal("9.75")}, "exporter", 2, 0.75)
    assert bill.cost_per_epoch == {"USD": Decimal("4.875")}
    assert bill.device_seconds == 9.75
    assert exporter.runs["r"].progress == {"epoch": 2, "step": 6, "samples": 18, "accuracy": 0.5, "loss": 0.5}
    assert meter.end("failed") is bill


def test_every_metric_of_the_table_is_published_as_the_table_says(build: Build, ticks: Ticks) -> None:
    meter = build(budget=5)
    by_hand = build(run="by-hand", price=1)
    meter.plan(epochs=2)
    meter.log_flops(per_sample=1e9, peak_per_second=1e12)
    meter.log_memory(1)
    meter.read_bytes(1)
    for _ in meter.steps([[1]]):
        ticks.advance(1)
        meter.log(loss=1, accuracy=0.5, epoch=1, learning_rate=0.1, grad_norm=1)
    meter.log(accuracy=0.5, split="validation")
    meter.log_scores(top5_accuracy=1, precision=1, recall=1, f1=1)
    meter.end()  # what there was stays
    by_hand.log(loss=math.nan)
    identity = set(metric_table.IDENTITY)
    table = {spec.series_name: (spec.kind, identity.union(spec.labels), spec.help) for spec in metric_table.ALL}
    table[metric_table.STEP_SECONDS] = ("histogram", identity, metric_table.STEP_SECONDS_HELP)
    assert published(meter.metrics_url) | published(by_hand.metrics_url) == table


def published(url: str | None) -> dict[str, tuple[str, set[str], str]]:
    """The kind, labels and help of each metric of a page."""
    assert url is not None
    with urllib.request.urlopen(url) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    shown: dict[str, tuple[str, set[str], str]] = {}
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        shown[name] = (family.type, labels, family.documentation)
    return shown


def test_both_formats_are_what_their_parsers_read(build: Build, ticks: Ticks) -> None:
    meter = build(run="a.b:c@d+e=f-g", price=1, budget=5)
    for _ in meter.steps([[1]] * 3):
        ticks.advance(0.3)
        meter.log(loss=1e-7, accuracy=1 / 3)
    Counter("more", "Of the program's own.", registry=meter.registry).inc(2)
    assert meter.metrics_url is not None
    read: list[dict[tuple[str, frozenset[tuple[str, str]]], float]] = []
    for accept, parse in (
        ("text/plain", text_string_to_metric_families),
        ("application/openmetrics-text; version=1.0.0,text/plain;q=0.5", openmetrics_to_metric_families),
    ):
        request = urllib.request.Request(meter.metrics_url, headers={"Accept": accept})
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["Content-Type"].startswith(accept.split(";")[0].split(",")[0])
            families = list(parse(answer.read().decode()))
        read.append(
            {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in families
                for sample in family.samples
                if not sample.name.endswith("_created")
            }
        )
        assert {family.type for family in families} == {"counter", "gauge", "histogram"}
        assert all(family.documentation for family in families)
    assert read[0] == read[1]
    identity = {"run": "a.b:c@d+e=f-g", "rank": "0"}
    assert read[0]["taximeter_training_accuracy_ratio", frozenset({**identity, "split": "train"}.items())] == 1 / 3
    assert read[0]["taximeter_training_step_seconds_bucket", frozenset({**identity, "le": "+Inf"}.items())] == 3
    assert read[0]["more_total", frozenset()] == 2


def test_without_a_reading_there_is_no_series(build: Build) -> None:
    names = {name for name, _ in scrape(build())}
    counters = {"phase_seconds", "seconds", "steps", "samples", "epochs", "out_of_memory", "lost_steps", "lost_seconds"}
    there = {f"taximeter_training_{name}_total" for name in counters}
    assert {name for name in names if "step_seconds" not in name} == there | {"taximeter_training_exporter_up"}


def test_two_lines_meter_a_loop_and_do_not_import_torch(exporter: FakeExporter) -> None:
    program = f"""
import sys, taximeter
meter = taximeter.Meter(project="vision", run="two-lines", exporter={exporter.url!r}, listen="127.0.0.1:0")
for batch in meter.steps([[1, 2], [3, 4]]): pass
meter.wait_registered(60)
assert "torch" not in sys.modules
print(meter.metrics_url, flush=True)
"""
    command = [sys.executable, "-W", "error", "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        scrape_until_gone(process.stdout.readline().strip())
        _, complaints = process.communicate(timeout=240)
    assert (process.returncode, complaints) == (0, "")
    run = exporter.runs["two-lines"]
    assert (run.labels["project"], run.result) == ("vision", "finished")
    assert run.progress == {"step": 2, "samples": 4}


@pytest.mark.parametrize(
    ("last_line", "result"),
    [
        ("raise RuntimeError('no')", "failed"),
        ("raise KeyboardInterrupt", "stopped"),
        ("pass", "finished"),
        ("import os; pid = os.fork(); pid and os.waitpid(pid, 0)", "finished"),
    ],
)
def test_a_program_that_does_not_end_its_run(exporter: FakeExporter, last_line: str, result: str) -> None:
    program = f"""
import taximeter
meter = taximeter.Meter("vision", run="r", exporter={exporter.url!r}, listen="127.0.0.1:0")
meter.wait_registered(60)
meter.close = lambda: print("closed", flush=True)  # nobody scrapes here
{last_line}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=240)
    assert done.stdout == "closed\n"  # and not by the forked child as well
    assert exporter.runs["r"].result == result
    assert exporter.count("/end") == 1


def test_a_block_ends_as_it_was_left(build: Build, exporter: FakeExporter) -> None:
    with build(run="good") as meter:
        scrape_in_background(meter)
    with pytest.raises(ZeroDivisionError), build(run="bad") as meter:
        scrape_in_background(meter)
        raise ZeroDivisionError
    with pytest.raises(SystemExit), build(run="left") as meter:
        scrape_in_background(meter)
        sys.exit(0)
    assert [exporter.runs[run].result for run in ("good", "bad", "left")] == ["finished", "failed", "finished"]


def scrape_until_gone(url: str) -> None:
    """Scrape as Prometheus does, again and again."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=60).close()
        except (OSError, http.client.HTTPException):
            return


def scrape_in_background(meter: taximeter.Meter) -> None:
    assert meter.metrics_url is not None
    threading.Thread(target=scrape_until_gone, args=(meter.metrics_url,)).start()


def test_the_final_values_stay_until_they_have_been_scraped(build: Build) -> None:
    meter = build()
    scrape(meter)  # somebody scrapes
    for _ in meter.steps([[1, 2, 3]]):
        pass
    meter.end()
    closing = threading.Thread(target=meter.close, kwargs={"last_scrape_seconds": 600})
    url = meter.metrics_url
    assert url is not None
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    with urllib.request.urlopen(url) as answer:
        assert 'taximeter_training_samples_total{rank="0",run="r"} 3.0' in answer.read().decode()
    closing.join(300)
    assert not closing.is_alive()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url)


def test_the_wait_for_a_last_scrape_is_bounded(build: Build) -> None:
    meter = build()
    began = time.monotonic()
    meter.close(last_scrape_seconds=0.1)
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize(
    "why", ["nobody scraped for a minute", "no exporter and no scrape", "a price by hand and no scrape"]
)
def test_where_nobody_scrapes_nobody_is_waited_for(
    build: Build, exporter: FakeExporter, ticks: Ticks, why: str
) -> None:
    if why == "no exporter and no scrape":
        exporter.stop()
    meter = build(price=3600 if why == "a price by hand and no scrape" else None)
    ticks.advance(61 if why == "nobody scraped for a minute" else 1)
    began = time.monotonic()
    meter.close(last_scrape_seconds=600)
    assert time.monotonic() - began < 300


def test_with_a_price_by_hand_whoever_scraped_is_waited_for_and_the_wait_is_free(build: Build, ticks: Ticks) -> None:
    meter = build(price=3600)
    scrape(meter)
    ticks.advance(2)
    bill = meter.end()
    began = time.monotonic()
    meter.close(last_scrape_seconds=0.1)
    assert time.monotonic() - began >= 0.1
    ticks.advance(100)
    assert meter.end() is bill
    assert meter.cost() == bill.cost == {"USD": 2}


def test_a_slow_exporter_holds_up_no_step_and_no_scrape(build: Build, exporter: FakeExporter, ticks: Ticks) -> None:
    exporter.hold.clear()
    meter = taximeter.Meter("vision", run="r", exporter=exporter.url, listen="127.0.0.1:0", clock=ticks)
    try:
        wait_for(lambda: meter.wait_registered(0) is None, "never")
        with within(1.9):  # the client's own timeout is 2 s: nothing waited for it
            for _ in meter.steps([[1]] * 1000):
                meter.log(loss=0.5)
                meter.cost()
            assert scrape(meter)[key("exporter_up")] == 0
    finally:
        exporter.hold.set()
        meter.end()
        meter.close(last_scrape_seconds=0)


def test_a_port_in_use_is_said_and_the_training_goes_on(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        meter = build(listen=where)
        assert meter.metrics_url is None
        assert f"no metrics at {where}" in caplog.text
        assert list(meter.steps([1, 2])) == [1, 2]
        with pytest.raises(OSError, match="in use"):
            taximeter.Meter("vision", run="r2", listen=where, strict=True)


def test_a_refused_run_is_said_and_the_training_goes_on(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    build()
    second = build()
    assert "refuses the run (run: r is active under another lease)" in caplog.text
    assert list(second.steps([1, 2])) == [1, 2]
    assert second.end().source == "unknown"


def test_other_ranks_publish_and_do_not_pay(
    build: Build, exporter: FakeExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "3")
    meter = build()
    assert meter.metrics_url is not None
    with urllib.request.urlopen(meter.metrics_url) as answer:
        text = answer.read().decode()
    assert 'taximeter_training_steps_total{rank="3",run="r"} 0.0' in text
    assert "exporter_up" not in text
    assert meter.end().source == "unknown"
    assert exporter.calls == []


def test_wrong_arguments_are_said_before_anything_starts(exporter: FakeExporter) -> None:
    threads = threading.active_count()
    with pytest.raises(ValueError, match=r"^project: '' does not fit"):
        taximeter.Meter("", exporter=exporter.url)
    assert (threading.active_count(), exporter.calls) == (threads, [])


def test_where_all_batches_hold_the_same_none_is_looked_at(build: Build) -> None:
    meter = build()
    for _ in meter.steps(iter([None, [1, 2]]), samples=8):
        pass
    assert meter.end().samples == 16


def test_a_number_of_samples_that_is_none_is_said(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    meter = build()
    for _ in meter.steps([None], samples="many"):  # type: ignore[arg-type]
        pass
    assert (meter.end().steps, meter.end().samples) == (1, 0)
    assert "samples could not be counted" in caplog.text


def test_bytes_that_were_read_are_told_to_the_exporter(build: Build, exporter: FakeExporter) -> None:
    meter = build()
    for count in (1000, 234):
        meter.read_bytes(count)
    meter.read_bytes(-1)
    meter.end()
    assert exporter.runs["r"].progress["bytes"] == 1234


def test_mistakes_in_the_loop_are_said_and_cost_no_training(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    meter = build()
    for _ in meter.steps([[1]] * 2, samples=lambda batch: len(batch) // 0):
        with meter.phase("eval"):  # type: ignore[arg-type]
            pass
        meter.log(loss=1.0, split="test", epoch=-1)  # type: ignore[arg-type]
        meter.log(loss=math.nan)
    reported = meter.end()
    assert (reported.steps, reported.samples) == (2, 0)
    assert len(caplog.messages) == 4
    for said in (
        "could not be counted",
        "no phase 'eval'",
        "no split 'test'",
        "epoch is not what it should be",
    ):
        assert said in caplog.text


def test_a_loop_left_by_break(build: Build, ticks: Ticks) -> None:
    meter = build()
    for _ in meter.steps([[1], [2], [3]]):
        ticks.advance(1)
        break
    ticks.advance(10)
    bill = meter.end()
    assert (bill.steps, bill.epochs) == (1, 0)
    assert {part.phase: part.seconds for part in bill.phases if part.seconds} == {
        "forward_backward": 1.0,
        "other": 10.0,
    }


def test_a_loop_that_is_left_after_the_last_batch_has_passed(build: Build) -> None:
    """Frameworks that know how many batches there are do not ask for one more."""
    meter = build()
    for many in (3, 3, 2):
        for number, _ in enumerate(meter.steps([[1], [2], [3]]), 1):
            if number == many:
                break
    batches = iter(meter.steps([[1]]))
    for _ in batches:
        pass
    batches.close()  # type: ignore[attr-defined]
    for _ in meter.steps(iter([[1]])):
        break  # nobody knows whether there would have been more
    bill = meter.end()
    assert (bill.steps, bill.epochs) == (10, 3)


def test_what_comes_after_the_end_does_not_change_it(build: Build, ticks: Ticks) -> None:
    meter = build()
    bill = meter.end()
    assert list(meter.steps([1, 2])) == [1, 2]
    meter.log(loss=1.0)
    ticks.advance(5)
    values = scrape(meter)
    assert values[key("steps_total")] == 0
    assert key("loss", split="train") not in values
    assert meter.end() is bill


def test_steps_have_the_loaders_length(build: Build) -> None:
    meter = build()
    assert len(meter.steps([1, 2, 3])) == 3
    with pytest.raises(TypeError):
        len(meter.steps(iter([1])))


def test_health_and_other_pages(build: Build) -> None:
    url = build().metrics_url
    assert url is not None
    with urllib.request.urlopen(url.replace("/metrics", "/healthz")) as answer:
        assert answer.read() == b"ok\n"
    with pytest.raises(urllib.error.HTTPError, match="404") as missing:
        urllib.request.urlopen(url.replace("/metrics", "/"))
    missing.value.close()
    request = urllib.request.Request(url, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    with urllib.request.urlopen(request) as answer:
        assert answer.read().endswith(b"# EOF\n")


def test_an_unpriced_machine_has_an_unknown_cost(build: Build, exporter: FakeExporter) -> None:
    exporter.price_per_hour = {}
    meter = build()
    assert meter.cost() == {}
    assert meter.end().source == "unknown"


def test_an_exporter_that_is_away_at_the_end_leaves_an_estimate(
    build: Build, exporter: FakeExporter, ticks: Ticks
) -> None:
    meter = build()
    ticks.advance(4)
    exporter.stop()
    bill = meter.end()
    assert bill.source == "estimate"
    assert bill.cost == {"USD": Decimal(4)}


class Shaped:
    """Something with a shape, such as a tensor."""

    def __init__(self, *shape: object) -> None:
        self.shape = shape


@pytest.mark.parametrize(
    ("batch", "samples"),
    [((Shaped(64, 3), Shaped(64)), 64), ([Shaped(8)], 8), ((Shaped(), Shaped(4)), 2), (Shaped(32, 3), 32), ("ab", 1)],
)
def test_a_step_counts_what_its_batch_holds(build: Build, batch: object, samples: int) -> None:
    meter = build()
    for _ in meter.steps([batch] * 3):
        pass
    assert meter.done.samples == 3 * samples


def test_a_shape_that_says_no_number_is_left_out_and_said_once(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    meter = build()
    for _ in meter.steps([(Shaped("many"), Shaped(None))] * 3):
        pass
    assert (meter.done.steps, meter.done.samples) == (3, 0)
    assert caplog.text.count("could not be counted") == 1
