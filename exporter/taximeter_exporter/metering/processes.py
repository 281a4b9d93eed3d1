"""Looks processes up in /proc: which run they belong to, since when they are there, and which PIDs they have.

The driver says PIDs of the namespace that the exporter sees it from: the host's, or in a container perhaps the
container's. What is not visible under `proc` stays unknown: run the exporter in the host's PID namespace (`pid: host`,
`hostPID: true`) and as a user who may read other processes' environments. An environment is that with which a process
was started (proc_pid_environ(5)); what a program sets for itself later is not seen.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.identity import Identity, IdentityRefused, identify

log = logging.getLogger(__name__)

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_STARTTIME = 22 - 3
"""Its place in `/proc/PID/stat` after the command, which ends with the last parenthesis (proc_pid_stat(5))."""


_TOLD_AT_MOST = 100
"""So many different refusals are logged; all are counted."""


class Unknown(StrEnum):
    """Why a process is not attributed to a run."""

    ANONYMOUS = "anonymous"
    """Nothing in its environment names a run."""
    GONE = "gone"
    """It is not visible: it ended, or lives in a PID namespace that is not seen from here."""
    UNREADABLE = "unreadable"
    """Its environment may not be read."""
    REFUSED = "refused"
    """It names a run or a label that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """What is known of a process."""

    pids: tuple[int, ...]
    """Its PID as the driver says it, then those that it has in PID namespaces within, its own last."""
    started_ns: int = 0
    """On `Clock.elapsed_ns`, to a clock tick."""
    identity: Identity | None = None


class _Place(NamedTuple):
    """A folder of /proc, and what tells it from another at the same path: it goes with its process."""

    path: str
    inode: int
    made_ns: int

    def stands(self) -> bool:
        """Whether it is still the same."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 (asked at every look; a `Path` would cost several times this)
        except OSError:
            return False
        return status.st_ino == self.inode and status.st_mtime_ns == self.made_ns


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found out once; holds for as long as the PID is the same process's."""

    place: _Place | None
    start_ticks: int | None
    facts: ProcessFacts


class ProcessReader:
    """Reads each process once. Safe to call from any thread."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._known: dict[int, _Known] = {}
        self._unknown: Counter[str] = Counter()
        self._told: set[str] = set()
        self._inner: dict[int, Path] | None = None
        """Found out once a look, if it is needed."""
        self._lock = threading.Lock()

    def look_up(self, pids: Iterable[int]) -> Mapping[int, ProcessFacts]:
        """What is known of the processes that run on the devices now, all of them. Raises nothing."""
        with self._lock:
            self._inner = None
            # 0 is nobody: that is how simulated devices say that something runs
            self._known = {pid: self._process(pid) for pid in pids if pid > 0}
            return {pid: known.facts for pid, known in self._known.items()}

    def unknown(self) -> Mapping[str, int]:
        """How many processes were not attributed so far, each counted once, by the reason."""
        with self._lock:
            return {reason.value: self._unknown[reason] for reason in Unknown}

    def _process(self, pid: int) -> _Known:
        known = self._known.get(pid)
        if known is not None and known.place is not None and known.place.stands():
            return known
        try:
            folder = self._folder(pid)
            place = _place(folder)
            start_ticks = _start_ticks((folder / "stat").read_bytes())
        except (OSError, ValueError, IndexError):
            # one that was known has ended since the driver saw it
            return known or self._not_attributed(Unknown.GONE, _Known(None, None, ProcessFacts(pids=(pid,))))
        if known is not None and known.start_ticks == start_ticks:
            # /proc forgets its folders when memory is short, and makes them anew
            return replace(known, place=place)
        found = self._identify(pid, folder)
        facts = ProcessFacts(pids=_pids(folder, pid), started_ns=start_ticks * NS_PER_SECOND // _TICKS_PER_SECOND)
        if isinstance(found, Unknown):
            return self._not_attributed(found, _Known(place, start_ticks, facts))
        return _Known(place, start_ticks, replace(facts, identity=found))

    def _identify(self, pid: int, folder: Path) -> Identity | Unknown:
        try:
            return identify(_environ(folder), cgroup=partial(_cgroup, folder)) or Unknown.ANONYMOUS
        except IdentityRefused as error:
            if str(error) not in self._told and len(self._told) < _TOLD_AT_MOST:
                self._told.add(str(error))
                log.warning("process %d is not attributed: %s", pid, error)
            return Unknown.REFUSED
        except PermissionError:
            return Unknown.UNREADABLE
        except OSError:
            return Unknown.GONE

    def _not_attributed(self, reason: Unknown, known: _Known) -> _Known:
        self._unknown[reason] += 1
        return known

    def _folder(self, pid: int) -> Path:
        """Of the process that has this PID, in the namespace of `proc` or, if there is none, in the exporter's own.

        The two differ where the host's /proc is mounted into a container, and the driver says the container's PIDs.
        """
        direct = self._proc / str(pid)
        if direct.is_dir():
            return direct
        if self._inner is None:
            self._inner = self._own_namespace()
        if pid not in self._inner:
            raise FileNotFoundError(direct)
        return self._inner[pid]

    def _own_namespace(self) -> dict[int, Path]:
        """The folder of each process in the exporter's own namespace, by the PID there, if /proc is of another."""
        own = self._proc / "self"
        if len(_nspid(own)) < 2:
            return {}
        namespace = (own / "ns" / "pid").readlink()
        found = {}
        for folder in self._proc.glob("[0-9]*"):
            try:
                if (folder / "ns" / "pid").readlink() == namespace:
                    found[_nspid(folder)[-1]] = folder
            except (OSError, IndexError):
                continue
        return found


def _place(folder: Path) -> _Place:
    status = folder.stat()
    return _Place(str(folder), status.st_ino, status.st_mtime_ns)


def _start_ticks(stat: bytes) -> int:
    return int(stat.rpartition(b")")[2].split()[_STARTTIME])


def _environ(folder: Path) -> Mapping[str, str]:
    # a byte that is no UTF-8 becomes a character that is not printable, and so is refused where it matters
    text = (folder / "environ").read_bytes().decode(errors="surrogateescape")
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def _cgroup(folder: Path) -> str:
    return (folder / "cgroup").read_text(encoding="utf-8", errors="replace")


def _pids(folder: Path, pid: int) -> tuple[int, ...]:
    try:
        return (pid, *_nspid(folder)[1:])
    except OSError:
        return (pid,)


def _nspid(folder: Path) -> tuple[int, ...]:
    """The PIDs of a process from the namespace of `proc` inwards (`NSpid`, proc_pid_status(5)); empty if not told."""
    for line in (folder / "status").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, values = line.partition(":")
        if name == "NSpid":
            return tuple(int(value) for value in values.split())
    return ()
