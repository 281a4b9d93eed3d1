"""Whether a device is in use, which is what tells idle money from money that nobody accounts for."""

from __future__ import annotations

from taximeter_exporter.devices.reading import Reading

BUSY_FROM_RATIO = 0.05
"""The utilization from which a device counts as in use: above what a desktop or a monitoring agent causes."""


def busy(reading: Reading) -> bool | None:
    """True if the device was in use, False if it was not, `None` if the reading does not tell.

    Utilization decides, or where there is none (a MIG instance) what GPM says of the same. Where there is neither, a
    compute process on the device makes it busy.
    """
    ratio = reading.utilization_ratio
    if ratio is None:
        ratio = reading.activity_ratios.get("gpu_graphics_activity_ratio")
    if ratio is not None:
        return ratio >= BUSY_FROM_RATIO
    return None if reading.processes is None else bool(reading.processes)
