"""Where panels go: lines of panels in sections, on Grafana's grid of 24 columns (a phone shows one below the other).

Panels get their ids here, in reading order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

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
    """Lines under a heading; None for the head of the dashboard, which needs none.

    Attributes:
        folded: only the heading shows, and nothing is asked for, until the reader opens it; a heading is needed.
    """

    title: str | None
    lines: Sequence[Line]
    folded: bool = False


def placed(sections: Iterable[Section]) -> list[Panel | RowPanel]:
    """All panels in reading order, with ids from 1 and grid positions."""
    result: list[Panel | RowPanel] = []
    ids = count(1)
    y = 0
    for section in sections:
        row = None
        if section.title is not None:
            position = GridPos(h=1, w=COLUMNS, x=0, y=y)
            row = RowPanel(title=section.title, id_val=next(ids), grid_pos=position, collapsed=section.folded)
            result.append(row)
            y += 1
        panels, end = _beside_and_below(section.lines, y, ids)
        if row is not None and section.folded:
            row.panels = panels
        else:
            result += panels
            y = end
    return result


def _beside_and_below(lines: Iterable[Line], y: int, ids: Iterator[int]) -> tuple[list[Panel], int]:
    """The lines' panels from row `y` of the grid on, and the row after them."""
    panels = []
    for line in lines:
        x = 0
        for panel, width in line.panels:
            panel.id_val = next(ids)
            panel.plugin_version = PLUGIN_VERSION
            panel.grid_pos = GridPos(h=line.height, w=width, x=x, y=y)
            panels.append(panel)
            x += width
        y += line.height
    return panels, y
