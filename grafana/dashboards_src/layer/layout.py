"""Where panels go: lines of panels in sections, on Grafana's grid of 24 columns (a phone shows one below the other).

Panels get their ids here, in reading order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import GridPos, Panel, RowPanel

COLUMNS = 24

PLUGIN_VERSION = "12.0.0"
"""The Grafana whose panel options these are: without it Grafana takes them for ancient and migrates them, which loses
some."""


@dataclass(frozen=True)
class Line:
    """Panels side by side, of one height.

    Attributes:
        height: in grid units of 38 pixels.
        panels: each with its width in columns; together 24.
    """

    height: int
    panels: Sequence[tuple[Panel, int]]

    def __post_init__(self) -> None:
        width = sum(width for _, width in self.panels)
        if width != COLUMNS:
            titles = ", ".join(str(panel.title) for panel, _ in self.panels)
            raise ValueError(f"line of {titles}: {width} columns wide, not {COLUMNS}")


@dataclass(frozen=True)
class Section:
    """Lines under a heading; None for the head of the dashboard, which needs none."""

    title: str | None
    lines: Sequence[Line]


def placed(sections: Iterable[Section]) -> list[Panel | RowPanel]:
    """All panels in reading order, with ids from 1 and grid positions."""
    result: list[Panel | RowPanel] = []
    y = 0
    for section in sections:
        if section.title is not None:
            position = GridPos(h=1, w=COLUMNS, x=0, y=y)
            result.append(RowPanel(title=section.title, id_val=len(result) + 1, grid_pos=position, collapsed=False))
            y += 1
        for line in section.lines:
            x = 0
            for panel, width in line.panels:
                panel.id_val = len(result) + 1
                panel.plugin_version = PLUGIN_VERSION
                panel.grid_pos = GridPos(h=line.height, w=width, x=x, y=y)
                result.append(panel)
                x += width
            y += line.height
    return result
