"""The host itself as the device that costs money, for a machine without a GPU; read from Linux's /proc."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import NamedTuple

from taximeter_exporter.devices.reading import Device, DeviceKind, ReadError, Reading

_KIB = 1024


class _CpuTime(NamedTuple):
    """Of all processors together since the host booted, in clock ticks."""

    total: int
    idle: int


class HostSource:
    """One device, the host. Where there is no /proc its readings are empty: it still costs money."""

    def __init__(self, uuid: str, *, proc: Path = Path("/proc")) -> None:
        self._uuid = uuid
        self._proc = proc
        self._last: _CpuTime | None = None

    def devices(self) -> tuple[Device, ...]:
        """See `Source.devices`."""
        return (Device(uuid=self._uuid, kind=DeviceKind.HOST, index="0", model=self._model(), cpus=self._cpus()),)

    def read(self, device: Device) -> Reading:
        """See `Source.read`. Utilization is that since the read before, so the first reading has none."""
        if device.uuid != self._uuid:
            raise ReadError(f"{device.uuid} is not this host")
        memory = self._memory_bytes()
        total, available = memory.get("MemTotal"), memory.get("MemAvailable")
        if total is None or available is None or available > total:
            used = available = None
        else:
            used = total - available
        return Reading(
            utilization_ratio=self._utilization_ratio(),
            memory_used_bytes=used,
            memory_free_bytes=available,
            memory_total_bytes=total,
        )

    def close(self) -> None:
        """See `Source.close`; there is nothing to let go of."""

    def _lines(self, name: str) -> list[str]:
        try:
            return (self._proc / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ReadError(f"{self._proc / name}: {error.strerror}") from error

    def _utilization_ratio(self) -> float | None:
        """The share of processor time that was neither idle nor waiting for a disk (proc_stat(5))."""
        before, self._last = self._last, self._cpu_time()
        if before is None or self._last is None:
            return None
        total, idle = self._last.total - before.total, self._last.idle - before.idle
        # the wait for a disk may be counted backwards, and processors may come and go
        return None if total <= 0 else min(1.0, max(0.0, (total - idle) / total))

    def _cpu_time(self) -> _CpuTime | None:
        for line in self._lines("stat"):
            name, *fields = line.split()
            if name == "cpu":
                try:
                    # user nice system idle iowait irq softirq steal; the guests' time after them is in user and nice
                    ticks = [int(field) for field in fields[:8]]
                    return _CpuTime(total=sum(ticks), idle=ticks[3] + ticks[4])
                except (ValueError, IndexError) as error:
                    raise ReadError(f"{self._proc / 'stat'}: not understood: {line!r}") from error
        return None

    def _memory_bytes(self) -> dict[str, int]:
        found = {}
        for line in self._lines("meminfo"):
            name, _, rest = line.partition(":")
            number = rest.removesuffix(" kB").strip()
            if number.isdecimal():
                found[name] = int(number) * _KIB
        return found

    def _model(self) -> str:
        for line in self._lines("cpuinfo"):
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return value.strip()
        return platform.processor() or platform.machine() or "unknown"

    def _cpus(self) -> int | None:
        online = sum(line.startswith("cpu") and not line.startswith("cpu ") for line in self._lines("stat"))
        return online or os.cpu_count()
