"""The recent past of the ledger, which forecasts go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.forecast import WINDOW_NS
from taximeter_exporter.metering.ledger import Ledger
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS
from taximeter_exporter.metering.usage import Usage

_LEAST_NS = NS_PER_HOUR


@dataclass(frozen=True, slots=True, eq=False)
class Recent:
    """What was used, and over how long."""

    usage: Sequence[Usage]
    span_ns: int
    """0 if there is too little past to go by: less than an hour."""


class RecentPast:
    """Asks the ledger once a quarter hour, on behalf of all budgets."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._end_ns: int | None = None
        self._recent = Recent((), 0)

    def at(self, time_ns: int) -> Recent:
        """The last seven days up to the last full quarter hour, or as many as there are. Raises `LedgerError`."""
        end_ns = time_ns - time_ns % QUARTER_HOUR_NS
        if end_ns != self._end_ns:
            begun_ns = self._ledger.begun_ns()
            start_ns = max(end_ns - WINDOW_NS, end_ns if begun_ns is None else begun_ns)
            enough = end_ns - start_ns >= _LEAST_NS
            self._recent = (
                Recent(self._ledger.usage(start_ns=start_ns, end_ns=end_ns), end_ns - start_ns)
                if enough
                else Recent((), 0)
            )
            self._end_ns = end_ns
        return self._recent
