"""`make fire`, as a person types it."""

from __future__ import annotations

import re

import pytest
from demo.configs import REPOSITORY
from demo.web import get_json
from support.firing import Delivered, ended, start
from support.programs import wait_for

SUMMARY = "GPU 3 of b:9877, 2.50 EUR per hour, does not answer (simulated)"


def test_the_list_has_every_alert() -> None:
    status, said, _ = ended(start("--list"))
    texts = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "prometheus" / "rules").glob("*.yml")]
    assert status == 0
    assert {line.split()[0] for line in said.splitlines()} == {
        name for text in texts for name in re.findall(r"- alert: (\w+)", text)
    }
    assert len({line.index("prometheus/rules/") for line in said.splitlines()}) == 1, "the columns are even"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["TaximeterGpuHeat"], "there is no alert TaximeterGpuHeat; did you mean TaximeterGpuHot?"),
        ([], "one of the arguments ALERT --list is required"),
        (["TaximeterGpuHot", "--severity", "info"], "--severity: TaximeterGpuHot has warning, not info"),
        (["Watchdog", "--alertmanager", "localhost"], "'localhost' is not a URL such as http://127.0.0.1:9093"),
        (["Watchdog", "--minutes", "0"], "'0' is not a number of minutes"),
    ],
)
def test_bad_input_is_named_with_what_would_be_right(arguments: list[str], complaint: str) -> None:
    status, said, complained = ended(start(*arguments))
    assert (status, said) == (2, "")
    assert complaint in complained.splitlines()[-1]


def test_an_alertmanager_that_does_not_answer_is_named_before_anything_is_started() -> None:
    status, said, _ = ended(start("Watchdog", "--alertmanager", "http://127.0.0.1:9"))
    assert status == 1
    assert said.startswith("fire: http://127.0.0.1:9/api/v2/status did not answer")


@pytest.mark.binaries
def test_an_alert_arrives_at_a_receiver_that_is_started_here(delivered: Delivered) -> None:
    status, said, complained = ended(delivered.here)
    assert (status, complained) == (0, "")
    assert "\nWARNING: GPU 0 of a:9877, 2.50 USD per hour, is as hot as it may be (90 °C) (simulated)\n" in said
    assert "alertname=TaximeterGpuHot fired=on purpose" in said
    assert "severity=warning simulated=true" in said


@pytest.mark.binaries
def test_an_alert_arrives_at_an_alertmanager_that_runs_and_is_over_there(delivered: Delivered) -> None:
    status, said, complained = ended(delivered.there)
    assert (status, complained) == (0, "")
    assert SUMMARY in said
    assert said.endswith("It is over, and Alertmanager knows.\n")

    def told(what: str) -> bool:
        return (what, SUMMARY) in [(alert["status"], alert["summary"]) for alert in get_json(f"{delivered.receiver}/")]

    assert told("firing")
    wait_for(lambda: told("resolved"), "that it is over is not told")
