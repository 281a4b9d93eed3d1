"""The program as it is typed: its answers, its exit status, and how it starts and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest
from fakes.nvml.build import build, environment
from fakes.nvml.scenario import Scenario
from support.programs import CONFIG, exporter, program, wait_for, write_config
from support.promptness import within

HOST = {"TAXIMETER_DEVICES": "host"}


def run(*args: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [program("taximeter-exporter"), *args]
    env = {**os.environ, **(environ or {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=False)


def test_check_says_what_this_machine_costs_and_why(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    done = run("check", "--config", str(config))
    assert done.returncode == 0
    assert "3,600.0000 USD per hour, 450.0000 for each of 8 GPUs" in done.stdout
    assert "demo: 8.00 USD a month (UTC) for project demo; warns at 50%, 80%, 100%" in done.stdout
    facts = json.loads(run("check", "--config", str(config), "--format", "json").stdout)
    assert (facts["per_hour"], facts["gpus"]) == ({"USD": "3600"}, 8)


def test_check_says_what_data_costs(tmp_path: Path) -> None:
    data = (
        "storage: [{name: sets, gb: 730, per_gb_month: 0.08, currency: USD}]\ntransfer: {per_gb: 0.09, currency: USD}\n"
    )
    done = run("check", "--config", str(write_config(tmp_path, CONFIG + data)))
    assert "storage   sets: 0.0800 USD per hour" in done.stdout
    assert "transfer  0.0900 USD per GB that runs read" in done.stdout
    facts = json.loads(run("check", "--config", str(tmp_path / "taximeter.yaml"), "--format", "json").stdout)
    assert facts["storage"] == [{"name": "sets", "per_hour": {"USD": "0.080000"}}]
    assert facts["transfer"] == {"per_gb": {"USD": "0.09"}}


def test_check_says_who_can_read_and_write(tmp_path: Path) -> None:
    config = write_config(tmp_path, CONFIG.replace("127.0.0.1:0", "0.0.0.0:0"))
    open_to_all = run("check", "--config", str(config)).stdout
    assert "reading   by whoever connects\nwriting   by whoever connects\n" in open_to_all
    assert "beware    listen: whoever reaches 0.0.0.0 can begin and end runs; set `write_token_file`" in open_to_all
    (tmp_path / "token").write_text("0123456789abcdef", encoding="utf-8")
    environ = {"TAXIMETER_WRITE_TOKEN_FILE": str(tmp_path / "token")}
    guarded = run("check", "--config", str(config), environ=environ).stdout
    assert "reading   by whoever connects\nwriting   with the token alone\n" in guarded
    assert "in clear; give TLS with --web.config.file" in guarded
    assert "0123456789abcdef" not in guarded
    facts = json.loads(run("check", "--config", str(config), "--format", "json", environ=environ).stdout)
    assert (facts["tls"], facts["reading"], facts["writing"]) == (False, "anybody", "token")


@pytest.mark.parametrize("command", ["serve", "check"])
@pytest.mark.parametrize(
    ("options", "environ", "words"),
    [
        (["--web.config.file", "web.yml"], {}, "web.yml: basic_auth_users.alice: is not a bcrypt hash; write what"),
        (["--web.config.file", "none.yml"], {}, "none.yml: cannot be read (No such file or directory); name a file"),
        ([], {"TAXIMETER_WRITE_TOKEN_FILE": "none"}, "none: cannot be read (No such file or directory); name in"),
    ],
)
def test_a_protection_that_cannot_be_is_one_line_and_status_2(
    tmp_path: Path, command: str, options: list[str], environ: dict[str, str], words: str
) -> None:
    config = write_config(tmp_path)
    (tmp_path / "web.yml").write_text("basic_auth_users: {alice: wonderland}", encoding="utf-8")
    named = [str(tmp_path / option) if option.endswith(".yml") else option for option in options]
    done = run(command, "--config", str(config), *named, environ={**HOST, **environ})
    lines = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert (done.returncode, len(lines)) == (2, 1), done.stderr
    assert words in lines[0]
    assert "wonderland" not in done.stderr
    assert not (tmp_path / "ledger.db").exists()


def test_help_teaches() -> None:
    for command in ((), ("serve",), ("check",), ("report",), ("prices",), ("compare",), ("capture",)):
        done = run(*command, "--help")
        assert done.returncode == 0
        assert "usage: taximeter-exporter" in done.stdout
        assert "examples:\n  " in done.stdout
    assert "--simulate" in run("--help").stdout


@pytest.mark.parametrize(
    ("text", "environ", "words"),
    [
        (None, {}, "taximeter.yaml: cannot be read (No such file or directory); name a file with --config"),
        (CONFIG.replace("box-8}", "box-9}"), {}, "host.instance_type: no price for 'box-9' (did you mean 'box-8')"),
        (CONFIG.replace("3600", "-1"), {}, "prices[0].per_hour: -1 cannot be a price"),
        (CONFIG, {"TAXIMETER_DEVICES": "gpu"}, "devices: GPUs are asked for, but there is no NVIDIA driver"),
        (CONFIG, {"TAXIMETER_LEDGER": "/absent/ledger.db"}, "ledger: /absent/ledger.db: cannot be opened"),
        (CONFIG, {"TAXIMETER_LISTEN": "203.0.113.1:9877"}, "listen: 203.0.113.1:9877 cannot be listened on"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line_and_status_2(
    tmp_path: Path, text: str | None, environ: dict[str, str], words: str
) -> None:
    config = tmp_path / "taximeter.yaml" if text is None else write_config(tmp_path, text)
    done = run("serve", "--config", str(config), environ=environ)
    lines = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert (done.returncode, len(lines)) == (2, 1), done.stderr
    assert words in lines[0]
    assert done.stdout == ""


def test_a_port_in_use_is_known_before_the_ledger_is_touched(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = write_config(tmp_path)
        done = run("serve", "--config", str(config), environ={"TAXIMETER_LISTEN": f"127.0.0.1:{port}"})
    assert done.returncode == 2
    assert f"listen: 127.0.0.1:{port} is in use by another program" in done.stderr
    assert not (tmp_path / "ledger.db").exists()


def test_a_second_exporter_on_the_same_ledger_is_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with exporter(config, environ=HOST):
        done = run("serve", "--config", str(config), environ=HOST)
    assert done.returncode == 2
    assert "another exporter (process" in done.stderr


def test_sigterm_ends_it_soon_with_everything_written(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with exporter(config, environ=HOST) as running:
        run_ = running.call("POST", "/api/v1/runs", {"run": "a", "project": "demo"}).json()
        assert run_["state"] == "active"
        with within(5):
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(timeout=120) == 0
    with sqlite3.connect(tmp_path / "ledger.db") as ledger:
        assert ledger.execute("SELECT count(*) FROM usage").fetchone()[0] > 0
    ledger.close()


def test_a_reader_that_has_read_enough_is_no_mistake() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [program("taximeter-exporter"), "prices"], stdout=writing, stderr=subprocess.PIPE, timeout=120, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_ctrl_c_breaks_a_command_off_without_a_word(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    scenario, calls, output = tmp_path / "scenario", tmp_path / "calls", tmp_path / "gpu.json"
    Scenario().write(scenario, call_log=calls)
    command = [program("taximeter-exporter"), "capture", "--samples", "600", "--output", str(output)]
    env = {**os.environ, **environment(build(fake_nvml_libraries), scenario)}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE) as process:
        wait_for(lambda: calls.exists() and "nvmlDeviceGetMemoryInfo_v2" in calls.read_text(), "nothing is read")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 128 + signal.SIGINT
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert not output.exists()
