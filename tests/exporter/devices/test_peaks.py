"""The most memory that was in use: over a day, and only once it is known for long enough to say something."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.devices.peaks import KNOWN_HOURS, WINDOW_HOURS, MemoryPeak

QUARTER_NS = NS_PER_HOUR // 4


def test_a_peak_is_told_after_six_hours_and_stays_for_a_day() -> None:
    peak = MemoryPeak()
    assert peak.record(40, 0) is None
    assert peak.record(7, KNOWN_HOURS * NS_PER_HOUR - 1) is None
    assert peak.record(7, KNOWN_HOURS * NS_PER_HOUR) == 40
    for hour in range(KNOWN_HOURS, WINDOW_HOURS + 1):
        assert peak.record(9, hour * NS_PER_HOUR) == 40
    assert peak.record(8, WINDOW_HOURS * NS_PER_HOUR + QUARTER_NS) == 9


def test_what_was_not_read_for_a_day_begins_anew() -> None:
    peak = MemoryPeak()
    peak.record(40, 0)
    assert peak.record(3, 50 * NS_PER_HOUR) is None
    assert peak.record(2, 56 * NS_PER_HOUR - 1) is None
    assert peak.record(2, 56 * NS_PER_HOUR) == 3


@given(st.lists(st.tuples(st.integers(1, 5 * 3600), st.integers(0, 100)), max_size=60))
def test_no_sample_of_the_last_day_is_above_the_peak_and_the_peak_is_no_older_than_a_quarter_more(
    steps: list[tuple[int, int]],
) -> None:
    peak, now_ns, samples = MemoryPeak(), 0, list[tuple[int, int]]()
    for seconds, used in steps:
        now_ns += seconds * NS_PER_SECOND
        samples.append((now_ns, used))
        told = peak.record(used, now_ns)
        day_ns = WINDOW_HOURS * NS_PER_HOUR
        if told is not None:
            assert told >= max(value for at, value in samples if at >= now_ns - day_ns)
            assert told in {value for at, value in samples if at >= now_ns - day_ns - QUARTER_NS}
