"""A card with less memory that would do: where a GPU's memory stays empty, and the same work costs less elsewhere."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import units
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import CURRENCY, HOST, select
from dashboards_src.providers.selection import MARKET, PRICE, PROVIDER, TERMS, of_devices
from dashboards_src.shared.columns import SIMULATED
from dashboards_src.shared.ranking import ROWS

_BY = f"instance, smaller, {MARKET}, {TERMS}"


def _smaller(metric: str) -> str:
    """What a metric says of the GPU that would do, by device; `gpu_model` is the device's, `smaller` the other's."""
    series = f'label_replace({select(metric, HOST, PROVIDER, CURRENCY)}, "smaller", "$1", "gpu_model", "(.+)")'
    return of_devices(series)


def would_do() -> Panel:
    """Each host's GPUs, and the smaller one that does the same work for less."""
    price = _smaller("taximeter_cheaper_gpu_price_per_hour")
    ratio = _smaller("taximeter_cheaper_gpu_relative_throughput")
    same_work = f"{price} / ({ratio})"
    paid = f"{price} * 0 + on (instance, uuid, currency) group_left () sum by (instance, uuid, currency) ({PRICE})"
    saved = f"sum by ({_BY}) (({paid}) - ({same_work}))"
    first = f"topk({ROWS}, {saved})"
    shown = f"and on ({_BY}) {first}"
    return table(
        title="A cheaper GPU that would do",
        description=(
            "Of GPUs of which the last day used little memory: one with less memory, of which 1.2 times the most that "
            "was used fits, and which does the same work for less by the throughput that NVIDIA's data sheets state. "
            "That is a ceiling of the hardware, not a measurement of the training. Same work: its price for as long "
            f"as it takes longer. By host, the {ROWS} where most is to be saved; known once a GPU has been read for "
            "six hours."
        ),
        queries=[
            rows(first),
            rows(f"count by ({_BY}) ({price}) {shown}"),
            rows(f"avg by ({_BY}) ({paid}) {shown}"),
            rows(f"avg by ({_BY}) ({price}) {shown}"),
            rows(f"avg by ({_BY}) ({ratio}) {shown}"),
            rows(f"avg by ({_BY}) ({same_work}) {shown}"),
        ],
        columns=[
            Column("instance", "Host"),
            Column("gpu_model", "GPU", width=65),
            Column("Value #B", "GPUs", units.COUNT, decimals=0, width=58),
            Column("Value #C", "Paid per GPU", units.MONEY_PER_HOUR, decimals=2, width=105),
            Column("smaller", "Would do", width=88),
            Column("provider", "Provider", width=85),
            Column("region", "Region", width=95),
            Column("instance_type", "Machine", width=120),
            Column("pricing_model", "Terms", width=92),
            Column("Value #D", "Per GPU", units.MONEY_PER_HOUR, decimals=2, width=75),
            Column("Value #E", "Speed", units.RATIO, decimals=0, width=62),
            Column("Value #F", "Same work", units.MONEY_PER_HOUR, decimals=2, width=95),
            Column("Value #A", "To save", units.MONEY_PER_HOUR, decimals=2, width=75),
            Column("currency", "Currency", width=80),
            SIMULATED,
        ],
        sort_by="To save",
        descending=True,
        no_value="no GPU of which a smaller one would do, or none has been read for six hours",
    )
