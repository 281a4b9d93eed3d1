"""What budgets are forecast by: the present, the recent past, and what is known of prices ahead."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from taximeter_exporter.metering.forecast import WINDOW_NS
from taximeter_exporter.metering.ledger import Ledger, LedgerError
from taximeter_exporter.metering.metered import Metered
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.recent import DevicesInUse, Recent, RecentPast
from taximeter_exporter.metering.run import Run
from taximeter_exporter.pricing.course import Course, known_ahead
from taximeter_exporter.pricing.quote import Schedule

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Where the price of devices is known ahead: their use at present, apart from what else costs money."""

    course: Course
    in_use: DevicesInUse
    beside_per_hour: Mapping[str, Money]
    """By the run that it is for, or under the empty name for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What there is to know of the present moment, of the past before it and of the time after it."""

    time_ns: int
    per_hour: Mapping[str, Money]
    """What the devices and volumes cost at present, by the run that it is for, or under the empty name for none."""
    runs: Mapping[str, Run]
    """Each run there is, by name."""
    visible: Sequence[Run]
    """The runs that are shown."""
    recent: Recent
    ahead: Ahead | None


class Outlook:
    """On behalf of all budgets. For one thread at a time."""

    def __init__(self, ledger: Ledger, schedule: Schedule) -> None:
        """`schedule` is what one whole device costs, by the configuration."""
        self._past = RecentPast(ledger)
        self.reprice(schedule)

    def reprice(self, schedule: Schedule) -> None:
        """From now on this is what is known."""
        self._schedule = schedule
        self._course: Course | None = None

    def now(
        self,
        time_ns: int,
        *,
        parts: Iterable[Metered],
        active: Sequence[Run],
        visible: Sequence[Run],
        runs: Mapping[str, Run],
        per_hour: Mapping[str, Money],
        storage_per_hour: Money,
    ) -> Now:
        """See `Now`. `parts` are the devices that are metered now, and `active` the runs that may have them."""
        if self._course is None or not self._course.is_of(time_ns):
            self._course = known_ahead(self._schedule, time_ns, since_ns=time_ns - WINDOW_NS)
        course = self._course
        try:
            recent = self._past.at(time_ns, course)
        except LedgerError as error:
            log.error("forecasts go by the present rate alone: %s", error)
            recent = Recent((), 0)
        ahead = None
        if course is not None:
            in_use = _in_use(parts, active, time_ns)
            ahead = Ahead(course=course, in_use=in_use, beside_per_hour={"": storage_per_hour})
        return Now(time_ns=time_ns, per_hour=per_hour, runs=runs, visible=visible, recent=recent, ahead=ahead)


def _in_use(parts: Iterable[Metered], active: Sequence[Run], time_ns: int) -> DevicesInUse:
    """At present; without those that have no price."""
    devices: dict[str, Fraction] = {}
    for metered in parts:
        if metered.schedule.at(time_ns) is not None:
            for run, share in metered.shares(active).items():
                devices[run] = devices.get(run, Fraction()) + share * metered.device.part
    return devices
