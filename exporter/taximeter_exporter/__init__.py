"""Prometheus exporter that meters what PyTorch training costs."""
