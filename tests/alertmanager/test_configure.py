"""What configure.py makes of a folder of secrets, which two versions of amtool accept, and what it refuses."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from alertmanager.newer import newer_amtool
from demo.binaries import Tools
from demo.configs import REPOSITORY

CONFIGURE = REPOSITORY / "alertmanager" / "configure.py"

ADDRESS = "https://hooks.example.com/services/T0/B0/hush-hush"
FILES = {
    "email_to": "ann@example.com, bob@example.com",
    "email_from": "taximeter@example.com",
    "email_smarthost": "smtp.example.com:587",
    "email_user": "hush-user",
    "email_password": "hush hush word",
    "slack_url": ADDRESS,
    "teams_url": ADDRESS,
    "discord_url": ADDRESS,
    "telegram_token": "123456:hush-hush-hush-hush-hush-hush-hush",
    "telegram_chat": "-1001234567890",
    "webhook_url": "http://127.0.0.1:8080/",
    "pagerduty_key": "0123456789abcdef0123456789abcdef",
    "watchdog_url": ADDRESS,
}
SERVER = {name: FILES[name] for name in ("email_to", "email_from", "email_smarthost")}
PEOPLE = {"email", "slack", "msteamsv2", "discord", "telegram", "webhook"}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path: Path, secrets: Path) -> Run:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, CONFIGURE, "--secrets", secrets, "--out", tmp_path / "alertmanager.yml", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # type: ignore[arg-type]

    return call


def fill(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(f"{content}\n")


def written(tmp_path: Path) -> dict[str, Any]:
    """The receivers by name, each by what it tells through."""
    config = yaml.safe_load((tmp_path / "alertmanager.yml").read_text())
    return {
        receiver["name"]: {key.removesuffix("_configs"): value for key, value in receiver.items() if key != "name"}
        for receiver in config["receivers"]
    }


def test_each_file_turns_its_channel_on_and_no_secret_leaves_it(tmp_path: Path, secrets: Path, run: Run) -> None:
    fill(secrets, FILES)
    done = run()
    assert done.returncode == 0, done.stderr
    receivers = written(tmp_path)
    assert {name: set(receiver) for name, receiver in receivers.items()} == {
        "people": PEOPLE,
        "unrouted": PEOPLE,
        "pager": {"pagerduty"},
        "watchdog": {"webhook"},
    }
    (mail,) = receivers["people"]["email"]
    assert (mail["to"], mail["from"], mail["smarthost"]) == tuple(SERVER.values())
    assert mail["auth_password_file"] == str(secrets / "email_password")
    (telegram,) = receivers["people"]["telegram"]
    assert telegram["chat_id"] == -1001234567890
    everything = (tmp_path / "alertmanager.yml").read_text() + done.stdout + done.stderr
    for name in ("slack_url", "telegram_token", "pagerduty_key", "email_password"):
        assert FILES[name] not in everything
    assert done.stdout.endswith(
        "everybody: e-mail, Slack, Teams, Discord, Telegram, webhook, PagerDuty, sign of life\n"
    )


@pytest.mark.binaries
@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        ({}, ["--receiver", "http://receiver:9099/", "--catcher", "mail:1025"]),
        ({**SERVER, "slack_url": ADDRESS, "pagerduty_key": FILES["pagerduty_key"]}, []),
    ],
    ids=["nothing on", "what it has"],
)
def test_an_alertmanager_of_0_25_accepts_it(
    tools: Tools, tmp_path: Path, secrets: Path, run: Run, files: Mapping[str, str], arguments: list[str]
) -> None:
    fill(secrets, files)
    assert run("--for", "0.25.0+ds", *arguments).returncode == 0
    check_config(tools.amtool, tmp_path)


def test_the_alertmanager_of_docker_accepts_all_of_it(tmp_path: Path, secrets: Path, run: Run) -> None:
    amtool = newer_amtool(tmp_path)
    fill(secrets, FILES)
    fill(secrets / "teams" / "vision", {"slack_url": ADDRESS, "pagerduty_key": FILES["pagerduty_key"]})
    assert run("--receiver", "http://receiver:9099/").returncode == 0
    check_config(amtool, tmp_path)


def check_config(amtool: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [amtool, "check-config", tmp_path / "alertmanager.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert " 0 templates" not in done.stdout


def test_mail_goes_to_the_catcher_until_there_is_a_server(tmp_path: Path, secrets: Path, run: Run) -> None:
    assert run("--catcher", "mail:1025").returncode == 0
    assert [mail["smarthost"] for mail in written(tmp_path)["people"]["email"]] == ["mail:1025"]
    fill(secrets, SERVER)
    assert run("--catcher", "mail:1025").returncode == 0
    (mail,) = written(tmp_path)["people"]["email"]
    assert mail["smarthost"] == "smtp.example.com:587"
    assert "auth_username" not in mail


def test_empty_files_the_readme_and_hidden_files_turn_nothing_on(tmp_path: Path, secrets: Path, run: Run) -> None:
    fill(secrets, {"slack_url": "  \n", "README.md": "# Secrets", ".DS_Store": "x"})
    fill(secrets / "teams" / "vision", {"slack_url": "", "README.md": "# Ours"})
    fill(secrets / "teams", {"README.md": "# Teams"})
    assert run("--receiver", "http://receiver:9099/").returncode == 0
    assert {name: set(receiver) for name, receiver in written(tmp_path).items()} == {
        "people": {"webhook"},
        "unrouted": {"webhook"},
        "pager": set(),
        "watchdog": set(),
    }


def test_a_team_has_its_own_and_what_it_lacks_of_everybody(tmp_path: Path, secrets: Path, run: Run) -> None:
    fill(secrets, {**FILES, "slack_url": ADDRESS})
    fill(secrets / "teams" / "vision lab", {"email_to": "vision@example.com", "pagerduty_key": "f" * 32})
    done = run("--receiver", "http://receiver:9099/", "--catcher", "mail:1025")
    assert "; vision lab: e-mail, PagerDuty; receiver " in done.stdout
    receivers = written(tmp_path)
    assert set(receivers["people-vision lab"]) == {"email", "webhook"}
    (mail,) = receivers["people-vision lab"]["email"]
    assert (mail["to"], mail["smarthost"]) == ("vision@example.com", "smtp.example.com:587")
    assert mail["auth_password_file"] == str(secrets / "email_password")
    (pager,) = receivers["pager-vision lab"]["pagerduty"]
    assert pager["routing_key_file"] == str(secrets / "teams" / "vision lab" / "pagerduty_key")


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"slack_url": "hush.example.com/x"}, "slack_url: should be an address that begins with https:// or http://"),
        ({"slack_url": f"{ADDRESS}\n{ADDRESS}"}, "slack_url: should be an address that"),
        ({"discord_url": "https://hush example.com/"}, "discord_url: should be an address that"),
        ({"telegram_token": "hush hush"}, "telegram_token: should be the token that BotFather"),
        ({**FILES, "telegram_chat": "@hush"}, "telegram_chat: should be the number of a chat"),
        ({"pagerduty_key": "hush"}, "pagerduty_key: should be the integration key"),
        ({**SERVER, "email_to": "hush"}, "email_to: should be mail addresses with commas between"),
        ({**SERVER, "email_smarthost": "hush"}, "email_smarthost: should be host:port"),
        ({"email_to": FILES["email_to"]}, "email_from: is missing or empty; e-mail needs it"),
        ({**SERVER, "email_user": "hush"}, "email_password: is missing or empty; e-mail needs it"),
        ({"telegram_token": FILES["telegram_token"]}, "telegram_chat: is missing or empty; Telegram needs it"),
        ({"slack_ulr": "hush"}, "slack_ulr: turns on nothing here; should be one of email_to,"),
        ({"teams/vision/slack_url": "hush"}, "teams/vision/slack_url: should be an address"),
        ({"teams/vision/watchdog_url": ADDRESS}, "teams/vision/watchdog_url: turns on nothing here"),
        ({"teams/vision/pagerduty_key": FILES["pagerduty_key"]}, "teams/vision: would tell only of what is critical"),
        ({'teams/"hush/slack_url': ADDRESS}, 'teams/"hush: should be named as the team is'),
        ({}, "secrets: nobody would be told"),
    ],
)
def test_what_cannot_be_right_is_one_line_without_the_secret(
    tmp_path: Path, secrets: Path, run: Run, files: Mapping[str, str], complaint: str
) -> None:
    for name, content in files.items():
        (secrets / name).parent.mkdir(parents=True, exist_ok=True)
        (secrets / name).write_text(content)
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"configure.py: {secrets}")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not any(content in done.stderr for content in files.values())
    assert not (tmp_path / "alertmanager.yml").exists()


def test_a_file_that_cannot_be_read_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(CONFIGURE))["main"]
    with TemporaryDirectory() as folder:  # unlike pytest's, one that another user may look into
        Path(folder).chmod(0o755)
        fill(Path(folder), {"slack_url": ADDRESS})
        (Path(folder) / "slack_url").chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            assert main(["--secrets", folder, "--out", f"{folder}/alertmanager.yml"]) == 2
        finally:
            if root:
                os.seteuid(0)
        said = capsys.readouterr().err
        assert said.startswith(f"configure.py: {folder}/slack_url: Permission denied; should be readable to user ")


@pytest.mark.parametrize(
    ("name", "needed"),
    [("teams_url", "0.28"), ("discord_url", "0.28"), ("webhook_url", "0.28"), ("watchdog_url", "0.28")],
)
def test_what_an_older_alertmanager_has_not_is_refused(secrets: Path, run: Run, name: str, needed: str) -> None:
    fill(secrets, {name: ADDRESS})
    done = run("--for", "0.25.0+ds", "--receiver", "http://receiver:9099/")
    assert done.returncode == 2
    assert f"{secrets / name}: " in done.stderr
    assert f"needs Alertmanager {needed}, and this one is 0.25.0+ds; take a newer one, or empty the file" in done.stderr


def test_a_folder_that_is_not_there_and_a_place_that_cannot_be_written(tmp_path: Path, secrets: Path, run: Run) -> None:
    done = run("--secrets", str(tmp_path / "absent"))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{tmp_path / 'absent'}: No such file or directory" in done.stderr
    fill(secrets, {"slack_url": ADDRESS})
    done = run("--out", str(tmp_path / "absent" / "alertmanager.yml"))
    assert done.returncode == 2
    assert "absent/alertmanager.yml: No such file or directory; should be in a folder" in done.stderr
