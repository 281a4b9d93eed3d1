"""docs/architecture.md, which other programs are written by, has the calls and the fields of the exporter's API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pages.markdown import REPOSITORY
from taximeter_exporter.web.answers import Budget, Run, Status
from taximeter_exporter.web.openapi import CALLS
from taximeter_exporter.web.prices import DevicePrice
from taximeter_exporter.web.requests import Register

TEXT = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
ROWS = {
    row[1]: row for row in re.finditer(r"^\| (`(?:GET|POST) /api/.+?) \|\s*(.*?)\s*\|\s*(.*) \|$", TEXT, re.MULTILINE)
}


def test_every_call_is_told_and_no_other() -> None:
    told = {call for row in ROWS for call in re.findall(r"`(\w+ \S+)`", row)}
    assert told | {"POST /-/reload"} == {f"{call.method.upper()} {call.path}" for call in CALLS}
    assert "`POST /-/reload`" in TEXT


def names(braces: str) -> list[str]:
    """The names of fields in what stands between braces, without what their values are."""
    flat = re.sub(r": (\[.*?\]|\{.*?\})(?=,|$)", "", braces)
    return re.findall(r"(\w+)(?:: [\w|]+)?(?:, |$)", " ".join(flat.split()))


def answer(call: str, opening: str, closing: str) -> str:
    """What stands between these in the answer to a call."""
    return ROWS[f"`{call}`"][3].partition(opening)[2].rpartition(closing)[0]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (TEXT.partition("The run: `{")[2].partition("}`;")[0], Run),
        (answer("GET /api/v1/budgets", "[{", "}]"), Budget),
        (answer("GET /api/v1/prices", "[{", "}]"), DevicePrice),
        (answer("GET /api/v1/status", "{", "}"), Status),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_fields_of_an_answer_are_told(told: str, kind: Any) -> None:
    assert names(told) == list(kind.__struct_fields__)


def test_what_a_run_is_begun_with_is_told() -> None:
    row = ROWS["`POST /api/v1/runs`"]
    assert set(re.findall(r"`(\w+)`", row[2])) == set(Register.__struct_fields__)
