"""Between which values a reading can be. Beyond them it is a sentinel of the driver, or garbage."""

from __future__ import annotations

PERCENT = range(101)
FAN_PERCENT = range(201)
"""A fan may turn faster than at what counts as its full speed (nvmlDeviceGetFanSpeed)."""
MILLIWATTS = range(100_000_000)
"""No board draws 100 kW."""
MILLIJOULES = range(2**63)
BYTES = range(2**60)
"""No memory has 1 EiB."""
COUNT = range(2**63)
CELSIUS = range(-50, 200)
THRESHOLD_CELSIUS = range(1, 200)
MEMORY_CELSIUS = range(1, 200)
"""0 is what a GPU answers that has no sensor there."""
FANS = range(65)
KIB = range(2**53)
MARGIN_CELSIUS = range(-150, 200)
MEGAHERTZ = range(20_000)
PERFORMANCE_STATES = range(16)
PCIE_GENERATIONS = range(1, 16)
PCIE_LANES = range(1, 65)
KILOBYTES_PER_SECOND = range(1_000_000_000)
NANOSECONDS = range(2**63)
FLAG = range(2)
SMALL_COUNT = range(2**31)
"""Pages, rows, replays: an int of 32 bits that is not its own complement."""

MILLI = 1000
PERCENT_PER_RATIO = 100
MEGA = 1_000_000
