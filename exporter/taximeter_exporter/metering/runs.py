"""Runs: how one takes the devices by a lease, keeps them by renewing, and lets go; and how one without is followed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypedDict, Unpack

from taximeter_exporter.clock import NS_PER_SECOND, Clock
from taximeter_exporter.metering.identity import Identity
from taximeter_exporter.metering.run import Result, Run, Source
from taximeter_exporter.metering.transfer import count_bytes

LEASE_SECONDS = 15
"""A run that does not renew for so long has ended, at its last renewal."""
RENEW_SECONDS = 5
"""How often a run should renew; so old may its figures be."""
ENDED_VISIBLE_SECONDS = 3600
"""How long a run that ended still has series of its own."""


class RunLabels(TypedDict):
    """Who and what a run is."""

    project: str
    team: str
    user: str
    model: str
    dataset: str
    devices: tuple[str, ...] | None
    pids: tuple[int, ...]


class UnknownRunError(Exception):
    """There is no run of that name."""


class LeaseConflictError(Exception):
    """The run is somebody else's, or was."""


class LeaseEndedError(Exception):
    """The lease has ended; the run can be resumed."""


class RunBook:
    """All runs by name, and which of them changed since the ledger last kept them."""

    def __init__(self, clock: Clock, runs: Iterable[Run]) -> None:
        self._clock = clock
        self.runs: dict[str, Run] = {}
        self.changed: set[str] = set()
        self._active: dict[str, Run] = {}
        self._ended: dict[str, Run] = {}
        """Those that ended not long ago, as far as has been looked."""
        for run in runs:
            self._put(run)
            if run.active:
                self._reload(run)

    def active(self) -> list[Run]:
        """The runs whose lease lives or whose processes are there, by name."""
        return sorted(self._active.values(), key=lambda run: run.name)

    def visible(self) -> list[Run]:
        """The active runs, and those that ended not long ago, by start."""
        since = self._clock.time_ns() - ENDED_VISIBLE_SECONDS * NS_PER_SECOND
        self._ended = {name: run for name, run in self._ended.items() if (run.end_time_ns or 0) >= since}
        return sorted([*self._active.values(), *self._ended.values()], key=lambda run: (run.start_time_ns, run.name))

    def register(self, name: str, *, resume: bool, **labels: Unpack[RunLabels]) -> Run:
        """Begin a run, or go on with one that ended. One that is known by its processes only gets the lease.

        Raises `LeaseConflictError` if it is active under a lease, or had one that ended and is not to be resumed or
        belonged to another project.
        """
        known = self.runs.get(name)
        leased = known is not None and known.source is Source.LEASE
        if known and leased and known.active:
            raise LeaseConflictError(
                f"run {name!r} is active under another lease; end that one, wait until its lease ends"
                f" ({LEASE_SECONDS} s after its last renewal), or choose another name"
            )
        if leased and not resume:
            raise LeaseConflictError(
                f"there was a run {name!r} already; set `resume` to go on with it, or choose another name"
            )
        if known and leased and known.project != labels["project"]:
            # What it has cost is counted under its project; it cannot be taken from there to another.
            raise LeaseConflictError(
                f"run {name!r} belongs to project {known.project!r}; resume it under that, or choose another name"
            )
        now, time = self._clock.elapsed_ns(), self._clock.time_ns()
        return self._keep(
            Run(
                name=name,
                lease=secrets.token_urlsafe(16),
                start_time_ns=known.start_time_ns if known else time,
                boot_id=self._clock.boot_id,
                start_ns=now,
                renewed_ns=now,
                renewed_time_ns=time,
                progress=known.progress if known else {},
                bytes_before=(known.bytes_before or known.bytes_reported) if known else 0,
                bytes_unbooked=known.bytes_unbooked if known else 0,
                **labels,
            )
        )

    def renew(self, name: str, lease: str, progress: Mapping[str, float]) -> Run:
        """Keep a lease alive. Raises `UnknownRunError`, `LeaseConflictError`, `LeaseEndedError`."""
        run = self._leased(name, lease)
        if not run.active:
            raise LeaseEndedError(f"the lease of run {name!r} has ended; register it again with `resume`")
        return self._keep(
            replace(
                count_bytes(run, progress),
                renewed_ns=self._clock.elapsed_ns(),
                renewed_time_ns=self._clock.time_ns(),
                progress={**run.progress, **progress},
            )
        )

    def end(self, name: str, lease: str, result: Result, progress: Mapping[str, float]) -> Run:
        """Give a lease back; again changes nothing.

        Raises `UnknownRunError`, `LeaseConflictError`, and `LeaseEndedError` if the run goes on without a lease.
        """
        run = self._leased(name, lease)
        if not run.active:
            return run
        now, time = self._clock.elapsed_ns(), self._clock.time_ns()
        return self._keep(
            replace(
                count_bytes(run, progress),
                renewed_ns=now,
                renewed_time_ns=time,
                end_ns=now,
                end_time_ns=time,
                result=result,
                progress={**run.progress, **progress},
            )
        )

    def expire(self, now_ns: int) -> list[Run]:
        """End the leases that were not renewed, each at its last renewal."""
        return [
            self._stop(run, Result.EXPIRED)
            for run in self.active()
            if run.source is Source.LEASE and now_ns - run.renewed_ns > LEASE_SECONDS * NS_PER_SECOND
        ]

    def see(self, identity: Identity, uuid: str, *, seen_ns: int, started_ns: int) -> Run | None:
        """A process of a run was seen on a device at a moment, and was started at another, on `Clock.elapsed_ns`.

        The run begins or goes on; `None` if that is not for the process to say: there is a lease, or there was one and
        it was given back while the process was there already.
        """
        known = self.runs.get(identity.run)
        if known and known.source is Source.LEASE and (known.active or self._outlives(known, started_ns)):
            return None
        if known and known.active and known.renewed_ns >= seen_ns and uuid in (known.devices or ()):
            return known  # another of its processes, or the same sample once more
        time_ns = self._clock.time_ns() - (self._clock.elapsed_ns() - seen_ns)
        if known and known.active:
            return self._keep(
                replace(
                    known,
                    renewed_ns=max(known.renewed_ns, seen_ns),
                    renewed_time_ns=max(known.renewed_time_ns, time_ns),
                    devices=tuple(sorted({uuid, *(known.devices or ())})),
                )
            )
        if known is None:
            known = Run(
                name=identity.run,
                project=identity.project,
                team=identity.team,
                user=identity.user,
                lease="",
                start_time_ns=time_ns,
                boot_id=self._clock.boot_id,
                start_ns=seen_ns,
                renewed_ns=seen_ns,
                renewed_time_ns=time_ns,
            )
        # one that goes on stays who it was: what it has cost is kept under its name only
        return self._keep(
            replace(
                known,
                devices=(uuid,),
                pids=(),
                lease="",
                boot_id=self._clock.boot_id,
                start_ns=seen_ns,
                renewed_ns=seen_ns,
                renewed_time_ns=time_ns,
                end_ns=None,
                end_time_ns=None,
                result=None,
            )
        )

    def fade(self, before_ns: int) -> list[Run]:
        """End the runs without a lease of which no process was seen since, each when it was last seen."""
        return [
            self._stop(run, Result.GONE)
            for run in self.active()
            if run.source is Source.OBSERVED and run.renewed_ns < before_ns
        ]

    def _outlives(self, run: Run, started_ns: int) -> bool:
        """Whether a process was there before a run gave its lease back, and so has nothing to do with it any more."""
        return (
            run.result is not Result.EXPIRED
            and run.boot_id == self._clock.boot_id
            and run.end_ns is not None
            and started_ns < run.end_ns
        )

    def take_bytes(self) -> dict[str, int]:
        """What was read and is not in the ledger, by run: to be booked, or else given back."""
        read = {name: run.bytes_unbooked for name in sorted(self.changed) if (run := self.runs[name]).bytes_unbooked}
        for name in read:
            self._keep(replace(self.runs[name], bytes_unbooked=0))
        return read

    def give_back_bytes(self, read: Mapping[str, int]) -> None:
        """It could not be booked."""
        for name, count in read.items():
            self._keep(replace(self.runs[name], bytes_unbooked=count))

    def restore(self, name: str, before: Run | None) -> None:
        """Undo a registration that could not be kept."""
        self.changed.discard(name)
        if before is None:
            del self.runs[name], self._active[name]
        else:
            self._put(before)

    def _reload(self, run: Run) -> None:
        """A run that was active when the exporter stopped gets the usual time to be heard of or seen again.

        What lies between belongs to no run: nobody metered it. After a reboot its process is gone.
        """
        if run.boot_id == self._clock.boot_id != "":
            now = self._clock.elapsed_ns()
            self._keep(replace(run, start_ns=now, renewed_ns=now))
        else:
            self._stop(run, Result.EXPIRED if run.source is Source.LEASE else Result.GONE)

    def _stop(self, run: Run, result: Result) -> Run:
        return self._keep(replace(run, end_ns=run.renewed_ns, end_time_ns=run.renewed_time_ns, result=result))

    def _leased(self, name: str, lease: str) -> Run:
        run = self.runs.get(name)
        if run is None:
            raise UnknownRunError(f"there is no run {name!r}; register it first")
        if run.source is Source.OBSERVED:
            raise LeaseEndedError(f"run {name!r} has no lease any more; register it again with `resume`")
        if not secrets.compare_digest(run.lease.encode(), lease.encode()):
            raise LeaseConflictError(f"run {name!r} is held under another lease")
        return run

    def _keep(self, run: Run) -> Run:
        self._put(run)
        self.changed.add(run.name)
        return run

    def _put(self, run: Run) -> None:
        here, there = (self._active, self._ended) if run.active else (self._ended, self._active)
        self.runs[run.name] = here[run.name] = run
        there.pop(run.name, None)
