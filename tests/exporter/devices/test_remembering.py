"""What the readings of a device tell together: readings are made up, and so is the time."""

from __future__ import annotations

from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.devices.reading import NO_PAST, Past, Reading
from taximeter_exporter.devices.remembering import Remembering


def recorded(remembering: Remembering, reading: Reading | None, at_seconds: float, **xid_errors: int) -> Past:
    """What is known after a reading; its XID errors are told as `xid_31=2`."""
    now_ns = round(at_seconds * NS_PER_SECOND)
    counted = {int(name.removeprefix("xid_")): count for name, count in xid_errors.items()}
    return remembering.record(reading, counted, now_ns=now_ns, time_ns=10**18 + now_ns)


def test_one_sample_is_enough_for_a_peak_and_it_is_kept_while_there_is_no_reading() -> None:
    remembering = Remembering()
    for second in range(10):
        recorded(remembering, Reading(memory_used_bytes=70 if second == 4 else 5), second)
    assert recorded(remembering, Reading(memory_used_bytes=5), 6 * 3600).memory_peak_bytes == 70
    assert recorded(remembering, None, 6 * 3600 + 1).memory_peak_bytes == 70
    assert recorded(remembering, Reading(), 6 * 3600 + 2).memory_peak_bytes == 70


def test_it_is_told_how_much_heat_slowed_it_down() -> None:
    remembering = Remembering()
    assert recorded(remembering, Reading(throttle_ns={"hw_thermal_slowdown": 7}), 0).slowdown_ratio == 0
    later = Reading(throttle_ns={"hw_thermal_slowdown": 7 + 60 * NS_PER_SECOND})
    assert recorded(remembering, later, 60).slowdown_ratio == 0.2


def test_it_is_kept_when_values_were_last_refused_also_while_there_are_none() -> None:
    remembering = Remembering()

    def seconds(at_seconds: int, reading: Reading | None) -> dict[str, int]:
        times_ns = recorded(remembering, reading, at_seconds).refused_times_ns
        return {metric: (time_ns - 10**18) // NS_PER_SECOND for metric, time_ns in times_ns.items()}

    assert seconds(1, Reading()) == {}
    assert seconds(2, Reading(refused={"gpu_power_watts": 1})) == {"gpu_power_watts": 2}
    both = Reading(refused={"gpu_power_watts": 1, "gpu_processes": 7})
    assert seconds(3, both) == seconds(4, None) == seconds(5, both) == {"gpu_power_watts": 2, "gpu_processes": 3}
    assert seconds(6, Reading(refused={"gpu_power_watts": 2, "gpu_processes": 7}))["gpu_power_watts"] == 6


def test_of_a_device_that_tells_nothing_nothing_is_known() -> None:
    remembering = Remembering()
    assert recorded(remembering, None, 0) == recorded(remembering, Reading(), 7 * NS_PER_HOUR) == NO_PAST


def test_it_is_kept_when_each_xid_error_came_last() -> None:
    remembering = Remembering()

    def seconds(at_seconds: int, reading: Reading | None = None, **xid_errors: int) -> dict[int, int]:
        times_ns = recorded(remembering, reading, at_seconds, **xid_errors).xid_times_ns
        return {xid: (time_ns - 10**18) // NS_PER_SECOND for xid, time_ns in times_ns.items()}

    assert seconds(1, Reading()) == {}
    assert seconds(2, Reading(), xid_31=1) == {31: 2}
    assert seconds(3, Reading(), xid_31=1) == {31: 2}
    assert seconds(4, Reading(), xid_31=2, xid_45=1) == {31: 4, 45: 4}
    assert seconds(5, None, xid_31=2, xid_45=1, xid_79=1) == {31: 4, 45: 4, 79: 5}
    # counted from the beginning again
    assert seconds(6, Reading(), xid_45=2, xid_79=1) == {45: 6, 79: 5}
