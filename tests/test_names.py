"""The names that people rely on: the table in the architecture and the metrics that are there are the same."""

from __future__ import annotations

import re
from pathlib import Path

from taximeter_exporter.web.metrics import ALL

ARCHITECTURE = Path(__file__).parents[1] / "docs" / "architecture.md"


def documented(heading: str) -> dict[str, tuple[str, set[str]]]:
    """Kind and labels of each metric in the table under a heading."""
    section = ARCHITECTURE.read_text(encoding="utf-8").split(f"### {heading}")[1].split("\n#")[0]
    found: dict[str, tuple[str, set[str]]] = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            names, kind, labels = (cell.strip() for cell in line.strip("|").split("|"))
            label_names = re.sub(r"\(.*?\)|:.*", "", labels).replace(",", " ").split()
            found |= {name: (kind, set(label_names)) for name in re.findall(r"`(\w+)`", names)}
    return found


def test_the_exporters_table_and_its_metrics_are_the_same() -> None:
    table = {spec.series_name: ("counter" if spec.counter else "gauge", set(spec.labels)) for spec in ALL}
    assert documented("Exporter") == table


def test_every_metric_has_a_sentence_of_help() -> None:
    assert [spec.name for spec in ALL if not spec.help.endswith(".")] == []
