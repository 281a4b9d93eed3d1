"""The market: what GPUs such as those that are here cost elsewhere."""

from __future__ import annotations

from taximeter_exporter.web.metrics.spec import MetricSpec

_CATALOG = "configuration, and the catalog of prices"
_OFFER = (
    "gpu_model",
    "provider",
    "region",
    "instance_type",
    "gpus",
    "pricing_model",
    "currency",
    "source",
    "confidence",
)

MACHINE_INFO = MetricSpec(
    "machine_info",
    "Always 1; where the machine is, on which terms, and which GPU of the catalog of prices all its GPUs are: empty if"
    " they are several, divided into MIG instances, or not known there. Absent where there is no price.",
    f"nvmlDeviceGetName, else {_CATALOG}",
    ("provider", "instance_type", "pricing_model", "gpu_model"),
)
MODEL_INFO = MetricSpec(
    "gpu_model_info",
    "Always 1; which GPU of the catalog of prices it is, or is a part of; absent where the catalog does not know it.",
    f"nvmlDeviceGetName, else {_CATALOG}",
    ("gpu", "uuid", "gpu_model"),
)
OFFER_PRICE = MetricSpec(
    "offer_price_per_hour",
    "What one GPU such as those that are here costs, in `currency` per hour: its part of the price of the cheapest"
    " instance that a provider has on these terms, of `gpus` GPUs. A `gpu_model` without a memory size, `A100`, stands"
    " where the source does not say it. `confidence` is `low` where the source gives a rounded figure or a range.",
    _CATALOG,
    _OFFER,
)
OFFER_AS_OF = MetricSpec(
    "offer_as_of_timestamp_seconds",
    "The day of which this price is; absent where its source has no date.",
    _CATALOG,
    _OFFER,
)
_SMALLER = ("uuid", "gpu_model", "provider", "region", "instance_type", "pricing_model", "currency")
SMALLER_PRICE = MetricSpec(
    "cheaper_gpu_price_per_hour",
    "What a GPU with less memory costs that would do, in `currency` per hour: it has 1.2 times the most memory that was"
    " in use within the last day, and does the same work for less money by its throughput. On the same terms, at the"
    " same provider if it has one. Absent where there is none, and until the device has been read for six hours.",
    f"the driver; {_CATALOG}",
    _SMALLER,
)
SMALLER_THROUGHPUT = MetricSpec(
    "cheaper_gpu_relative_throughput",
    "How many times as fast that GPU is as the device: the quotient of their dense FP16/BF16 throughputs.",
    "NVIDIA's data sheets",
    _SMALLER,
)

ALL = (MACHINE_INFO, MODEL_INFO, OFFER_PRICE, OFFER_AS_OF, SMALLER_PRICE, SMALLER_THROUGHPUT)
