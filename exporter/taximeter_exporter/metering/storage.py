"""Volumes: they cost money for as long as the machine is up, whoever runs on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from taximeter_exporter.metering.attribution import Interval, attribute, attribute_gap
from taximeter_exporter.metering.ledger import Advance, Cursor
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.timeline import Timeline
from taximeter_exporter.metering.usage import Category, Usage
from taximeter_exporter.pricing.price import Rate
from taximeter_exporter.pricing.quote import Schedule


@dataclass(frozen=True, slots=True)
class Volume:
    """Storage of a size, which its rate has as its part."""

    name: str
    rate: Rate

    @property
    def uuid(self) -> str:
        """Its name in the ledger."""
        return f"volume:{self.name}"

    @property
    def kind(self) -> str:
        """What sort of thing it is."""
        return "volume"

    @property
    def model(self) -> str:
        """The class of storage."""
        return self.rate.offer.instance_type


class Storage:
    """All volumes, whose time is booked together. It belongs to no run: its share is `unattributed`, or a gap's."""

    def __init__(self, volumes: Sequence[Volume]) -> None:
        self._volumes = volumes
        self._cursors: Mapping[str, Cursor] = {}

    def take_up(
        self, known: Mapping[str, Cursor], now: Cursor, offset_ns: int, *, bill_gaps: bool
    ) -> tuple[list[Usage], list[Advance]]:
        """What to book for the time in which the exporter was down; `known` is where each thing's time ends.

        A volume whose time ends before that of others was not configured meanwhile, and costs nothing until then.
        """
        usage: list[Usage] = []
        ends = [cursor.booked_ns if cursor.boot_id == now.boot_id else 0 for cursor in known.values()]
        for volume in self._volumes:
            start = max(ends) if volume.uuid in known and now.boot_id else now.booked_ns
            if start < now.booked_ns:
                interval = Interval(volume.uuid, start, now.booked_ns, offset_ns, Category.STORAGE)
                usage += attribute_gap(interval, schedule=_always(volume.rate), bill=bill_gaps)
        return usage, [Advance(volume, known.get(volume.uuid), now) for volume in self._volumes]

    def due(self, now: Cursor, offset_ns: int) -> tuple[list[Usage], list[Advance]]:
        """What to book up to a moment."""
        usage = [row for volume in self._volumes for row in self._usage(volume, now.booked_ns, offset_ns)]
        return usage, [Advance(volume, self._cursors[volume.uuid], now) for volume in self._volumes]

    def booked(self, now: Cursor) -> None:
        """Their time is in the ledger up to there."""
        self._cursors = {volume.uuid: now for volume in self._volumes}

    def changed(
        self, volumes: Sequence[Volume], known: Mapping[str, Cursor], now: Cursor
    ) -> tuple[Storage, list[Advance]]:
        """These volumes instead, and what to write before: those that were not there begin now."""
        new = [volume for volume in volumes if volume.uuid not in self._cursors]
        storage = Storage(volumes)
        storage._cursors = {volume.uuid: self._cursors.get(volume.uuid, now) for volume in volumes}
        return storage, [Advance(volume, known.get(volume.uuid), now) for volume in new]

    def per_hour(self) -> Money:
        """What they cost."""
        amounts: Money = {}
        for rate in (volume.rate for volume in self._volumes):
            amounts[rate.currency] = amounts.get(rate.currency, Fraction()) + rate.device_per_hour()
        return amounts

    def _usage(self, volume: Volume, end_ns: int, offset_ns: int) -> Iterator[Usage]:
        start_ns = self._cursors[volume.uuid].booked_ns
        if start_ns == end_ns:
            return iter(())
        return attribute(
            Interval(volume.uuid, start_ns, end_ns, offset_ns, Category.STORAGE),
            schedule=_always(volume.rate),
            tenancies=(),
            busy=Timeline(start_ns, None),
            weights=Timeline(start_ns, {}),
        )


def _always(rate: Rate) -> Schedule:
    return Schedule((), (rate,))
