"""NVIDIA GPUs, as the driver's library answers."""

from taximeter_exporter.devices.nvml.source import DriverAbsent, NvmlSource

__all__ = ["DriverAbsent", "NvmlSource"]
