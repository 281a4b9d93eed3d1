"""The dashboard "Providers": what the GPUs that are here, and runs that ended, would cost elsewhere."""

from dashboards_src.providers.dashboard import providers

__all__ = ["providers"]
