"""A past for a Prometheus that is about to start: samples as the blocks of its database, by the real promtool."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from demo.binaries import Tools

Sample = tuple[str, Mapping[str, str], float, float]
"""A metric's name, its labels, its value, and when it had it, in seconds since 1970."""


def write_blocks(tools: Tools, data: Path, samples: Iterable[Sample]) -> None:
    """Write blocks with the samples into `data`, where there need be nothing yet.

    The samples of a series have to stand in the order of time: promtool leaves out what is older than the one before.
    """
    lines = [f"{_series(name, labels)} {value!r} {moment}" for name, labels, value, moment in samples]
    text = data.with_name("past.txt")
    text.write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
    command: list[str | Path] = [tools.promtool, "tsdb", "create-blocks-from", "openmetrics", text, data]
    subprocess.run(command, check=True, capture_output=True)


def _series(name: str, labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()) if value)
    return f"{name}{{{inner}}}"
