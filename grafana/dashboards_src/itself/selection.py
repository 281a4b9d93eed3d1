"""Whose series a panel is about: Taximeter's own programs, and Prometheus and Alertmanager, which watch them."""

from dashboards_src.promql import HOST, select

JOBS = 'job=~"taximeter-.+|prometheus|alertmanager"'
"""Matches everything that Taximeter's prometheus.yml scrapes."""

RULES = 'rule_group=~".+;taximeter-.+"'
"""Matches Taximeter's groups of rules, which Prometheus names by their file and name."""

TARGET = "job, instance"
LEGEND = "{{job}} {{instance}}"
"""What tells targets of Prometheus apart, and how a reader is told."""


def of(metric: str, *matchers: str) -> str:
    """The metric's series of the chosen hosts' exporters."""
    return select(metric, HOST, *matchers)


def by_instance(series: str) -> str:
    """One series for each exporter, the highest where it has several."""
    return f"max by (instance) ({series})"


def by_target(series: str) -> str:
    """One series for each target of Prometheus."""
    return f"max by ({TARGET}) ({series})"


def by_group(series: str) -> str:
    """One series for each group of rules, with its name as the label ``group``."""
    return f'max by (group) (label_replace({series}, "group", "$1", "rule_group", ".*;taximeter-(.*)"))'
