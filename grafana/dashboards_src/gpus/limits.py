"""What each GPU is, and what it can do at most: power, heat, links."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.gpus import states
from dashboards_src.gpus.selection import by_device, of
from dashboards_src.layer import units
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.shared.ranking import ROWS


def _first(metric: str, *matchers: str) -> str:
    return states.first(by_device(of(f"taximeter_gpu_{metric}", *matchers)))


def power_and_heat() -> Panel:
    """Limits of power, thresholds of temperature."""
    slowdown, shutdown, memory, gpu = (
        f'threshold="{name}"' for name in ("slowdown", "shutdown", "memory_max", "gpu_max")
    )
    return table(
        title="Limits of power and temperature",
        description=(
            f"At most {ROWS} GPUs. The power limit in force, the one it starts with, and between which it can be set; "
            "from which temperature the GPU slows down and shuts down, and what it and its memory should not go "
            "beyond."
        ),
        queries=[
            rows(_first("power_limit_watts")),
            rows(_first("power_default_limit_watts")),
            rows(_first("power_min_limit_watts")),
            rows(_first("power_max_limit_watts")),
            rows(_first("temperature_threshold_celsius", slowdown)),
            rows(_first("temperature_threshold_celsius", shutdown)),
            rows(_first("temperature_threshold_celsius", gpu)),
            rows(_first("temperature_threshold_celsius", memory)),
        ],
        columns=[
            Column("instance", "Host"),
            Column("gpu", "GPU", width=55),
            Column("Value #A", "Limit", units.WATTS, decimals=0, width=65),
            Column("Value #B", "At start", units.WATTS, decimals=0, width=72),
            Column("Value #C", "Lowest", units.WATTS, decimals=0, width=70),
            Column("Value #D", "Highest", units.WATTS, decimals=0, width=72),
            Column("Value #E", "Slows down", units.CELSIUS, decimals=0, width=97),
            Column("Value #F", "Shuts down", units.CELSIUS, decimals=0, width=97),
            Column("Value #G", "GPU at most", units.CELSIUS, decimals=0, width=103),
            Column("Value #H", "Memory at most", units.CELSIUS, decimals=0, width=130),
        ],
        sort_by="Host",
        no_value="no GPU",
    )


def links() -> Panel:
    """What the links are, and what they could be."""
    return table(
        title="Links as they are, and could be",
        description=(
            f"At most {ROWS} GPUs. Generation and lanes of PCIe now and at most (the generation falls while a GPU is "
            "idle, the lanes should not), and NVLinks that stand, of those that there are."
        ),
        queries=[
            rows(_first("pcie_generation")),
            rows(_first("pcie_max_generation")),
            rows(_first("pcie_lanes")),
            rows(_first("pcie_max_lanes")),
            rows(_first("nvlink_links_active")),
            rows(_first("nvlink_links")),
        ],
        columns=[
            Column("instance", "Host"),
            Column("gpu", "GPU", width=55),
            Column("Value #A", "PCIe", units.COUNT, decimals=0, width=65),
            Column("Value #B", "At most", units.COUNT, decimals=0, width=75),
            Column("Value #C", "Lanes", units.COUNT, decimals=0, width=70),
            Column("Value #D", "Lanes at most", units.COUNT, decimals=0, width=110),
            Column("Value #E", "NVLinks up", units.COUNT, decimals=0, width=95),
            Column("Value #F", "NVLinks", units.COUNT, decimals=0, width=75),
        ],
        sort_by="Host",
        no_value="no GPU",
    )
