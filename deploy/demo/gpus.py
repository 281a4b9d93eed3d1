"""How many GPUs the exporter will find, for the price of the demo's machine must cover them all."""

from __future__ import annotations

from taximeter_exporter.clock import SystemClock
from taximeter_exporter.devices.open import DeviceChoice, open_source
from taximeter_exporter.devices.reading import DeviceKind


def count_gpus(*, simulate: bool) -> int:
    """GPUs here, simulated ones included; 0 where the host itself is the device. Raises the exporter's `ReadError`."""
    opened = open_source(DeviceChoice.AUTO, simulate=simulate, host_uuid=lambda: "HOST-demo", clock=SystemClock())
    try:
        return sum(device.kind is DeviceKind.GPU and device.parent is None for device in opened.devices)
    finally:
        opened.source.close()
