"""The host as the device, read from a tree laid out like /proc."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taximeter_exporter.devices.host import HostSource
from taximeter_exporter.devices.reading import DeviceKind, ReadError, Reading

CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: AMD EPYC 9654 96-Core Processor

processor\t: 1
model name\t: AMD EPYC 9654 96-Core Processor
"""
MEMINFO = """MemTotal:       16000 kB
MemFree:         1000 kB
MemAvailable:    6000 kB
HugePages_Total:     0
"""


def stat(*ticks: int, cpus: int = 2) -> str:
    return (
        f"cpu  {' '.join(map(str, ticks))}\n"
        + "".join(f"cpu{n} 1 2 3 4 5 6 7 8 0 0\n" for n in range(cpus))
        + "intr 5\n"
    )


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    (tmp_path / "meminfo").write_text(MEMINFO)
    (tmp_path / "stat").write_text(stat(100, 0, 100, 700, 100, 0, 0, 0, 50, 0))
    return tmp_path


def read(source: HostSource) -> Reading:
    (device,) = source.devices()
    return source.read(device)


def test_the_host_is_one_device(proc: Path) -> None:
    (device,) = HostSource("HOST-1", proc=proc).devices()
    assert device.uuid == "HOST-1"
    assert device.kind is DeviceKind.HOST
    assert device.index == "0"
    assert device.model == "AMD EPYC 9654 96-Core Processor"
    assert device.cpus == 2
    assert not device.simulated


def test_memory_in_use_is_what_cannot_be_had(proc: Path) -> None:
    reading = read(HostSource("HOST-1", proc=proc))
    assert reading.memory_total_bytes == 16000 * 1024
    assert reading.memory_used_bytes == 10000 * 1024
    assert reading.memory_free_bytes == 6000 * 1024


def test_an_old_kernel_does_not_tell_what_is_available(proc: Path) -> None:
    (proc / "meminfo").write_text("MemTotal: 16000 kB\nMemFree: 1000 kB\n")
    reading = read(HostSource("HOST-1", proc=proc))
    assert reading.memory_total_bytes == 16000 * 1024
    assert reading.memory_used_bytes is None
    assert reading.memory_free_bytes is None


def test_utilization_is_that_since_the_read_before(proc: Path) -> None:
    source = HostSource("HOST-1", proc=proc)
    assert read(source).utilization_ratio is None
    # of 400 ticks 60 + 40 were idle or waiting for a disk; the guest's 50 are in user already
    (proc / "stat").write_text(stat(250, 50, 150, 760, 140, 10, 20, 20, 100, 0))
    assert read(source).utilization_ratio == 0.75
    (proc / "stat").write_text(stat(250, 50, 150, 860, 140, 10, 20, 20, 100, 0))
    assert read(source).utilization_ratio == 0.0


def test_no_time_passed(proc: Path) -> None:
    source = HostSource("HOST-1", proc=proc)
    read(source)
    assert read(source).utilization_ratio is None


TICKS = st.lists(st.integers(0, 10**6), min_size=10, max_size=10)


@given(before=TICKS, after=TICKS)
def test_utilization_is_a_ratio_whatever_the_kernel_counts(
    tmp_path_factory: pytest.TempPathFactory, before: list[int], after: list[int]
) -> None:
    proc = tmp_path_factory.mktemp("proc")
    source = HostSource("HOST-1", proc=proc)
    (proc / "stat").write_text(stat(*before))
    read(source)
    (proc / "stat").write_text(stat(*after))
    ratio = read(source).utilization_ratio
    assert ratio is None or 0 <= ratio <= 1


def test_without_proc_there_is_a_device_without_readings(tmp_path: Path) -> None:
    source = HostSource("HOST-1", proc=tmp_path / "absent")
    (device,) = source.devices()
    assert device.model
    assert device.cpus
    assert read(source) == Reading()
    assert read(source) == Reading()


def test_a_processor_without_a_name_is_named_by_the_platform(proc: Path) -> None:
    (proc / "cpuinfo").write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    (device,) = HostSource("HOST-1", proc=proc).devices()
    assert device.model


@pytest.mark.parametrize("line", ["cpu  1 2 3\n", "cpu  1 2 3 four 5 6 7 8 9 10\n"])
def test_what_is_not_understood_is_said(proc: Path, line: str) -> None:
    (proc / "stat").write_text(line)
    with pytest.raises(ReadError, match=r"stat: not understood: 'cpu "):
        read(HostSource("HOST-1", proc=proc))


def test_what_cannot_be_read_is_said(proc: Path) -> None:
    (proc / "meminfo").unlink()
    (proc / "meminfo").mkdir()
    with pytest.raises(ReadError, match=r"meminfo: Is a directory"):
        read(HostSource("HOST-1", proc=proc))


def test_another_device_is_refused(proc: Path) -> None:
    (other,) = HostSource("HOST-2", proc=proc).devices()
    with pytest.raises(ReadError, match="HOST-2"):
        HostSource("HOST-1", proc=proc).read(other)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")
def test_this_machine() -> None:
    source = HostSource("HOST-1")
    reading = read(source)
    assert reading.memory_used_bytes is not None
    assert reading.memory_total_bytes is not None
    assert 0 < reading.memory_used_bytes < reading.memory_total_bytes
