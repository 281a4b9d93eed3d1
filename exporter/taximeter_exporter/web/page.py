"""`/`: what a person sees who opens the exporter's address."""

from __future__ import annotations

from fractions import Fraction
from html import escape
from importlib import resources
from string import Template

from taximeter_exporter import __version__
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import Sample, Snapshot
from taximeter_exporter.metering.budgets import BudgetState
from taximeter_exporter.metering.money import Money, to_decimal
from taximeter_exporter.metering.state import MeterState, RunState
from taximeter_exporter.web.http import Response

_TEMPLATE = Template(resources.files("taximeter_exporter.web").joinpath("page.html").read_text(encoding="utf-8"))


def page(snapshot: Snapshot, state: MeterState) -> Response:
    """The page for one moment; it reloads itself."""
    html = _TEMPLATE.substitute(
        notice='<p class="notice">Simulated GPUs: nothing on this page is real.</p>' if state.simulated else "",
        per_hour=_money(state.per_hour) or "no price",
        runs="".join(map(_run, reversed(state.runs))) or _empty("No run within the last hour."),
        budgets="".join(map(_budget, state.budgets)) or _empty("No budget in the configuration."),
        devices="".join(map(_device, snapshot.samples)),
        version=escape(__version__),
    )
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}
    return Response(content_type="text/html; charset=utf-8", body=html.encode(), headers=headers)


def _run(state: RunState) -> str:
    run = state.run
    word = "running" if run.active else str(run.result)
    seconds = state.device_ns / NS_PER_SECOND
    return _row(run.name, run.project, word, f"{seconds:,.0f} device s", _money(state.cost) or "no price")


def _budget(state: BudgetState) -> str:
    budget = state.budget
    part = float(state.spent / Fraction(budget.limit))
    bar = f'<meter min="0" max="1" high="0.8" value="{min(1.0, part):.4f}"></meter>'
    spent = f"{_amount(state.spent)} of {budget.limit:,.2f} {budget.currency}"
    return _row(budget.name, state.run or f"this {budget.period}", f"{part:.0%}", spent, bar=bar)


def _device(sample: Sample) -> str:
    device, reading = sample.device, sample.reading
    if reading is None:
        return _row(f"{device.kind} {device.index}", device.model, f"not read: {sample.error}", "")
    busy = "" if reading.utilization_ratio is None else f"{reading.utilization_ratio:.0%} in use"
    used, total = reading.memory_used_bytes, reading.memory_total_bytes
    memory = "" if used is None or total is None else f"{used / 2**30:,.1f} of {total / 2**30:,.1f} GiB"
    return _row(f"{device.kind} {device.index}", device.model, busy, memory)


def _row(*cells: str, bar: str = "") -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}{f'<td>{bar}</td>' if bar else ''}</tr>\n"


def _empty(text: str) -> str:
    return f'<tr><td class="empty">{escape(text)}</td></tr>'


def _money(money: Money) -> str:
    return ", ".join(f"{_amount(amount)} {currency}" for currency, amount in sorted(money.items()))


def _amount(amount: Fraction) -> str:
    return f"{to_decimal(amount):,.2f}"
