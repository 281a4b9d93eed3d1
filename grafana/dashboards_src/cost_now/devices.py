"""What the metered devices do, and at what price: GPUs, or the host where there is none."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import words
from dashboards_src.layer.panels import LAST, MAX, MEAN, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import CURRENCY, any_device, device, select

_LEGEND = "{{device}}, {{instance}}"


def utilisation() -> Panel:
    """How busy each device is."""
    return lines(
        title="Utilisation",
        description=(
            "Share of the time that a GPU runs any kernel at all (it may still be far from full), or that the host's "
            "processors are busy. Low while a run is active: the device waits, and is paid for."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MEAN),
        queries=[over_time(any_device("taximeter_gpu_utilization_ratio", "taximeter_host_utilization_ratio"), _LEGEND)],
    )


def memory() -> Panel:
    """How full each device's memory is."""
    return lines(
        title="Memory used",
        description="Used share of the GPU's memory, or of the host's. At 100% the next allocation ends the run.",
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MAX),
        queries=[
            over_time(
                any_device(
                    "taximeter_gpu_memory_used_bytes / taximeter_gpu_memory_total_bytes",
                    "taximeter_host_memory_used_bytes / taximeter_host_memory_total_bytes",
                ),
                _LEGEND,
            )
        ],
    )


def power() -> Panel:
    """Electrical power of each GPU."""
    return lines(
        title="Power",
        description="What each GPU draws. A host without a GPU has no reading.",
        unit=units.WATTS,
        decimals=0,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(device("taximeter_gpu_power_watts", "gpu"), _LEGEND)],
        no_value="no GPU that reports power",
    )


def prices() -> Panel:
    """Each device with its price."""
    info = "max by (instance, uuid, model, simulated)"
    return table(
        title="Devices and prices",
        description="Every metered device and what it costs per hour at this moment.",
        queries=[
            rows(
                f"""sum by (instance, uuid, provider, region, instance_type, pricing_model, currency)
                ({select("taximeter_price_per_hour", CURRENCY)})"""
            ),
            rows(f"{info} (taximeter_gpu_info) or {info} (taximeter_host_info)"),
        ],
        columns=[
            Column("instance", "Exporter"),
            Column("model", "Model", width=210),
            Column("uuid", "Device"),
            Column("provider", "Provider"),
            Column("region", "Region"),
            Column("instance_type", "Instance type"),
            Column("pricing_model", "Pricing"),
            Column("Value #A", "Price per hour", units.MONEY, decimals=2, width=120),
            Column("currency", "Currency", width=90),
            Column("simulated", "Simulated", mappings=words({"true": ("simulated", colours.SIMULATED)}), width=95),
        ],
        sort_by="Exporter",
        no_value="no device has a price",
    )
