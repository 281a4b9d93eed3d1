"""Which devices are metered, and from when until when: GPUs come and go, and MIG divides them anew."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from taximeter_exporter.devices.reading import Device
from taximeter_exporter.metering.metered import Metered
from taximeter_exporter.metering.run import Run
from taximeter_exporter.pricing.quote import Schedule

log = logging.getLogger(__name__)


class Layout:
    """How one GPU is divided from one moment to another. Its parts add up to it, and so are booked together."""

    def __init__(self, devices: Sequence[Device], schedule: Schedule, start_ns: int) -> None:
        """`schedule` is what the whole GPU costs."""
        self.schedule = schedule
        self.parts = tuple(Metered(device, _of_part(schedule, device.part), start_ns) for device in devices)
        self.booked_ns = start_ns
        self.until_ns: int | None = None
        """When another took its place, or the GPU went; `None`: it holds."""

    @property
    def gpu(self) -> str:
        """The UUID of the GPU; or of the host, which is a device in one part."""
        return self.parts[0].device.gpu

    def known_until(self, now_ns: int, active: Sequence[Run]) -> int:
        """Up to when it is known of all of its parts whose their time is."""
        end_ns = min(part.known_until(now_ns, active) for part in self.parts)
        return end_ns if self.until_ns is None else min(end_ns, self.until_ns)

    def booked(self, end_ns: int) -> None:
        """Its time is in the ledger up to there."""
        self.booked_ns = end_ns
        for part in self.parts:
            part.booked(end_ns)

    def is_of(self, devices: Sequence[Device]) -> bool:
        """Whether these are its parts, and nothing but what they are called by has changed."""
        return {_share(part.device) for part in self.parts} == {_share(device) for device in devices}

    def reprice(self, schedule: Schedule, time_ns: int) -> None:
        """From a time of day on (nanoseconds since 1970), the whole GPU costs what `schedule` says."""
        self.schedule = self.schedule.then(time_ns, schedule)
        for part in self.parts:
            part.schedule = part.schedule.then(time_ns, _of_part(schedule, part.device.part))

    def rename(self, devices: Iterable[Device]) -> None:
        """Another index, or version of the driver."""
        by_uuid = {device.uuid: device for device in devices}
        for part in self.parts:
            part.device = by_uuid[part.device.uuid]


class Fleet:
    """All layouts that are not booked to their end. For one thread at a time, but for `parts`."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._layouts: dict[str, list[Layout]] = {}
        """Of each GPU, by time; none but the last can hold."""
        self.parts: tuple[Metered, ...] = ()
        """What is metered now. Put in place whole."""

    @property
    def unbooked(self) -> Iterator[Metered]:
        """What is metered now, and what was until not long ago: not all of its time is booked."""
        return (part for layouts in self._layouts.values() for layout in layouts for part in layout.parts)

    def arrivals(self, devices: Iterable[Device], now_ns: int) -> list[Layout]:
        """GPUs that are not metered, as they would be from now on; they are not before they are given to `meter`.

        One that went and comes back arrives when it is booked up to where it went.
        """
        new = {gpu: parts for gpu, parts in _by_gpu(devices).items() if gpu not in self._layouts}
        holding = sum(layouts[-1].until_ns is None for layouts in self._layouts.values())
        return [
            Layout(parts, _covering(self._schedule, holding + place), now_ns)
            for place, parts in enumerate(new.values(), start=1)
        ]

    def reprice(self, schedule: Schedule, time_ns: int) -> None:
        """From a time of day on (nanoseconds since 1970), GPUs cost what `schedule` says."""
        self._schedule = self._schedule.then(time_ns, schedule)
        for place, layouts in enumerate(self._layouts.values(), start=1):
            for layout in layouts:
                layout.reprice(_covering(schedule, place), time_ns)

    def meter(self, layouts: Iterable[Layout]) -> None:
        """Meter these from their start on."""
        for layout in layouts:
            self._layouts[layout.gpu] = [layout]
            self._warn_without_price(layout)
        self._refresh()

    def follow(self, devices: Iterable[Device], now_ns: int) -> list[Metered]:
        """Meter each GPU as it is divided from now on, and none that is gone; returns the new parts."""
        here = _by_gpu(devices)
        new: list[Metered] = []
        for gpu, layouts in self._layouts.items():
            last, parts = layouts[-1], here.get(gpu)
            if last.until_ns is not None:
                continue
            if parts is not None and last.is_of(parts):
                last.rename(parts)
                continue
            last.until_ns = now_ns
            if parts is not None:
                layouts.append(Layout(parts, last.schedule, now_ns))
                new += layouts[-1].parts
        self._refresh()
        return new

    def due(self, now_ns: int, active: Sequence[Run]) -> list[tuple[Layout, int]]:
        """The layouts that can be booked on, each with up to when, in the order in which they must be."""
        found = []
        for layouts in self._layouts.values():
            for layout in layouts:
                end_ns = layout.known_until(now_ns, active)
                if end_ns > layout.booked_ns:
                    found.append((layout, end_ns))
                if end_ns != layout.until_ns:
                    break
        return found

    def booked(self, due: Iterable[tuple[Layout, int]]) -> None:
        """They are; what is booked to its end is forgotten."""
        for layout, end_ns in due:
            layout.booked(end_ns)
        for gpu, layouts in list(self._layouts.items()):
            layouts[:] = [layout for layout in layouts if layout.booked_ns != layout.until_ns]
            if not layouts:
                del self._layouts[gpu]

    def _refresh(self) -> None:
        last = [layouts[-1] for layouts in self._layouts.values()]
        self.parts = tuple(part for layout in last if layout.until_ns is None for part in layout.parts)

    def _warn_without_price(self, layout: Layout) -> None:
        rates = zip(self._schedule.every_rate(), layout.schedule.every_rate(), strict=True)
        short = next((rate for rate, own in rates if rate and not own), None)
        if short is not None:
            log.warning(
                "%s is one GPU more than the price of %s covers, which are %d: its time is kept without a price;"
                " say in `prices[].gpus` how many GPUs the instance has, and have the configuration reloaded",
                layout.gpu,
                short.offer,
                short.devices,
            )


def _by_gpu(devices: Iterable[Device]) -> dict[str, list[Device]]:
    groups: dict[str, list[Device]] = {}
    for device in devices:
        groups.setdefault(device.gpu, []).append(device)
    return groups


def _share(device: Device) -> tuple[str, Fraction, bool]:
    return device.uuid, device.part, device.remainder


def _covering(schedule: Schedule, place: int) -> Schedule:
    """What the GPU at a place costs, from 1: nothing when the price of then does not cover so many."""
    return schedule.map(lambda rate: rate if place <= rate.devices else None)


def _of_part(schedule: Schedule, part: Fraction) -> Schedule:
    return schedule.map(lambda rate: replace(rate, part=part))
