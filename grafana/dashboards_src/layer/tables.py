"""Tables: instant queries joined on the labels that they share, one chosen column after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import table as sdk
from grafana_foundation_sdk.builders.common import TableSortByFieldState
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    MatcherConfig,
    Panel,
    ValueMapping,
)

from dashboards_src.layer.dressing import dressed
from dashboards_src.layer.fields import NO_COLOUR, Override, Steps, thresholds
from dashboards_src.layer.joining import joined
from dashboards_src.layer.queries import Query
from dashboards_src.layer.units import TEXT


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        field: a label's name, or ``Value #A`` for the value of query A (``Value`` if there is one query only).
        title: the head of the column.
        unit: Grafana's unit id.
        decimals: None lets Grafana choose.
        width: in pixels; None shares what is left.
        steps: thresholds; they colour the text when given.
        mappings: words for values; their colours show as background.
        link: an address that a click on a cell leads to, and what it is called; see `layer.links.address`.
        missing: what stands in a cell without a value.
        long: the text may be longer than the column; the reader can open it.
    """

    field: str
    title: str
    unit: str = TEXT
    decimals: int | None = None
    width: int | None = None
    steps: Steps = ()
    mappings: Sequence[ValueMapping] = ()
    link: tuple[str, str] | None = None
    missing: str = "–"
    long: bool = False

    def properties(self) -> list[DynamicConfigValue]:
        """The column's settings as the SDK's override properties."""
        settings = [
            DynamicConfigValue("unit", self.unit),
            DynamicConfigValue("noValue", self.missing),  # the panel's own is for a table without rows
        ]
        if self.decimals is not None:
            settings.append(DynamicConfigValue("decimals", self.decimals))
        if self.width is not None:
            settings.append(DynamicConfigValue("custom.width", self.width))
        if self.long:
            settings.append(DynamicConfigValue("custom.inspect", True))
        if self.steps or self.mappings:
            settings.append(DynamicConfigValue("thresholds", thresholds(self.steps or NO_COLOUR).build()))
        if self.mappings:
            settings.append(DynamicConfigValue("mappings", list(self.mappings)))
            settings.append(DynamicConfigValue("custom.cellOptions", {"type": "color-background", "mode": "basic"}))
        elif self.steps:
            settings.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
        if self.link:
            url, title = self.link
            settings.append(DynamicConfigValue("links", [{"title": title, "url": url}]))
        return settings


def table(
    *,
    title: str,
    description: str,
    queries: Sequence[Query],
    columns: Sequence[Column],
    sort_by: str,
    descending: bool = False,
    no_value: str = "no reading",
) -> Panel:
    """A table with `columns` in this order, sorted by the column titled `sort_by`."""
    return (
        dressed(
            sdk.Panel(),
            title=title,
            description=description,
            unit=TEXT,
            queries=queries,
            no_value=no_value,
            overrides=[Override(MatcherConfig("byName", column.title), column.properties()) for column in columns],
        )
        .sort_by([TableSortByFieldState().display_name(sort_by).desc(descending)])
        .transformations(joined({column.field: column.title for column in columns}))
        .build()
    )
