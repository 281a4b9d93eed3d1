"""What this machine has cost today and this month, whatever the budgets say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from taximeter_exporter.metering.budgets import Budget
from taximeter_exporter.metering.ledger import Advance
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.periods import Period, bounds
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.price import PricingModel

PERIODS = (Period.DAY, Period.MONTH)


class SpentKey(NamedTuple):
    """What is told apart of the money of a period."""

    project: str
    """Empty where there was no run."""
    category: Category
    share: Share
    provider: str
    model: str
    """Of the device, or the class of storage, as the ledger first saw it."""
    pricing_model: PricingModel
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSpending:
    """What was spent in a period so far; moments in nanoseconds since 1970."""

    period: Period
    timezone: ZoneInfo
    start_ns: int
    end_ns: int
    parts: Mapping[SpentKey, Fraction]
    """0 of what has cost something before the period only, so that no part goes away when a new period begins."""

    @property
    def cost(self) -> Money:
        """All parts together."""
        total: Money = {}
        for key, amount in self.parts.items():
            total[key.currency] = total.get(key.currency, Fraction()) + amount
        return total


class _Present:
    """The period of the calendar that a moment is in."""

    def __init__(self, period: Period) -> None:
        self.period = period
        self.start_ns = self.end_ns = 0
        self.parts: defaultdict[SpentKey, Fraction] = defaultdict(Fraction)

    def has(self, time_ns: int) -> bool:
        return self.start_ns <= time_ns < self.end_ns


class Spending:
    """Follows the days and the months of a time zone. Kept up to date as usage is booked, as budgets are."""

    def __init__(
        self,
        timezone: ZoneInfo,
        *,
        models: Mapping[str, str],
        past: Iterable[Usage],
        usage_between: Callable[[int, int], Sequence[Usage]],
        runs: Mapping[str, Run],
    ) -> None:
        """`models` are those of the devices that the ledger knows, by UUID, and `past` is all that is in it."""
        self._timezone = timezone
        self._models = dict(models)
        self._usage_between = usage_between
        self._periods = [_Present(period) for period in PERIODS]
        self._known = {key for key, _, _ in self._priced(past, runs)}

    def enter(self, time_ns: int, runs: Mapping[str, Run]) -> None:
        """Move to the periods around a moment; what is another one than before is summed up from the ledger.

        Raises `LedgerError`, and then stays in the period before.
        """
        for present in self._periods:
            if not present.has(time_ns):
                start_ns, end_ns = bounds(present.period, self._timezone, time_ns)
                past = self._usage_between(start_ns, end_ns)
                present.start_ns, present.end_ns = start_ns, end_ns
                present.parts.clear()
                self._add(past, runs, [present])

    def add(self, usage: Iterable[Usage], advances: Iterable[Advance], runs: Mapping[str, Run]) -> None:
        """Count what was booked, in the periods that it falls into, where it has a price."""
        for advance in advances:
            self._models.setdefault(advance.device.uuid, advance.device.model)
        self._add(usage, runs, self._periods)

    def now(self) -> tuple[PeriodSpending, ...]:
        """The periods that it is in."""
        return tuple(
            PeriodSpending(
                period=present.period,
                timezone=self._timezone,
                start_ns=present.start_ns,
                end_ns=present.end_ns,
                parts=dict.fromkeys(self._known, Fraction()) | present.parts,
            )
            for present in self._periods
        )

    def in_zone(self, timezone: ZoneInfo, time_ns: int, runs: Mapping[str, Run]) -> Spending:
        """The same by another time zone, at this moment. Raises `LedgerError`."""
        if timezone == self._timezone:
            return self
        other = Spending(timezone, models=self._models, past=(), usage_between=self._usage_between, runs=runs)
        other._known = set(self._known)
        other.enter(time_ns, runs)
        return other

    def _add(self, usage: Iterable[Usage], runs: Mapping[str, Run], periods: Iterable[_Present]) -> None:
        for key, quarter_ns, amount in self._priced(usage, runs):
            self._known.add(key)
            for present in periods:
                if present.has(quarter_ns):
                    present.parts[key] += amount

    def _priced(self, usage: Iterable[Usage], runs: Mapping[str, Run]) -> Iterator[tuple[SpentKey, int, Fraction]]:
        """Of what has a price its key, the quarter hour that it falls into, and what it cost."""
        for row in usage:
            if row.rate is not None:
                offer = row.rate.offer
                key = SpentKey(
                    project=runs[row.run].project if row.run else "",
                    category=row.category,
                    share=row.share,
                    provider=offer.provider,
                    model=self._models.get(row.uuid, ""),
                    pricing_model=offer.pricing_model,
                    currency=row.rate.currency,
                )
                yield key, row.quarter_ns, row.rate.cost(row.quantity)


def zone_of(budgets: Iterable[Budget]) -> ZoneInfo:
    """The time zone that the budgets agree on: whoever reads them reads `today` in it as well. Else UTC.

    A budget that each run has for itself has no day or month.
    """
    zones = {budget.timezone.key for budget in budgets if budget.period is not Period.RUN}
    return ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")
