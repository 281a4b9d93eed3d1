"""Prometheus exporter that meters what PyTorch training costs."""

__version__ = "0.1.0"
