"""The names of dcgm-exporter that somebody may want to go on with."""

from __future__ import annotations

from enum import StrEnum


class DcgmNames(StrEnum):
    """By which of its names the exporter says everything of the GPUs once more."""

    NONE = "none"
    LEGACY = "legacy"
    """As up to 4.8, in percent, MHz, MiB and mJ."""
    CURRENT = "current"
    """As since 4.9, in base units."""
    BOTH = "both"

    @property
    def legacy(self) -> bool:
        """Whether those up to 4.8 are wanted."""
        return self in {DcgmNames.LEGACY, DcgmNames.BOTH}

    @property
    def current(self) -> bool:
        """Whether those since 4.9 are wanted."""
        return self in {DcgmNames.CURRENT, DcgmNames.BOTH}
