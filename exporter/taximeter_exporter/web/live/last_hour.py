"""The last hour, minute by minute: what it cost, for whom, and how busy the devices were."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import Snapshot
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.state import MeterState
from taximeter_exporter.metering.totals import CostKey
from taximeter_exporter.metering.usage import Share

MINUTES = 60
MINUTE_NS = 60 * NS_PER_SECOND

CostByShare = Mapping[Share, Money]


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """One minute of the time of day."""

    start_ns: int
    """In nanoseconds since 1970."""
    cost: CostByShare
    """What was booked in it."""
    utilization_ratio: float | None
    """Mean over the devices that were read; `None` if none was."""


class LastHour:
    """Remembers from the exporter's start on; what was before is in the ledger, and in Prometheus."""

    def __init__(self) -> None:
        self._minutes: deque[Minute] = deque(maxlen=MINUTES)
        self._start_ns: int | None = None
        self._before: CostByShare = {}
        self._utilization = (0.0, 0)

    def record(self, snapshot: Snapshot, state: MeterState) -> None:
        """Take a moment along; to be called by one thread only."""
        start_ns = state.time_ns - state.time_ns % MINUTE_NS
        if start_ns != self._start_ns:
            if self._start_ns is not None:
                self._minutes.append(self._present(self._start_ns, state))
            self._start_ns, self._before, self._utilization = start_ns, _by_share(state.cost), (0.0, 0)
        read = [sample.reading.utilization_ratio for sample in snapshot.samples if sample.reading is not None]
        ratios = [ratio for ratio in read if ratio is not None]
        total, count = self._utilization
        self._utilization = (total + sum(ratios), count + len(ratios))

    def minutes(self, state: MeterState) -> list[Minute]:
        """Up to sixty full minutes, the oldest first, and the one that is going on."""
        start_ns = self._start_ns
        return [*self._minutes, *([] if start_ns is None else [self._present(start_ns, state)])]

    def _present(self, start_ns: int, state: MeterState) -> Minute:
        total, count = self._utilization
        now, before = _by_share(state.cost), self._before
        return Minute(
            start_ns=start_ns,
            cost={share: _less(money, before.get(share, {})) for share, money in now.items()},
            utilization_ratio=total / count if count else None,
        )


def _by_share(cost: Mapping[CostKey, Fraction]) -> CostByShare:
    sums: dict[Share, Money] = {}
    for key, amount in cost.items():
        money = sums.setdefault(key.share, {})
        money[key.currency] = money.get(key.currency, Fraction()) + amount
    return sums


def _less(money: Money, before: Money) -> Money:
    left = ((currency, amount - before.get(currency, Fraction())) for currency, amount in money.items())
    return {currency: amount for currency, amount in left if amount}
