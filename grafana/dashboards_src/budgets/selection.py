"""What the filters leave of the budgets' series.

A budget belongs to an exporter. Where several have one of the same name, what they spend together is recorded by
Taximeter's rules (prometheus/rules/fleet.yml), without the label ``instance``.
"""

from dashboards_src.promql import CURRENCY, HOST, select

_BUDGET = 'budget=~"$budget"'

IDENTITY = "instance, budget, period, run, currency"
"""What tells budgets apart."""
NAME = "{{budget}} {{run}} ({{currency}} a {{period}}), {{instance}}"


def budgets(metric: str) -> str:
    """A metric of the chosen budgets, or what a rule records of them: one series for each exporter and budget."""
    return f"sum by ({IDENTITY}) ({select(metric, _BUDGET, HOST, CURRENCY)})"


LIMIT = budgets("taximeter_budget_limit")
SPENT = budgets("taximeter_budget_spent")
FORECAST = budgets("taximeter_budget_forecast")


def moment(of: str) -> str:
    """Milliseconds since 1970 of the period's ``start`` or ``end``; of budgets that have one, not those of each run."""
    seconds = select(f"taximeter_budget_period_{of}_timestamp_seconds", _BUDGET, HOST)
    limit = select("taximeter_budget_limit", _BUDGET, HOST, CURRENCY)
    return f"1000 * sum by ({IDENTITY}) (0 * {limit} + ignoring (currency) group_left () {seconds})"


def together(record: str) -> str:
    """What a rule has recorded of the chosen budgets over all machines."""
    return f"sum by (budget, period, currency) ({select(record, _BUDGET, CURRENCY)})"
