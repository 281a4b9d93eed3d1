"""What the filters leave of the money: at this moment, and in the day and the month that run now.

Amounts of a period are the ledger's own (`taximeter_period_cost`), never taken from a rate. A machine that went away
counts with what the rules recorded of it last, until its period ends.
"""

from dashboards_src.promql import CURRENCY, HOST, PROJECT, select

IDLE = ('share="idle"', 'category="compute"')
"""Devices that no run had, and that were not in use."""

_DEVICE = "instance, uuid"
_INFO = " or ".join(
    f"max by ({_DEVICE}, model) ({select(metric, HOST)})" for metric in ("taximeter_gpu_info", "taximeter_host_info")
)


def price() -> str:
    """What each device costs per hour now."""
    return select("taximeter_price_per_hour", HOST, CURRENCY)


def price_by_model() -> str:
    """The same with the label ``model``, which says what the device is."""
    return f"({price()} * on ({_DEVICE}) group_left (model) ({_INFO}))"


def spent(period: str, *matchers: str) -> str:
    """Money of the running ``day`` or ``month``."""
    chosen = (f'period="{period}"', HOST, PROJECT, CURRENCY, *matchers)
    here, gone = (
        select(metric, *chosen) for metric in ("taximeter_period_cost", "instance:taximeter_period_cost:last")
    )
    return f"({here} or {gone})"


def named(expr: str, label: str, name: str) -> str:
    """`expr` with a name where the label is empty."""
    return f'label_replace({expr}, "{label}", "{name}", "{label}", "")'
