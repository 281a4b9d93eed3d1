"""The dashboard "Cost now": what is spent at this moment, on what, and whether the budget holds."""

from dashboards_src.cost_now.dashboard import cost_now

__all__ = ["cost_now"]
