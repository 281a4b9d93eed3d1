"""The names that people rely on: the pages that are generated say what the programs say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from generate.pages import PAGES
from taximeter_exporter.web import process
from taximeter_exporter.web.metrics import ALL

TABLE = (*ALL, *process.ALL)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_generated_page_is_as_it_would_be_generated(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == PAGES[path](), "run `make docs`"


def test_every_metric_is_declared_once() -> None:
    assert [name for name, count in Counter(spec.series_name for spec in TABLE).items() if count > 1] == []


def test_every_metric_has_a_sentence_of_help_and_a_source() -> None:
    assert [spec.name for spec in TABLE if not spec.help.endswith(".") or not spec.source] == []


def test_names_follow_prometheus() -> None:
    assert [spec.name for spec in ALL if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", spec.name)] == []
    # the suffix of a counter is put there by its kind
    assert [spec.name for spec in ALL if spec.name.endswith("_total")] == []
