"""`taximeter train` as a person runs it: in a process of its own, with an exporter and a scraper over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from fakes.exporter import FakeExporter
from generate.trainer import TABLES
from support.programs import wait_for
from taximeter.cli import main, parser
from taximeter.training import cli as train_cli
from trainer.test_meter import published, scrape_until_gone

# One thread: two would wait for each other where the tests share the processors with something else.
ENVIRON = {"OMP_NUM_THREADS": "1"}
SECONDS = 240

IN_TABLES = {row.name: (row.kind, set(row.labels), row.help) for table in TABLES for row in table.rows}
"""What docs/metrics.md says of each metric."""


@pytest.fixture
def exporter() -> Iterator[FakeExporter]:
    """An exporter with the machine's own clock: here real time passes."""
    fake = FakeExporter().start()
    yield fake
    fake.stop()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs leave their folders in one that goes."""
    monkeypatch.chdir(tmp_path)


@contextmanager
def training(exporter: FakeExporter, *options: str, path: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "taximeter", "train", "--run", "r", "--exporter", exporter.url]
    command += ["--metrics-listen", "127.0.0.1:0", *options]
    environ = {**os.environ, **ENVIRON} | ({} if path is None else {"PYTHONPATH": str(path)})
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def metrics_url(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.fullmatch(r"run r, metrics at (http://127\.0\.0\.1:\d+/metrics)\n", said)
    assert found, said
    return found[1]


def step(exporter: FakeExporter) -> float:
    return float(exporter.runs["r"].progress.get("step", 0)) if "r" in exporter.runs else 0


def test_a_run_is_accurate_and_its_bill_is_the_exporters(exporter: FakeExporter) -> None:
    options = ("--project", "vision", "--team", "research", "--epochs", "6", "--format", "json")
    with training(exporter, *options) as process:
        scraper = threading.Thread(target=scrape_until_gone, args=(metrics_url(process),))
        scraper.start()
        printed, said = process.communicate(timeout=SECONDS)
        scraper.join()
    assert process.returncode == 0, said
    bill = json.loads(printed)
    run = exporter.runs["r"]
    assert run.labels["project"] == "vision"
    assert (run.labels["team"], run.labels["model"], run.labels["dataset"]) == ("research", "small-resnet", "digits")
    assert (run.result, bill["result"], bill["source"]) == ("finished", "finished", "exporter")
    assert bill["accuracy"] >= 0.95
    assert (bill["epochs"], bill["steps"], bill["samples"]) == (6, 6 * 22, 6 * 22 * 64)

    cost = Decimal(bill["cost"]["USD"])
    assert cost == Decimal(f"{run.device_seconds:.6f}")  # at 3600 USD an hour
    assert Decimal(bill["cost_per_epoch"]["USD"]) == (cost / 6).quantize(Decimal("0.000001"))
    phases = {part["phase"]: part for part in bill["phases"]}
    assert sum(Decimal(part["cost"]["USD"]) for part in phases.values()) == pytest.approx(cost, abs=Decimal("0.00001"))
    assert sum(part["seconds"] for part in phases.values()) == pytest.approx(bill["seconds"], abs=0.01)
    for phase in ("startup", "data_wait", "forward_backward", "optimizer", "evaluation"):
        assert phases[phase]["seconds"] > 0, phase
    assert phases["data_wait"]["share"] < 0.2  # the augmentation is not what the run waits for

    epochs = re.findall(r"epoch (\d)/6: loss \d\.\d+, accuracy \d+\.\d%, cost [\d.]+ USD\n", said)
    assert epochs == list("123456")


def test_a_run_that_is_told_to_stop_pays_first(exporter: FakeExporter) -> None:
    with training(exporter, "--epochs", "1000") as process:
        scraper = threading.Thread(target=scrape_until_gone, args=(metrics_url(process),))
        scraper.start()
        wait_for(lambda: step(exporter) > 0, "no step", seconds=SECONDS)
        process.send_signal(signal.SIGTERM)
        printed, said = process.communicate(timeout=SECONDS)
        scraper.join()
    assert process.returncode == 128 + signal.SIGTERM, said
    assert exporter.runs["r"].result == "stopped"
    assert re.search(r"^  result +stopped$", printed, re.MULTILINE)
    assert re.search(r"^  total +[\d.]+ USD$", printed, re.MULTILINE)


def test_the_metrics_stay_if_they_are_told_to_and_each_is_in_a_table(exporter: FakeExporter) -> None:
    with training(exporter, "--epochs", "1", "--stay") as process:
        url = metrics_url(process)
        wait_for(lambda: exporter.count("/end") == 1, "no end", seconds=SECONDS)
        for _ in range(2):  # one scrape does not end it
            with urllib.request.urlopen(url) as answer:
                assert 'taximeter_training_steps_total{rank="0",run="r"} 22.0' in answer.read().decode()
        page = published(url)
        assert page == {name: IN_TABLES.get(name) for name in page}
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("the metrics stay"):
                break
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert "Bill of r" in printed


@pytest.fixture
def broken_torch(tmp_path: Path) -> Path:
    """A folder with a torch whose import takes ten minutes, or fails if it is told to."""
    package = tmp_path / "torch"
    package.mkdir()
    fails = "if os.environ.get('TORCH_FAILS'): raise RuntimeError('this torch is broken')"
    (package / "__init__.py").write_text(f"import os, time\n{fails}\ntime.sleep(600)\n")
    return tmp_path


def test_the_lease_begins_before_torch_is_imported(exporter: FakeExporter, broken_torch: Path) -> None:
    with training(exporter, path=broken_torch) as process:
        metrics_url(process)
        wait_for(lambda: exporter.count("/renew") > 0, "no lease")
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGINT, said
    assert exporter.runs["r"].result == "stopped"
    assert re.search(r"^  startup .* 100\.0% ", printed, re.MULTILINE)


def test_a_run_that_fails_ends_its_lease(
    exporter: FakeExporter, broken_torch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FAILS", "1")
    with training(exporter, path=broken_torch) as process:
        scrape_until_gone(metrics_url(process))
        printed, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert "this torch is broken" in said
    assert exporter.runs["r"].result == "failed"
    assert "Bill of r" in printed


def test_help_needs_nothing_that_takes_long_to_import(capsys: pytest.CaptureFixture[str]) -> None:
    """Of any command: each adds its options to be able to show its own line."""
    program = """if True:
        import sys
        from taximeter.cli import main
        try:
            main(sys.argv[1:])
        except SystemExit as exit:
            assert not exit.code
        slow = {"matplotlib", "msgspec", "optuna", "sklearn", "torch", "torchmetrics", "torchvision", "tqdm", "yaml"}
        print(slow.intersection(sys.modules))
    """
    for command in ([], ["train"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *command, "--help"],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.stdout.endswith("\nset()\n"), done.stderr
    for name in ("train", "run", "evaluate", "serve", "tune"):
        with pytest.raises(SystemExit, match="0"):
            main([name, "--help"])
        assert f"taximeter {name}" in capsys.readouterr().out.partition("examples:")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--epoch", "3"], "taximeter train: there is no option --epoch; did you mean --epochs?"),
        (
            ["train", "--learning-rat=1", "--epoch", "3"],
            "there is no option --learning-rat; did you mean --l",
        ),
        (["train", "--frobnicate"], "taximeter train: there is no option --frobnicate (see taximeter train --help)"),
        (["run", "--projct", "vision", "--", "make"], "taximeter run: there is no option --projct; did you mean --pro"),
        (["evaluate", "--run", "r", "--fils", "x"], "taximeter evaluate: there is no option --fils; did you mean --fi"),
        (["train", "vision"], "unrecognized arguments: vision"),
    ],
)
def test_a_misspelt_option_is_named_with_a_near_one(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert said in capsys.readouterr().err


def test_what_a_program_is_given_is_its_own() -> None:
    parsed = parser().parse_args(["run", "--price", "1", "--", "make", "--projct"])
    assert parsed.command == ["--", "make", "--projct"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--epochs", "0"], "taximeter train: --epochs: 0 does not fit: 1 or more"),
        (["--epochs", "many"], "taximeter train: argument --epochs: 'many' is not a whole number (see"),
        (
            ["--batch-size", "2000"],
            "taximeter train: --batch-size: 2000 does not fit: 1 to 1437, the training images of",
        ),
        (["--project", ""], "taximeter train: --project: '' does not fit: 1 to 128 printable characters"),
        (["--run", "a b"], "taximeter train: --run: 'a b' is not a run's name: 1 to 128 letters, digits"),
        (["--exporter", "box"], "taximeter train: --exporter: 'box' is not an address like http://127.0.0.1:9877"),
        (["--metrics-listen", "9878"], "taximeter train: --metrics-listen: '9878' is not host:port, for instance"),
        (["--device", "tpu"], "taximeter train: argument --device: 'tpu' is none of auto, cpu, cuda (see"),
        (["--price", "-1"], "taximeter train: --price: -1 does not fit: 0 or more"),
        (["--budget", "0"], "taximeter train: --budget: 0 does not fit: above 0"),
        (["--currency", "dollars"], "taximeter train: --currency: "),
        (["--checkpoint-every", "often"], "taximeter train: argument --checkpoint-every: 'often' is not a number"),
        (["--keep", "0"], "taximeter train: --keep: 0 does not fit: 1 or more"),
        (["--resume", "no.pt"], "taximeter train: --resume: no.pt: No such file or directory; auto, or the path of"),
    ],
)
def test_wrong_options_are_one_line_and_start_nothing(
    exporter: FakeExporter, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    assert run_here(["train", "--exporter", exporter.url, "--metrics-listen", "127.0.0.1:0", *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith(complaint)
    assert said.count("\n") == 1
    assert exporter.calls == []


def test_a_variable_that_is_wrong_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAXIMETER_TEAM", "a\tb")
    assert run_here(["train"]) == 2
    assert capsys.readouterr().err.startswith("taximeter train: TAXIMETER_TEAM: 'a\\tb' does not fit")


def test_a_port_in_use_starts_nothing(exporter: FakeExporter, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run_here(["train", "--exporter", exporter.url, "--metrics-listen", where]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"taximeter train: --metrics-listen: cannot listen on {where} (Address already in use)")
    assert said.count("\n") == 1
    assert exporter.calls == []


def test_a_run_that_the_exporter_refuses(exporter: FakeExporter, capsys: pytest.CaptureFixture[str]) -> None:
    exporter.answer("/api/v1/runs", {"run": "r", "project": "vision"})
    assert run_here(["train", "--run", "r", "--exporter", exporter.url, "--metrics-listen", "127.0.0.1:0"]) == 2
    said = capsys.readouterr().err
    assert said == "taximeter train: the exporter refuses the run: run: r is active under another lease\n"


def test_a_wait_for_cheaper_hours_can_be_ended_and_nothing_was_started(exporter: FakeExporter, tmp_path: Path) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(hours=20)).isoformat()
    exporter.prices = [
        {"uuid": "A", "currency": "USD", "per_hour": "4", "changes": [{"at": tomorrow, "per_hour": "1"}]}
    ]
    with training(exporter, "--start", "cheapest") as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert re.search(
            r"waiting until .* \((19 h 5\d|20 h 00) min\): 1\.00 USD an hour instead of 4\.00 USD saves 75%", said
        )
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=SECONDS)
    assert (process.returncode, printed, said) == (128 + signal.SIGINT, "", "nothing was started\n")
    assert exporter.calls == []
    assert list(tmp_path.glob("runs/*")) == []


def test_a_folder_that_cannot_be_written(exporter: FakeExporter, capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs").write_text("a file")
    options = ["--run", "r", "--exporter", exporter.url, "--metrics-listen", "127.0.0.1:0"]
    assert run_here(["train", *options, "--budget", "20"]) == 2
    said = capsys.readouterr().err
    assert said == "taximeter train: --output: runs/r cannot be written (Not a directory); name another folder\n"
    assert exporter.calls == []


def test_where_nobody_asked_for_a_folder_it_does_without(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose file system is read-only."""
    monkeypatch.setattr(train_cli, "_LAST_SCRAPE_SECONDS", 0.0)
    Path("runs").write_text("a file")
    small = ["--dataset", "synthetic", "--synthetic-images", "80", "--batch-size", "16", "--image-size", "8"]
    options = ["--run", "r", "--price", "1", "--metrics-listen", "127.0.0.1:0", "--epochs", "1", "--workers", "0"]
    assert run_here(["train", *options, *small]) == 0
    said = capsys.readouterr().err
    assert said.startswith("runs/r cannot be written (Not a directory): no checkpoints; --output names a folder\n")


@pytest.mark.parametrize("package", ["torch", "sklearn"])
def test_without_the_extra_it_says_what_to_install(
    exporter: FakeExporter, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert run_here(["train", "--exporter", exporter.url]) == 2
    assert capsys.readouterr().err == f"taximeter train: {package} not installed: pip install './trainer[trainer]'\n"
    assert exporter.calls == []


def run_here(arguments: list[str]) -> int:
    """The exit status, also of what argparse ends itself."""
    try:
        return main(arguments)
    except SystemExit as exit_:
        assert isinstance(exit_.code, int)
        return exit_.code
