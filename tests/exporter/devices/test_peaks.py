"""The most memory that was in use: over a day, and only once it is known for long enough to say something."""

from __future__ import annotations

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.devices.peaks import KNOWN_HOURS, WINDOW_HOURS, MemoryPeaks
from taximeter_exporter.devices.reading import Device, DeviceKind, Reading, Sample

GPU = Device(uuid="GPU-0", kind=DeviceKind.GPU, index="0", model="H100")


def sample(used: int | None) -> Sample:
    return Sample(device=GPU, reading=None if used is None else Reading(memory_used_bytes=used))


def test_a_peak_is_told_after_six_hours_and_stays_for_a_day() -> None:
    peaks = MemoryPeaks()
    peaks.record([sample(40)], 0)
    peaks.record([sample(7)], KNOWN_HOURS * NS_PER_HOUR - 1)
    assert peaks.peak(GPU.uuid, KNOWN_HOURS * NS_PER_HOUR - 1) is None
    assert peaks.peak(GPU.uuid, KNOWN_HOURS * NS_PER_HOUR) == 40
    for hour in range(KNOWN_HOURS, WINDOW_HOURS + 1):
        peaks.record([sample(9)], hour * NS_PER_HOUR)
        assert peaks.peak(GPU.uuid, hour * NS_PER_HOUR) == 40
    peaks.record([sample(8)], (WINDOW_HOURS + 1) * NS_PER_HOUR)
    assert peaks.peak(GPU.uuid, (WINDOW_HOURS + 1) * NS_PER_HOUR) == 9


def test_what_was_not_read_has_no_peak_and_begins_anew_after_a_day() -> None:
    peaks = MemoryPeaks()
    peaks.record([sample(None), Sample(device=GPU, reading=Reading())], 0)
    assert peaks.peak(GPU.uuid, 100 * NS_PER_HOUR) is None
    peaks.record([sample(40)], 0)
    peaks.record([sample(None)], (WINDOW_HOURS + 1) * NS_PER_HOUR)
    assert peaks.peak(GPU.uuid, (WINDOW_HOURS + 1) * NS_PER_HOUR) is None
    peaks.record([sample(3)], 50 * NS_PER_HOUR)
    assert peaks.peak(GPU.uuid, 55 * NS_PER_HOUR) is None
    assert peaks.peak(GPU.uuid, 56 * NS_PER_HOUR) == 3
