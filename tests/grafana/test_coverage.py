"""What is measured can be seen: every metric of the tables is on a dashboard, or is known not to be."""

from __future__ import annotations

import re

from generate import exporter, trainer
from grafana.files import FILES, RULES
from grafana.not_shown import NOT_SHOWN
from grafana.queries import ALL, dashboard_queries

METRICS = {row.name for table in (*exporter.TABLES, *trainer.TABLES) for row in table.rows}
RECORDS = "".join(path.read_text(encoding="utf-8") for path in RULES)


def shown() -> set[str]:
    """The metrics that the dashboards' queries name, themselves or through what a rule records from them."""
    asked = " ".join(query.expr for path in FILES for query in dashboard_queries(path, variables=ALL))
    recorded = dict(re.findall(r"record: (\S+)\n((?: {8}.*\n)+)", RECORDS))
    for _ in recorded:  # a rule may build on another
        asked += " ".join(expr for name, expr in recorded.items() if name in asked and expr not in asked)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\b[a-zA-Z_]+[a-zA-Z0-9_]*\b", asked)}


def test_every_metric_is_on_a_dashboard_or_on_the_list() -> None:
    unseen = METRICS - shown()
    assert {name for name in unseen if not name.startswith(tuple(NOT_SHOWN))} == set()


def test_the_list_names_nothing_that_is_shown_or_does_not_exist() -> None:
    seen = shown()
    for beginning in NOT_SHOWN:
        meant = {name for name in METRICS if name.startswith(beginning)}
        assert meant, f"{beginning}: no such metric"
        assert not meant & seen, f"{beginning}: on a dashboard"
