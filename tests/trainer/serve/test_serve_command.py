"""`taximeter serve` as its user starts it: metered by a real exporter, ended by SIGTERM, with a bill."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from support.programs import exporter, program, write_config
from taximeter.cli import main
from taximeter.training.serve import cli

from .conftest import image

DEADLINE_SECONDS = 240


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program, and the port that it says it answers on."""
    command = [program("taximeter"), "serve", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r" at http://127\.0\.0\.1:(\d+)$", line.strip())
            assert found, line
            yield process, int(found[1])
        finally:
            process.kill()


def ask(port: int, packed: bytes) -> tuple[int, dict[str, object]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    try:
        connection.request("POST", "/v1/predictions", packed, {"Content-Type": "image/png"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_predictions_are_metered_and_billed(trained: Path, tmp_path: Path) -> None:
    with exporter(write_config(tmp_path), environ={"TAXIMETER_DEVICES": "host"}) as meter:
        options = ["--run", "trained", "--output", str(trained), "--exporter", f"http://127.0.0.1:{meter.port}"]
        with serving(*options, "--format", "json") as (process, port):
            for seed in range(3):
                assert ask(port, image(seed))[0] == 200
            (run,) = meter.get("/api/v1/runs").json()["runs"]
            assert (run["project"], run["model"], run["state"]) == ("vision", "small-resnet", "active")
            assert run["run"].startswith("serve-trained-")
            process.send_signal(signal.SIGTERM)
            printed, said = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0, said
        bill = json.loads(printed)
        assert (bill["run"], bill["source"], bill["result"], bill["samples"]) == (run["run"], "exporter", "stopped", 3)
        ended = meter.get(f"/api/v1/runs/{run['run']}").json()
        assert (ended["state"], ended["result"], ended["cost"]) == ("ended", "stopped", bill["cost"])
        assert float(bill["cost_per_1000_samples"]["USD"]) == pytest.approx(float(bill["cost"]["USD"]) / 3 * 1000)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--run", "none"], "--run: no checkpoint of 'none'"),
        (["--checkpoint", "{trained}/none.pt"], "No such file or directory"),
        (["--run", "trained", "--batch-size", "0"], "--batch-size: 0 does not fit: 1 or more"),
        (["--run", "trained", "--batch-wait", "2"], "--batch-wait: 2 does not fit"),
        (["--run", "trained", "--listen", "here"], "--listen: 'here' is not host:port"),
        (["--run", "trained", "--listen", "{taken}"], "Address already in use"),
        (["--run", "trained", "--price", "much", "--listen", "127.0.0.1:0"], "--price: "),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    trained: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        filled = [option.format(trained=trained, taken=taken) for option in options]
        listen = [] if "--listen" in options else ["--listen", "127.0.0.1:0"]
        assert main(["serve", "--output", str(trained), *listen, *filled]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("taximeter serve: ")
    assert said in printed.err
    assert (printed.err.count("\n"), printed.out) == (1, "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_it_loads_ends_it_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals, status: int
) -> None:
    monkeypatch.setattr(cli, "load_trained", lambda _options: signal.raise_signal(number))
    assert main(["serve", "--run", "trained", "--listen", "127.0.0.1:0"]) == status
    assert capsys.readouterr() == ("", "")
