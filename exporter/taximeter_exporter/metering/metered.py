"""What the meter keeps of one device: up to where its time is booked, and what is known of the time since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from taximeter_exporter.devices.reading import Device
from taximeter_exporter.metering.attribution import Interval, Tenancy, attribute
from taximeter_exporter.metering.energy import EnergyTimeline, energy_usage
from taximeter_exporter.metering.observation import Observation
from taximeter_exporter.metering.policy import parts
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.timeline import Timeline
from taximeter_exporter.metering.usage import Usage
from taximeter_exporter.pricing.quote import Schedule

_NOBODY: Mapping[str, int] = {}
_WHOLE = Fraction(1)
_NOBODYS: Mapping[str, Fraction] = {"": _WHOLE}


class Metered:
    """Moments are on `Clock.elapsed_ns`. For one thread at a time."""

    def __init__(self, device: Device, schedule: Schedule, start_ns: int) -> None:
        self.device = device
        self.schedule = schedule
        """What this device costs over time, by its part."""
        self.booked_ns = start_ns
        """Up to where its time is booked."""
        self._busy: Timeline[bool | None] = Timeline(start_ns, None)
        self._weights = Timeline(start_ns, _NOBODY)
        self._tenancies: list[Tenancy] = []
        self._seen: dict[str, int] = {}
        self._energy = EnergyTimeline()

    def observe(self, now_ns: int, observation: Observation, weights: Mapping[str, int]) -> None:
        """Keep whether it is in use, and what the runs on it weigh."""
        self._busy.observe(now_ns, observation.busy)
        self._weights.observe(now_ns, weights)
        self._energy.observe(now_ns, observation.taken_ns, observation.energy_joules)

    def seat(self, run: Run) -> None:
        """A run takes the device by its lease; if its processes were seen on it, it goes on from there."""
        seen_ns = self._seen.pop(run.name, None)
        if seen_ns is not None:
            self._close(run.name, run.start_ns)
        if self.serves(run):
            self._tenancies.append(Tenancy(run.name, run.start_ns, None))

    def serves(self, run: Run) -> bool:
        """Whether it is one of the devices of a run."""
        return not self.device.remainder and run.uses(self.device.uuid)

    def unseat(self, run: Run) -> None:
        """A run that ended lets go."""
        self._close(run.name, run.end_ns)

    def see(self, run: str, seen_ns: int) -> None:
        """A process of a run without a lease was seen on the device."""
        if run not in self._seen:
            self._tenancies.append(Tenancy(run, max(seen_ns, self.booked_ns), None))
        self._seen[run] = max(seen_ns, self._seen.get(run, 0))

    def fade(self, before_ns: int) -> None:
        """The runs that were not seen on it since have let go, each when it was last seen."""
        for run in [run for run, seen_ns in self._seen.items() if seen_ns < before_ns]:
            self._close(run, self._seen.pop(run))

    def tenants(self, active: Iterable[Run]) -> list[Run]:
        """Those of the active runs that are on it."""
        return [run for run in active if (self.serves(run) if run.lease else run.name in self._seen)]

    def shares(self, active: Iterable[Run]) -> Mapping[str, Fraction]:
        """How much of it is at present for each run, by name, or for none, under the empty name: 1 in all."""
        tenants = self.tenants(active)
        if not tenants:
            return _NOBODYS
        if len(tenants) == 1:
            return {tenants[0].name: _WHOLE}
        proportion = parts([run.name for run in tenants], self._weights.last())
        total = sum(proportion.values())
        return {run: Fraction(part, total) for run, part in proportion.items() if part}

    def known_until(self, now_ns: int, active: Iterable[Run]) -> int:
        """Up to when it is known whose its time is.

        The last renewal, or the last sight, is the last that is known of a run: it may have ended right after it.
        """
        renewals = (run.renewed_ns for run in self.tenants(active) if run.lease)
        return min([now_ns, *renewals, *self._seen.values()])

    def awaits(self, run: Run) -> bool:
        """Whether some of its time is a run's and not yet booked."""
        return any(t.run == run.name and (t.end_ns is None or t.end_ns > self.booked_ns) for t in self._tenancies)

    def usage(self, end_ns: int, offset_ns: int) -> Iterator[Usage]:
        """Its time from where it is booked to a moment, and the energy that it used up to then.

        `offset_ns` is what to add for the time of day. A GPU of which nothing is left beside its instances has no time,
        and so nobody to whom its energy belongs.
        """
        if not self.device.part:
            return
        yield from self._time(self.booked_ns, end_ns, offset_ns)
        for spell in self._energy.due(end_ns):
            yield from energy_usage(spell, self._time(spell.start_ns, spell.end_ns, offset_ns))

    def _time(self, start_ns: int, end_ns: int, offset_ns: int) -> Iterator[Usage]:
        return attribute(
            Interval(self.device.uuid, start_ns, end_ns, offset_ns),
            schedule=self.schedule,
            tenancies=self._tenancies,
            busy=self._busy,
            weights=self._weights,
        )

    def booked(self, end_ns: int) -> None:
        """Its time is in the ledger up to there."""
        self.booked_ns = end_ns
        self._energy.booked(end_ns)
        needed_ns = self._energy.since_ns(end_ns)
        self._busy.forget(needed_ns)
        self._weights.forget(needed_ns)
        self._tenancies = [t for t in self._tenancies if t.end_ns is None or t.end_ns > needed_ns]

    def _close(self, run: str, end_ns: int | None) -> None:
        self._tenancies = [
            Tenancy(t.run, t.start_ns, end_ns) if t.run == run and t.end_ns is None else t for t in self._tenancies
        ]
