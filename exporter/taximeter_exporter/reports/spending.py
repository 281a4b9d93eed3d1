"""What was spent between two moments, by time or by whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.ledger import Ledger
from taximeter_exporter.metering.periods import Period, bounds
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.reports.billing import BillingOf, billed_costs


class By(StrEnum):
    """By what spending is told apart."""

    DAY = "day"
    MONTH = "month"
    RUN = "run"
    PROJECT = "project"
    TEAM = "team"
    USER = "user"
    PROVIDER = "provider"
    DEVICE = "device"
    CATEGORY = "category"


@dataclass(slots=True)
class Spending:
    """One line of a report: what falls under one key, in one currency."""

    key: str
    """A day (`2026-11-21`), a month (`2026-11`), or a name; empty for time without a run."""
    currency: str
    """Empty for time without a price."""
    device_ns: int = 0
    by_share: dict[Share, Fraction] = field(default_factory=dict)
    billed: Fraction | None = None
    """What the provider would bill for a run, in `currency`, see `reports/billing.py`; `None` in other reports."""

    @property
    def cost(self) -> Fraction:
        """All of it, in `currency`, exact."""
        return sum(self.by_share.values(), Fraction())


def spending(
    ledger: Ledger, *, by: By, start_ns: int, end_ns: int, timezone: ZoneInfo, billing_of: BillingOf | None = None
) -> list[Spending]:
    """The lines of a report on [start_ns, end_ns), nanoseconds since 1970 that are starts of quarter hours.

    By time they are in its order, else the most expensive first. Together they are all that was spent between the two:
    every nanosecond is in exactly one line. With `billing_of` runs also have what is billed for them, of the time that
    the report is on. Raises `LedgerError`.
    """
    lines: dict[tuple[str, str], Spending] = {}
    runs = {run.name: run for run in ledger.runs()}
    for key_of, booked in _parts(ledger, by, start_ns, end_ns, timezone):
        # energy has no price of its own, and is no device time
        usage = [row for row in booked if row.category is not Category.ENERGY]
        for row in usage:
            key, currency = key_of(row, runs), row.rate.currency if row.rate else ""
            line = lines.setdefault((key, currency), Spending(key, currency))
            line.device_ns += row.ns
            cost = row.rate.cost(row.quantity) if row.rate else Fraction()
            line.by_share[row.share] = line.by_share.get(row.share, Fraction()) + cost
        if by is By.RUN and billing_of is not None:
            for place, billed in billed_costs(usage, billing_of).items():
                lines[place].billed = billed
    if by in (By.DAY, By.MONTH):
        return sorted(lines.values(), key=lambda line: (line.key, line.currency))
    return sorted(lines.values(), key=lambda line: (-line.cost, line.key, line.currency))


_KeyOf = Callable[[Usage, Mapping[str, Run]], str]


def _parts(
    ledger: Ledger, by: By, start_ns: int, end_ns: int, timezone: ZoneInfo
) -> Iterator[tuple[_KeyOf, Sequence[Usage]]]:
    """By time one part a period, each with its own key; else a single part."""
    if by not in (By.DAY, By.MONTH):
        yield _KEYS[by], ledger.usage(start_ns=start_ns, end_ns=end_ns)
        return
    period, form = (Period.DAY, "%Y-%m-%d") if by is By.DAY else (Period.MONTH, "%Y-%m")
    at = start_ns
    while at < end_ns:
        _, after = bounds(period, timezone, at)
        name = datetime.fromtimestamp(at // NS_PER_SECOND, timezone).strftime(form)
        yield _constant(name), ledger.usage(start_ns=at, end_ns=min(after, end_ns))
        at = after


def _constant(key: str) -> _KeyOf:
    return lambda _, __: key


def _of_run(label: str) -> _KeyOf:
    return lambda row, runs: str(getattr(runs[row.run], label)) if row.run else ""


_KEYS: dict[By, _KeyOf] = {
    By.RUN: lambda row, _: row.run,
    By.PROJECT: _of_run("project"),
    By.TEAM: _of_run("team"),
    By.USER: _of_run("user"),
    By.PROVIDER: lambda row, _: row.rate.offer.provider if row.rate else "",
    By.DEVICE: lambda row, _: row.uuid,
    By.CATEGORY: lambda row, _: row.category,
}
