"""Blocks of Prometheus' database, made by promtool from samples written down as OpenMetrics."""

from __future__ import annotations

import subprocess
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from bench.fleet.hosts import HOUR, Line
from bench.fleet.lookback import Stretch

_SPANS = ((8 * HOUR, 2 * HOUR), (26 * HOUR, 6 * HOUR), (80 * HOUR, 18 * HOUR))
_LONGEST = 54 * HOUR
"""How long a time a block spans that began so long ago: Prometheus puts blocks together step by step, and none longer
than the last where it keeps 30 days."""
_PROCESSES = 2


def write_blocks(
    promtool: Path, folder: Path, lines: Iterable[Line], stretches: Mapping[str, Sequence[Stretch]], *, end: float
) -> int:
    """Write the samples of all lines in the stretches of their metrics, and return how many there are.

    Raises `subprocess.CalledProcessError` if promtool refuses them.
    """
    folder.mkdir(exist_ok=True)
    slots = {name: list(_slots(each, end)) for name, each in stretches.items()}
    count = 0
    with tempfile.TemporaryDirectory(dir=folder.parent) as written:
        with ExitStack() as stack:
            files: dict[float, IO[str]] = {}
            for line in lines:
                start, course, (born, died) = _written(line), line.course, line.lived
                for slot, all_moments in slots.get(line.name, ()):
                    # Cut out of those that every series of this metric shares.
                    moments = all_moments[bisect_left(all_moments, born) : bisect_right(all_moments, died)]
                    if not moments:
                        continue
                    if slot not in files:
                        files[slot] = stack.enter_context((Path(written) / f"{slot:.0f}").open("w", encoding="utf-8"))
                    files[slot].write("".join([f"{start} {course(at)!r} {at}\n" for at in moments]))
                    count += len(moments)
            for file in files.values():
                file.write("# EOF\n")
        with ThreadPoolExecutor(_PROCESSES) as pool:
            list(pool.map(lambda path: _import(promtool, path, folder), sorted(Path(written).iterdir())))
    return count


def _written(line: Line) -> str:
    # None of our labels has anything in it that would have to be escaped.
    return line.name + "{" + ",".join(f'{label}="{value}"' for label, value in line.labels.items()) + "}"


def _import(promtool: Path, path: Path, folder: Path) -> None:
    # Once for each file: promtool reads the whole of one again for every block that it makes.
    command: list[str | Path] = [
        promtool,
        "tsdb",
        "create-blocks-from",
        f"--max-block-duration={_LONGEST / HOUR:.0f}h",
        "openmetrics",
    ]
    subprocess.run([*command, "--quiet", path, folder], check=True, stdout=subprocess.DEVNULL)
    path.unlink()


def _slots(stretches: Sequence[Stretch], end: float) -> Iterator[tuple[float, list[float]]]:
    """The moments of the samples, apart by the block that they go into."""
    by_slot: dict[float, list[float]] = {}
    for stretch in stretches:
        for at in stretch.moments(end):
            by_slot.setdefault(_slot(at, end), []).append(at)
    return iter(by_slot.items())


def _slot(at: float, end: float) -> float:
    """When the block begins, or would begin, that has this moment."""
    for age, span in _SPANS:
        began = at // span * span
        if end - began <= age:
            return began
    return at // _LONGEST * _LONGEST
