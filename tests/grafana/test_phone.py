"""On a phone a table shows its first columns, the others when it is pushed aside: the first have to tell something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from grafana.queries import panels

ROOM = 378
"""Pixels that a phone of 420 has for the columns of a table."""
LEAST = 150
"""Of a column that has no width of its own."""


def columns(table: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each column's field, its head and its settings, from left to right."""
    settings = {
        override["matcher"]["options"]: {each["id"]: each["value"] for each in override["properties"]}
        for override in table["fieldConfig"]["overrides"]
    }
    (order,) = (step["options"] for step in table["transformations"] if step["id"] == "organize")
    for field in sorted(order["renameByName"], key=order["indexByName"].__getitem__):
        head = order["renameByName"][field]
        yield field, head, settings[head]


def test_what_a_table_tells_is_among_what_a_phone_shows_of_it(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        if panel["type"] != "table":
            continue
        used, told = 0, False
        for field, _, settings in columns(panel):
            used += settings.get("custom.width", LEAST)
            told |= used <= ROOM and (field.startswith("Value") or "mappings" in settings)
        assert told, panel["title"]
