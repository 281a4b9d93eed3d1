"""What the drivers tell of each device, and what they do not: read, not supported, refused, or no reading now."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.gpus import states
from dashboards_src.gpus.selection import DEVICE, by_device, of
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import words
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import HOST, MIG_INSTANCE, gained, grown, rate, select
from dashboards_src.shared.ranking import ROWS

READ, UNSUPPORTED, REFUSED, OF_INSTANCES, OF_GPU = range(1, 6)

_WORDS = words(
    {
        str(READ): ("read", "transparent"),
        str(UNSUPPORTED): ("not supported", colours.PALE),
        str(REFUSED): ("refused", colours.WARNING),
        str(OF_INSTANCES): ("by instances", "transparent"),
        str(OF_GPU): ("by its GPU", "transparent"),
    },
    missing="no reading",
)


@dataclass(frozen=True)
class Reading:
    """One thing that a driver may tell.

    Attributes:
        title: the head of its column.
        metric: its name, without ``taximeter_``.
        of_instances: where a GPU is divided by MIG, its instances tell it, not the GPU.
    """

    title: str
    metric: str
    of_instances: bool = False


READINGS: Sequence[Reading] = (
    Reading("Utilisation", "gpu_utilization_ratio"),
    Reading("Memory", "gpu_memory_used_bytes", of_instances=True),
    Reading("Power", "gpu_power_watts"),
    Reading("Energy", "gpu_energy_joules_total"),
    Reading("Heat", "gpu_temperature_celsius"),
    Reading("Clocks", "gpu_clock_hertz"),
    Reading("Throttling", "gpu_throttle_active"),
    Reading("Fans", "gpu_fan_speed_ratio"),
    Reading("SM use", "gpu_sm_activity_ratio", of_instances=True),
    Reading("PCIe", "gpu_pcie_bytes_total"),
    Reading("NVLink", "gpu_nvlink_bytes_total"),
    Reading("ECC", "gpu_ecc_errors_total"),
)


def support(reading: Reading) -> str:
    """For each device that answers, how it is with the reading; no series for one that does not answer."""
    series = of(f"taximeter_{reading.metric}")
    read = rate(series) if reading.metric.endswith("_total") else series
    refused = of("taximeter_refused_readings_total", f'reading="{reading.metric.removesuffix("_total")}"')
    divided = f'label_replace({select("taximeter_mig_instance_info", HOST)}, "uuid", "$1", "gpu_uuid", "(.*)")'
    up = by_device(states.up())
    elsewhere = (
        f"0 * {up} + {OF_INSTANCES} and on (instance, uuid) {divided}"
        if reading.of_instances
        else f"0 * {by_device(states.up(MIG_INSTANCE))} + {OF_GPU}"
    )
    return f"""(
    0 * {by_device(read)} + {READ}
    or 0 * {by_device(grown(refused, within="10m"))} + {REFUSED}
    or {elsewhere}
    or 0 * {up} + {UNSUPPORTED}
    ) and on ({DEVICE}) {states.up()} == 1"""


def readings() -> Panel:
    """A row for each device, a column for each reading."""
    return table(
        title="Readings",
        description=(
            f"What each GPU and MIG instance tells, of at most {ROWS}: first those that do not answer. Not supported: "
            "the GPU answers, and its driver does not tell this. Refused: the driver gave a value that cannot be. No "
            "reading: the state says why. With MIG a GPU and its instances each tell a part."
        ),
        queries=[
            rows(states.first_and_lost(by_device(states.state()))),
            *(rows(states.first(support(reading))) for reading in READINGS),
        ],
        columns=[
            Column("instance", "Host"),
            Column("gpu", "GPU", width=55),
            Column("Value #A", "State", mappings=states.STATES, width=125),
            *(
                Column(f"Value #{letter}", reading.title, mappings=_WORDS, width=88)
                for letter, reading in zip("BCDEFGHIJKLMNOPQRSTUVWXYZ", READINGS, strict=False)
            ),
        ],
        sort_by="Host",
        no_value="no GPU",
    )


def refused() -> Panel:
    """Values that cannot be."""
    refusals = of("taximeter_refused_readings_total")
    by = f"{DEVICE}, reading"
    return table(
        title="Refused readings",
        description=(
            "Values that a driver gave and that cannot be, such as a utilisation of 4,294,967,295%: each was left out. "
            f"The {ROWS} most frequent, since the exporter began; new are those of the time range."
        ),
        queries=[
            rows(f"topk({ROWS}, max by ({by}) ({refusals}))"),
            rows(f"topk({ROWS}, max by ({by}) ({gained(refusals)}))"),
        ],
        columns=[
            Column("instance", "Host"),
            Column("gpu", "GPU", width=60),
            Column("Value #B", "New", units.COUNT, decimals=0, width=80),
            Column("reading", "Reading"),
            Column("Value #A", "Times", units.COUNT, decimals=0, width=80),
        ],
        sort_by="Times",
        descending=True,
        no_value="no reading was refused",
    )
