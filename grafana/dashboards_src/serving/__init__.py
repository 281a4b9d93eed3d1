"""The dashboard "Serving": what predictions cost, how fast they come, and how many fail."""

from dashboards_src.serving.dashboard import serving

__all__ = ["serving"]
