"""What people are sent reads as the files in expected/ do, whichever Alertmanager renders it.

With TAXIMETER_WRITE_MESSAGES=1 these files are written anew: read them before they are committed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from alertmanager.newer import newer_amtool
from demo.binaries import Tools
from demo.configs import REPOSITORY
from support.messages import message, over, told
from support.notifications import MARKUP, NOTIFICATIONS

pytestmark = pytest.mark.binaries

TEMPLATES = REPOSITORY / "alertmanager" / "templates"
EXPECTED = Path(__file__).resolve().parent / "expected"
WRITE = os.environ.get("TAXIMETER_WRITE_MESSAGES") == "1"
TEXTS = (
    *("subject", "text", "link", "slack.title", "slack.text", "slack.colour", "discord.title", "discord.message"),
    *("teams.title", "teams.text", "pagerduty.description", "pagerduty.severity"),
)
PAGES = ("telegram.message", "html")  # these escape by themselves
MARK = "\x1f"

Render = Callable[..., dict[str, str]]


@pytest.fixture(scope="session", params=["of the distribution", "newer"])
def amtool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "newer":
        return newer_amtool(tmp_path_factory.mktemp("newer"))
    tools: Tools = request.getfixturevalue("tools")
    return tools.amtool


@pytest.fixture
def render(amtool: Path, tmp_path: Path) -> Render:
    def call(data: dict[str, Any], templates: Path = TEMPLATES) -> dict[str, str]:
        """Each of our templates by name, as it is sent."""
        path = tmp_path / "data.json"
        path.write_text(json.dumps(data))
        rendered: dict[str, str] = {}
        for names, kind in ((TEXTS, "text"), (PAGES, "html")):
            asked = MARK.join(f'{{{{ template "taximeter.{name}" . }}}}' for name in names)
            command: list[str | Path] = [amtool, "template", "render", "--template.glob", templates / "*.tmpl"]
            command += ["--template.type", kind, "--template.text", asked, "--template.data", path]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            rendered |= dict(zip(names, done.stdout.split(MARK), strict=True))
        return rendered

    return call


@pytest.mark.parametrize("case", NOTIFICATIONS)
def test_a_message_reads_as_expected(render: Render, case: str) -> None:
    rendered = render(NOTIFICATIONS[case])
    page = rendered.pop("html")
    texts = "".join(f"--- {name}\n{text}\n" for name, text in rendered.items())
    for path, content in ((EXPECTED / f"{case}.txt", texts), (EXPECTED / f"{case}.html", page)):
        if WRITE:
            path.write_text(content, encoding="utf-8")
        assert content == path.read_text(encoding="utf-8")


def test_every_expected_file_is_of_a_message() -> None:
    assert {path.name for path in EXPECTED.iterdir()} == {
        f"{case}.{suffix}" for case in NOTIFICATIONS for suffix in ("txt", "html")
    }


class Elements(HTMLParser):
    """Every element that a page has, in order, with its attributes; fails where one is closed that is not open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_no_markup_of_a_label_gets_through(render: Render) -> None:
    rendered = render(NOTIFICATIONS["hostile"])
    for name, harmless in (
        ("html", NOTIFICATIONS["own_budget"]),
        ("telegram.message", NOTIFICATIONS["budget_warning"]),
    ):
        elements = Elements(rendered[name])
        assert {tag for tag, _ in elements.found} <= {tag for tag, _ in Elements(render(harmless)[name]).found}
        assert all("onclick" not in attributes for _, attributes in elements.found)
    # The mail shows the words themselves, whole.
    assert f"Project {MARKUP} costs 12.40 USD per hour" in Elements(rendered["html"]).words
    assert "<" not in rendered["slack.title"] + rendered["slack.text"]
    for name in ("discord.title", "discord.message", "teams.title", "teams.text"):
        unescaped = re.sub(r"\\.", "", rendered[name].replace("[Dashboard](", ""))
        assert not re.search(r"[][*_`~|<>#&]", unescaped)


# The most characters that each takes. What is longer some refuse, and of Telegram's Alertmanager would cut the markup.
LIMITS = {
    "slack.title": 1024,
    "discord.title": 256,
    "discord.message": 4096,
    "teams.title": 256,
    "pagerduty.description": 1024,
    "telegram.message": 4096,
}


@pytest.mark.parametrize("character", ["x", "&", "<", "'", "*", "é", "x\n"])
def test_a_message_is_never_longer_than_its_service_takes_and_still_says_what_is_simulated(
    render: Render, character: str
) -> None:
    words = character * 600
    long = told(
        "X", "warning", f"Budget {words} (simulated)", words, rate=words, runway=words, spenders=words, run="r" * 4000
    )
    rendered = render(message(*[long] * 104, *[over(long)] * 104))
    for name, limit in LIMITS.items():
        assert len(rendered[name]) <= limit, name
        assert "(simulated)" in rendered[name]
    assert {tag for tag, _ in Elements(rendered["telegram.message"]).found} == {"a", "b"}
    assert "&" not in re.sub(r"&(amp|lt|gt|#\d+);", "", rendered["telegram.message"])


def test_addresses_are_put_before_the_paths_of_the_rules(render: Render, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(TEMPLATES, templates)
    (templates / "addresses.tmpl").write_text(
        '{{ define "taximeter.dashboards" }}https://grafana.example.com/x{{ end }}'
        '{{ define "taximeter.runbooks" }}https://example.com/taximeter/{{ end }}'
    )
    rendered = render(NOTIFICATIONS["own_budget"], templates)
    dashboard = "https://grafana.example.com/x/d/taximeter-cost-now?var-run=r-1"
    assert rendered["link"] == dashboard
    for name in ("text", "discord.message", "teams.text", "telegram.message", "html"):
        assert dashboard in rendered[name]
    for name in ("text", "slack.text", "discord.message", "teams.text", "telegram.message", "html"):
        assert "Runbook: https://example.com/taximeter/docs/runbooks/TaximeterBudgetRunway.md" in rendered[name]


@pytest.mark.parametrize(
    ("ends_at", "words"),
    [
        ("2026-10-07T12:35:05Z", "lasted less than a minute"),
        ("2026-10-07T12:44:56Z", "lasted 10m"),
        ("2026-10-07T22:34:56Z", "lasted 10h"),
        ("2026-10-07T22:44:56Z", "lasted 10h 10m"),
        ("2026-10-10T12:35:56Z", "lasted 72h 1m"),
    ],
)
def test_a_resolved_message_says_how_long_it_lasted(render: Render, ends_at: str, words: str) -> None:
    (firing,) = NOTIFICATIONS["gpu_lost"]["alerts"]
    rendered = render(message(over(firing, ends_at), status="resolved"))
    assert rendered["slack.title"].endswith(f"; {words}")
    assert f"It {words}, from 2026-10-07 12:34 UTC to {ends_at[:10]} {ends_at[11:16]} UTC" in rendered["text"]
    assert words in Elements(rendered["html"]).words
