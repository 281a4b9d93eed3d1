"""NVIDIA GPUs, as the driver's library answers."""

from taximeter_exporter.devices.nvml.library import DriverAbsent
from taximeter_exporter.devices.nvml.source import NvmlSource

__all__ = ["DriverAbsent", "NvmlSource"]
