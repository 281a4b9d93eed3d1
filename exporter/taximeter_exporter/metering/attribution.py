"""Cuts an interval of one device's time at everything that matters, and says whom each piece belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from taximeter_exporter.metering.periods import QUARTER_HOUR_NS
from taximeter_exporter.metering.policy import split
from taximeter_exporter.metering.timeline import Timeline
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.price import Rate
from taximeter_exporter.pricing.quote import Schedule


@dataclass(frozen=True, slots=True)
class Tenancy:
    """A run had a device from one moment to another, on `Clock.elapsed_ns`."""

    run: str
    start_ns: int
    end_ns: int | None
    """`None`: it still has it."""

    def covers(self, start_ns: int, end_ns: int) -> bool:
        """Whether it spans an interval."""
        return self.start_ns <= start_ns and (self.end_ns is None or end_ns <= self.end_ns)


@dataclass(frozen=True, slots=True)
class Interval:
    """Time of one device, or volume, to be booked, [start_ns, end_ns) on `Clock.elapsed_ns`."""

    uuid: str
    start_ns: int
    end_ns: int
    offset_ns: int
    """What to add for the time of day."""
    category: Category = Category.COMPUTE


def attribute(
    interval: Interval,
    *,
    schedule: Schedule,
    tenancies: Sequence[Tenancy],
    busy: Timeline[bool | None],
    weights: Timeline[Mapping[str, int]],
) -> Iterator[Usage]:
    """Usage for an interval in which the meter was running; its nanoseconds add up to the interval's.

    Runs that share a device share its time by their weights.
    """
    cuts = [moment for tenancy in tenancies for moment in (tenancy.start_ns, tenancy.end_ns) if moment is not None]
    for start, end, rate in _pieces(interval, schedule, [*cuts, *busy.changes(), *weights.changes()]):
        runs = {tenancy.run for tenancy in tenancies if tenancy.covers(start, end)}
        if not runs:
            share = Share.IDLE if busy.at(start) is False else Share.UNATTRIBUTED
            yield _usage(interval, start, rate, "", share, end - start)
            continue
        for run, ns in split(end - start, sorted(runs), weights.at(start)).items():
            if ns:
                yield _usage(interval, start, rate, run, Share.ACTIVE, ns)


def attribute_gap(interval: Interval, *, schedule: Schedule, bill: bool) -> Iterator[Usage]:
    """Usage for an interval in which the host was up and the meter was not."""
    for start, end, rate in _pieces(interval, schedule, ()):
        if bill:
            yield _usage(interval, start, rate, "", Share.GAP, end - start)
        else:
            yield _usage(interval, start, None, "", Share.SKIPPED, end - start)


def _pieces(interval: Interval, schedule: Schedule, cuts: Iterable[int]) -> Iterator[tuple[int, int, Rate | None]]:
    """The interval cut at `cuts`, at quarter hours and at changes of the rate."""
    start, end, offset = interval.start_ns, interval.end_ns, interval.offset_ns
    first_quarter = (start + offset) // QUARTER_HOUR_NS + 1
    quarters = range(first_quarter * QUARTER_HOUR_NS - offset, end, QUARTER_HOUR_NS)
    rate_changes = (moment - offset for moment in schedule.changes_between(start + offset, end + offset))
    inside = {cut for cut in cuts if start < cut < end}
    moments = sorted({start, end, *inside, *quarters, *rate_changes})
    for piece_start, piece_end in pairwise(moments):
        yield piece_start, piece_end, schedule.at(piece_start + offset)


def _usage(interval: Interval, start_ns: int, rate: Rate | None, run: str, share: Share, ns: int) -> Usage:
    time_ns = start_ns + interval.offset_ns
    quarter_ns = time_ns - time_ns % QUARTER_HOUR_NS
    return Usage(quarter_ns, interval.uuid, rate, run, interval.category, share, ns)
