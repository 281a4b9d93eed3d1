"""`/healthz` and `/readyz`: whether the exporter lives, and whether it samples and books."""

from __future__ import annotations

from collections.abc import Callable

from taximeter_exporter.clock import NS_PER_SECOND, Clock
from taximeter_exporter.devices.reading import Snapshot
from taximeter_exporter.metering.state import MeterState
from taximeter_exporter.web.http import Response, text_response

MISSED_INTERVALS = 3
"""After so many intervals without a write the ledger counts as not written."""


def problems(snapshot: Snapshot, state: MeterState, *, now_ns: int, interval_ns: int) -> list[str]:
    """What does not work now, in words; empty when everything does."""
    found = [
        f"{sample.device.uuid} is not read: {sample.error}" for sample in snapshot.samples if sample.reading is None
    ]
    if snapshot.unmetered is not None:
        found.append(snapshot.unmetered)
    silent_ns = now_ns - state.last_write_ns
    if silent_ns > MISSED_INTERVALS * interval_ns + NS_PER_SECOND:
        found.append(f"the ledger has not been written for {silent_ns // NS_PER_SECOND} s")
    return found


class Health:
    """Answers the two probes."""

    def __init__(
        self, clock: Clock, snapshot: Callable[[], Snapshot], state: Callable[[], MeterState], *, interval_ns: int
    ) -> None:
        self._clock = clock
        self._snapshot = snapshot
        self._state = state
        self._interval_ns = interval_ns

    def alive(self) -> Response:
        """That this answers is all that it says."""
        return text_response("ok")

    def ready(self) -> Response:
        """200 when every device is read and the ledger is written, else 503 with the reasons."""
        found = self.problems()
        return text_response("\n".join(found), status=503) if found else text_response("ok")

    def problems(self) -> list[str]:
        """What does not work now; empty when everything does."""
        return problems(self._snapshot(), self._state(), now_ns=self._clock.elapsed_ns(), interval_ns=self._interval_ns)
