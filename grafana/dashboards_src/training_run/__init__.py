"""The dashboard "Training run": what one or several runs get for their money, and where each part of it went."""

from dashboards_src.training_run.dashboard import training_run

__all__ = ["training_run"]
