"""The dashboard "GPUs": which are well, what is wrong with the others, and what each of them does."""

from dashboards_src.gpus.dashboard import gpus

__all__ = ["gpus"]
