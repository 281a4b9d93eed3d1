"""Every metric of the exporter, declared once: name, help, source, labels and kind."""

from taximeter_exporter.web.metrics import budgets, exporter, gpus, hosts, market, money, runs, spot
from taximeter_exporter.web.metrics.spec import PREFIX, MetricSpec, Samples

ALL = (*gpus.ALL, *hosts.ALL, *spot.ALL, *money.ALL, *market.ALL, *runs.ALL, *budgets.ALL, *exporter.ALL)
"""The whole table."""

__all__ = ["ALL", "PREFIX", "MetricSpec", "Samples"]
