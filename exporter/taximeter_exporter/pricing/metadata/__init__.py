"""Asks the cloud's metadata service what this machine is, and whether the cloud is about to take it back."""

from taximeter_exporter.pricing.metadata.detect import NoCloudError, detect

__all__ = ["NoCloudError", "detect"]
