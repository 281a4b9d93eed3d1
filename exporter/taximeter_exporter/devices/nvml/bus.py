"""Which GPUs the kernel's driver has, which NVML may have looked at only when it was started."""

from __future__ import annotations

from pathlib import Path

KERNEL_GPUS = Path("/proc/driver/nvidia/gpus")
"""The Linux driver's folder for each GPU, by its address on the bus."""


class Bus:
    """Remembers what was there when NVML was started. Where the kernel does not tell, nothing ever changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._at_start = self._addresses()

    def has_changed(self) -> bool:
        """Whether a GPU has come or gone since NVML was started. Asks the kernel, and no driver that could hang."""
        return self._addresses() != self._at_start

    def nvml_started(self) -> None:
        """NVML knows what is there now."""
        self._at_start = self._addresses()

    def _addresses(self) -> frozenset[str]:
        try:
            return frozenset(path.name for path in self._folder.iterdir())
        except OSError:
            return frozenset()
