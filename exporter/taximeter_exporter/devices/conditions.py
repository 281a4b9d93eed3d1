"""What is wrong with a GPU, judged by what was read of it last: alerts ask for these, and dashboards show them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.devices.reading import Reading, Sample

SLOWED_DOWN_ABOVE_RATIO = 0.25
UNUSED_BELOW_RATIO = 0.25
"""Of its memory."""
UNUSED_FROM_NS = 6 * NS_PER_HOUR
"""For so long of the last day runs must have had the GPU: memory that nobody asked for is not left unused."""


class Condition(StrEnum):
    """It holds now, or is not told of: what a GPU does not support, or did not answer, is no condition."""

    DOWN = "down"
    """It cannot be read."""
    HOT = "hot"
    """It, or its memory, is at the temperature at which it slows down."""
    SLOWED_DOWN = "slowed_down"
    """Heat or the power supply held its clocks down for more than a quarter of the last five minutes."""
    ROW_REMAP_FAILED = "row_remap_failed"
    REPAIR_PENDING = "repair_pending"
    """Rows are to be remapped, or pages to be retired, at its next reset."""
    MEMORY_UNUSED = "memory_unused"
    """Runs had it for six hours of the last day or more, and less than a quarter of its memory was ever in use."""


def conditions(sample: Sample, *, active_ns: int) -> Iterator[Condition]:
    """Those that hold. `active_ns`: for how long runs had the GPU within the last day."""
    reading = sample.reading
    if reading is None:
        yield Condition.DOWN
        return
    standing = reading.standing
    if _is_hot(reading):
        yield Condition.HOT
    if (sample.past.slowdown_ratio or 0) > SLOWED_DOWN_ABOVE_RATIO:
        yield Condition.SLOWED_DOWN
    if standing.row_remap_failed:
        yield Condition.ROW_REMAP_FAILED
    if standing.remapped_rows_pending or standing.retired_pages_pending:
        yield Condition.REPAIR_PENDING
    if active_ns >= UNUSED_FROM_NS and _leaves_unused(reading.memory_total_bytes, sample.past.memory_peak_bytes):
        yield Condition.MEMORY_UNUSED


def _is_hot(reading: Reading) -> bool:
    """By the temperature where the GPU tells its thresholds so; by what is left to it on Ada and later."""
    thresholds = reading.standing.temperature_thresholds_celsius
    margins = reading.standing.temperature_margin_limits_celsius
    return (
        _reaches(reading.temperature_celsius, thresholds.get("slowdown"))
        or _reaches(reading.memory_temperature_celsius, thresholds.get("memory_max"))
        or _reaches(margins.get("slowdown"), reading.temperature_margin_celsius)
    )


def _reaches(celsius: float | None, limit: float | None) -> bool:
    return celsius is not None and limit is not None and celsius >= limit


def _leaves_unused(total_bytes: int | None, peak_bytes: int | None) -> bool:
    return total_bytes is not None and peak_bytes is not None and peak_bytes < UNUSED_BELOW_RATIO * total_bytes
