"""Adds to the readings of a device what only those before them tell. Each reading counts, whoever asks how seldom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from taximeter_exporter.clock import NS_PER_HOUR, Clock
from taximeter_exporter.devices.peaks import WINDOW_HOURS, MemoryPeak
from taximeter_exporter.devices.reading import Device, Reading, Source
from taximeter_exporter.devices.slowdown import Slowdown


@dataclass(slots=True)
class _Past:
    """Of one device."""

    read_ns: int
    """When it was last read."""
    memory_peak: MemoryPeak
    slowdown: Slowdown = field(default_factory=Slowdown)


class RememberingSource:
    """A source like the one that it reads from. What it remembers is in memory alone: a restart begins anew."""

    def __init__(self, source: Source, clock: Clock) -> None:
        """Takes the source over: `close` closes it."""
        self._source = source
        self._clock = clock
        self._pasts: dict[str, _Past] = {}

    def devices(self) -> tuple[Device, ...]:
        """See `Source.devices`. What was not read for a day is forgotten: MIG instances come and go."""
        since_ns = self._clock.elapsed_ns() - WINDOW_HOURS * NS_PER_HOUR
        for uuid in [uuid for uuid, past in list(self._pasts.items()) if past.read_ns < since_ns]:
            del self._pasts[uuid]
        return self._source.devices()

    def read(self, device: Device) -> Reading:
        """See `Source.read`."""
        reading = self._source.read(device)
        now_ns = self._clock.elapsed_ns()
        past = self._pasts.get(device.uuid)
        if past is None:
            past = self._pasts[device.uuid] = _Past(now_ns, MemoryPeak(now_ns))
        past.read_ns = now_ns
        used = reading.memory_used_bytes
        return replace(
            reading,
            memory_peak_bytes=None if used is None else past.memory_peak.record(used, now_ns),
            slowdown_ratio=past.slowdown.record(reading.throttle_ns, now_ns),
        )

    def close(self) -> None:
        """See `Source.close`."""
        self._source.close()
