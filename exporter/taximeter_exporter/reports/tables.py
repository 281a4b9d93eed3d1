"""Rows as a table for a terminal, as CSV, or as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

_RIGHT = "0123456789.,-%"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their names; a column of numbers is flush right."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [
        all(cell and set(cell) <= set(_RIGHT) for cell in column[1:] if cell) and any(column[1:]) for column in columns
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, numeric in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join(lines)


def to_csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """With a header; lines end in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def to_json(value: object) -> str:
    """Indented."""
    return json.dumps(value, indent=2, ensure_ascii=False)
