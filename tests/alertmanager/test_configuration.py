"""Messages read as they should."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from demo.binaries import Tools
from demo.configs import REPOSITORY
from support.messages import alert, message

pytestmark = pytest.mark.binaries

ALERTMANAGER = REPOSITORY / "alertmanager"


def amtool(tools: Tools, *arguments: str | Path) -> str:
    done = subprocess.run([tools.amtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def render(tools: Tools, folder: Path, template: str, data: dict[str, object], kind: str = "text") -> str:
    path = folder / "data.json"
    path.write_text(json.dumps(data))
    return amtool(
        tools,
        *("template", "render", "--template.glob", ALERTMANAGER / "templates" / "*.tmpl", "--template.type", kind),
        *("--template.text", f'{{{{ template "{template}" . }}}}', "--template.data", path),
    )


RESOLVED = {"status": "resolved", "endsAt": "2026-10-07T13:00:00Z"}


@pytest.mark.parametrize(
    ("data", "subject"),
    [
        (message(alert()), "[WARNING] Budget demo: 8.00 of 10.00 USD spent (80%) this month"),
        (
            message(alert(), alert()),
            "[WARNING] Budget demo: 8.00 of 10.00 USD spent (80%) this month (and others)",
        ),
        (
            message(alert(**RESOLVED), status="resolved"),
            "[RESOLVED] Budget demo: 8.00 of 10.00 USD spent (80%) this month",
        ),
    ],
    ids=["firing", "several", "resolved"],
)
def test_subject_tells_how_bad_and_how_much(
    tools: Tools, tmp_path: Path, data: dict[str, object], subject: str
) -> None:
    assert render(tools, tmp_path, "taximeter.subject", data) == subject


def test_text_tells_the_money_what_to_do_and_since_when(tools: Tools, tmp_path: Path) -> None:
    data = message(alert(), alert(**RESOLVED))
    assert render(tools, tmp_path, "taximeter.text", data) == (
        "WARNING: Budget demo: 8.00 of 10.00 USD spent (80%) this month\n"
        "Decide now which runs <may> go on.\n"
        "since 2026-10-07 12:34:56 UTC\n"
        "\n"
        "RESOLVED: Budget demo: 8.00 of 10.00 USD spent (80%) this month\n"
        "from 2026-10-07 12:34:56 UTC to 2026-10-07 13:00:00 UTC\n"
        "\n"
        "Alertmanager: http://127.0.0.1:9093\n"
    )


def test_html_tells_the_same_and_lets_no_markup_through(tools: Tools, tmp_path: Path) -> None:
    page = render(tools, tmp_path, "taximeter.html", message(alert(), alert(**RESOLVED)), kind="html")
    assert "<strong>Budget demo: 8.00 of 10.00 USD spent (80%) this month</strong>" in page
    assert "Decide now which runs &lt;may&gt; go on." in page
    assert "warning, since 2026-10-07 12:34:56 UTC" in page
    assert "Resolved: Budget demo: 8.00 of 10.00 USD spent (80%) this month" in page
    assert "#bf8700" in page
