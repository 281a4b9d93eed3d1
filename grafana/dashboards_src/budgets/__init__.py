"""Budgets: what is left of each, whether it will do, and who spends it."""

from dashboards_src.budgets.dashboard import budgets

__all__ = ["budgets"]
