"""Asks the cloud's metadata service what this machine is: provider, region, instance type, spot or not."""

from taximeter_exporter.pricing.metadata.detect import DEFAULT_ADDRESS, NoCloudError, detect

__all__ = ["DEFAULT_ADDRESS", "NoCloudError", "detect"]
