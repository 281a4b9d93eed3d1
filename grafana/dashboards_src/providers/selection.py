"""What is here, what is paid for it, and what is offered in its place, as PromQL.

Exporters publish the offers for the GPUs that they have. An offer may stand for a model of any memory size (`A100`),
and a host may have GPUs of several models; so the two are joined by host and by the model without its memory size.
"""

from collections.abc import Callable

from dashboards_src.promql import CURRENCY, HOST, WHOLE_GPU, select

GPU_MODEL = 'gpu_model=~"$gpu_model"'
PROVIDER = 'provider=~"$provider"'

MARKET = "gpu_model, currency, simulated"
"""What can be compared: GPUs of one model, in one currency, real ones apart from simulated ones."""

TERMS = "provider, region, instance_type, pricing_model"
"""What is bought: whose, where, which machine, and how it is paid for."""

OFFER = f"{MARKET}, {TERMS}, offered, gpus, source, confidence"
"""The labels of an offer: `gpu_model` is the model that is here, `offered` what the provider calls it."""

MODEL_INFO = "taximeter_gpu_model_info"
OFFER_PRICE = "taximeter_offer_price_per_hour"
OFFER_AS_OF = "taximeter_offer_as_of_timestamp_seconds"

ON_DEMAND = 'pricing_model="on_demand"'
SPOT = 'pricing_model="spot"'
RESERVED = 'pricing_model=~"reserved_.+|capacity_block"'
COMMITTED = 'pricing_model=~"committed_.+"'
TERMS_OF_COLUMNS = {"On demand": ON_DEMAND, "Spot": SPOT, "Reserved": RESERVED, "Committed": COMMITTED}
"""By which terms tables compare, a column for each."""

WORTH_A_LOOK, MUCH = 0.1, 0.3
"""Parts of the money that could be saved."""

DAY_SECONDS = 86_400
OLD = 90 * DAY_SECONDS
TOO_OLD = 180 * DAY_SECONDS
"""From which age a price says little; from the second on the exporter, too, calls it stale (`price_max_age`)."""


def _kind(series: str) -> str:
    """`series` with a label ``kind``: its `gpu_model` without the memory size."""
    return f'label_replace({series}, "kind", "$1", "gpu_model", "(.+?)(-[0-9]+)?")'


_HERE = select(MODEL_INFO, HOST, GPU_MODEL)
_MODEL_OF_DEVICE = f"max by (instance, uuid, gpu_model) ({_HERE})"

PRICE = f"max by (instance, uuid, {TERMS}, currency, simulated) ({select('taximeter_price_per_hour', HOST, CURRENCY)})"
"""What each device costs; of a GPU in MIG mode each part has a part of its price."""


def of_devices(series: str) -> str:
    """`series` by host and UUID, with the device's model; without what has none."""
    return f"{series} * on (instance, uuid) group_left (gpu_model) {_MODEL_OF_DEVICE}"


def paid(by: str) -> str:
    """Money per hour for all GPUs that are here."""
    return f"sum by ({by}) ({of_devices(PRICE)})"


def gpus(by: str) -> str:
    """How many GPUs with a price are here; a GPU in MIG mode counts once."""
    return f"count by ({by}) ({of_devices(PRICE)} and on (instance, uuid) {select(MODEL_INFO, WHOLE_GPU)})"


def _now(series: str) -> str:
    return series


def offers(metric: str, *matchers: str, look: Callable[[str], str] = _now) -> str:
    """What a metric says of each offer for the GPUs that are here; where hosts differ, the least.

    Args:
        metric: one that has a series for each offer.
        matchers: which offers.
        look: turns series into those of another time, such as `promql.kept`.
    """
    offered = look(select(metric, HOST, PROVIDER, CURRENCY, *matchers))
    named = _kind(f'label_replace({offered}, "offered", "$1", "gpu_model", "(.+)")')
    models = f"topk by (instance, kind) (1, group by (instance, kind, gpu_model) ({_kind(look(_HERE))}))"
    return f"min by ({OFFER}) ({named} * on (instance, kind) group_left (gpu_model) {models})"


def prices(*matchers: str) -> str:
    """Money per hour for one GPU by each offer."""
    return offers(OFFER_PRICE, *matchers)


def cheapest(by: str, *matchers: str) -> str:
    """Money per hour for one GPU by the cheapest offer."""
    return f"min by ({by}) ({prices(*matchers)})"


def cheapest_offer(of: str) -> str:
    """Of the offers `of`, the cheapest in each `MARKET`, with a label ``cheapest`` such as ``vast, on_demand``."""
    offer = f"{MARKET}, provider, pricing_model"
    first = f"bottomk by ({MARKET}) (1, min by ({offer}) ({of}))"
    return f'label_join({first}, "cheapest", ", ", "provider", "pricing_model")'


def of_all_gpus(price: str, by: str = MARKET) -> str:
    """`price` for one GPU, for all that are here; both have the labels `by`."""
    return f"{price} * on ({by}) group_left () {gpus(by)}"


def simulated_by_name(expr: str, name: str = "gpu_model") -> str:
    """`expr` with the label `name` such as ``H100 simulated`` where it is simulated."""
    simulated = f'label_replace({expr}, "simulated", " simulated", "simulated", "true")'
    return f'label_join({simulated}, "{name}", "", "{name}", "simulated")'
