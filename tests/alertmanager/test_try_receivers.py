"""`make test-alert` through real Alertmanagers to every receiver that can be switched on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from alertmanager.hooks import Hooks, serve_hooks
from alertmanager.newer import newer_alertmanager
from demo.binaries import Tools
from demo.configs import REPOSITORY
from demo.interrupts import Interrupts
from demo.ports import ANY, Ports, free_ports
from demo.processes import Processes
from demo.stack import Starter
from support.mail import Mailbox, catch_mail

pytestmark = pytest.mark.binaries

ALERTMANAGER = REPOSITORY / "alertmanager"
TELEGRAM_TOKEN = "123456:abcdefghijklmnopqrstuvwxyzabcdefgh"
PAGERDUTY_KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with serve_hooks() as hooks:
        yield hooks


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with catch_mail() as mailbox:
        yield mailbox


@pytest.fixture
def ports() -> Ports:
    return free_ports(ANY)


def configure(folder: Path, hooks: Hooks, mailbox: Mailbox, files: dict[str, str]) -> Path:
    """What configure.py writes for these secrets, with PagerDuty and Telegram at other addresses than their own."""
    for name, content in files.items():
        (folder / "secrets" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "secrets" / name).write_text(f"{content}\n")
    out = folder / "alertmanager.yml"
    catcher = ("--catcher", f"127.0.0.1:{mailbox.port}")
    command = [sys.executable, ALERTMANAGER / "configure.py", "--secrets", folder / "secrets", "--out", out, *catcher]
    subprocess.run(command, check=True)  # type: ignore[arg-type]
    config = yaml.safe_load(out.read_text())
    config["global"] = {"pagerduty_url": f"{hooks.url}/pagerduty", "telegram_api_url": hooks.url}
    out.write_text(yaml.safe_dump(config))
    return out


def try_receivers(url: str, *arguments: str) -> tuple[int, str]:
    """Status and output of `make test-alert`."""
    command: list[str | Path] = [sys.executable, ALERTMANAGER / "try_receivers.py", "--url", url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def starter(tmp_path: Path, ports: Ports) -> Iterator[Starter]:
    with Processes() as processes:
        yield Starter(tmp_path, ports, processes, Interrupts())


def test_an_older_alertmanager_reaches_those_whom_the_severity_and_the_team_concern(
    tools: Tools, tmp_path: Path, hooks: Hooks, mailbox: Mailbox, starter: Starter
) -> None:
    files = {
        "slack_url": f"{hooks.url}/slack",
        "pagerduty_key": PAGERDUTY_KEY,
        "teams/vision/slack_url": f"{hooks.url}/vision",
    }
    url = starter.alertmanager(tools.alertmanager, configure(tmp_path, hooks, mailbox, files)).url

    status, output = try_receivers(url)
    assert status == 0, output
    assert output.startswith("Sent: TEST of severity warning: ")
    assert output.endswith("It goes to people.\n    email        reached\n    slack        reached\n")
    assert hooks.posted.keys() == {"/slack"}
    assert mailbox.messages[0]["Subject"].startswith("[WARNING] TEST of severity warning")

    status, output = try_receivers(url, "--severity", "critical", "--team", "vision")
    assert status == 0, output
    reached = "".join(f"    {kind:<12} reached\n" for kind in ("email", "pagerduty", "slack"))
    assert output.endswith(f"It goes to pager, pager-vision, people-vision.\n{reached}")
    assert hooks.posted.keys() == {"/slack", "/pagerduty", "/vision"}
    assert hooks.posted["/pagerduty"]["routing_key"] == PAGERDUTY_KEY

    hooks.refused["/slack"] = 403
    status, output = try_receivers(url)
    assert status == 1
    assert "    email        reached\n    slack        FAILED (0 of 1 reached)\n" in output
    assert "docker compose logs alertmanager" in output


def test_a_newer_alertmanager_reaches_every_receiver(
    tmp_path: Path, hooks: Hooks, mailbox: Mailbox, ports: Ports
) -> None:
    files = {
        **{f"{name}_url": f"{hooks.url}/{name}" for name in ("slack", "teams", "discord", "webhook")},
        "telegram_token": TELEGRAM_TOKEN,
        "telegram_chat": "-1001",
        "pagerduty_key": PAGERDUTY_KEY,
    }
    with newer_alertmanager(configure(tmp_path, hooks, mailbox, files), ports.alertmanager) as url:
        status, output = try_receivers(url, "--severity", "critical")
        assert status == 0, output
        kinds = ("discord", "email", "msteamsv2", "pagerduty", "slack", "telegram", "webhook")
        assert output.endswith("".join(f"    {kind:<12} reached\n" for kind in kinds))
        telegram = f"/bot{TELEGRAM_TOKEN}/sendMessage"
        assert hooks.posted.keys() == {"/slack", "/teams", "/discord", "/webhook", "/pagerduty", telegram}
        assert hooks.posted[telegram]["chat_id"] == "-1001"
        assert hooks.posted["/pagerduty"]["payload"]["severity"] == "critical"
        for path, message in hooks.posted.items():
            assert "TEST of severity critical" in str(message), path

        hooks.refused["/teams"] = 403
        status, output = try_receivers(url)
    assert status == 1
    assert (
        "    msteamsv2    FAILED (0 of 1 reached): it refused the message: look at the address or the token\n" in output
    )


def test_what_does_not_answer_is_not_taken_for_reached(
    tools: Tools, tmp_path: Path, hooks: Hooks, mailbox: Mailbox, starter: Starter, ports: Ports
) -> None:
    files = {"slack_url": f"http://127.0.0.1:{ports.receiver}/nobody"}
    url = starter.alertmanager(tools.alertmanager, configure(tmp_path, hooks, mailbox, files)).url
    for wait in ("3", "20", "60"):  # for as long as the mail takes
        status, output = try_receivers(url, "--wait", wait)
        if "    email        reached\n" in output:
            break
    assert status == 1
    assert output.endswith(
        "    email        reached\n    slack        FAILED (0 of 1 reached)\n"
        "Alertmanager's log says more: docker compose logs alertmanager, or .demo/alertmanager.log.\n"
    )


def test_that_nobody_would_be_told_is_said(tools: Tools, tmp_path: Path, starter: Starter) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text("route: {receiver: people}\nreceivers: [{name: people}]\n")
    status, output = try_receivers(starter.alertmanager(tools.alertmanager, config).url)
    assert status == 1
    assert "Nobody would be told of such an alert" in output


def test_what_is_held_back_is_not_taken_for_told(tools: Tools, tmp_path: Path, hooks: Hooks, starter: Starter) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(f"""
route: {{receiver: people, routes: [{{matchers: ['severity="warning"'], mute_time_intervals: [ever]}}]}}
receivers: [{{name: people, webhook_configs: [{{url: '{hooks.url}/'}}]}}]
time_intervals: [{{name: ever, time_intervals: [{{months: ['1:12']}}]}}]
""")
    status, output = try_receivers(starter.alertmanager(tools.alertmanager, config).url, "--wait", "0.5")
    assert status == 1
    assert "    webhook      NOT TOLD (0 of 1): is it silenced, inhibited, or held back by a time?\n" in output


def test_an_address_without_an_alertmanager_is_one_line_and_status_2(ports: Ports) -> None:
    status, output = try_receivers(f"http://127.0.0.1:{ports.alertmanager}")
    assert status == 2
    assert output == (
        f"make test-alert: --url http://127.0.0.1:{ports.alertmanager}: no Alertmanager answers there:"
        " [Errno 111] Connection refused\n"
    )
