"""What runs that ended have cost and where, and what was offered then, as PromQL.

As rules record it: of a run no more than the hour in which it is still exposed, so that a range of weeks is looked
through at once, and with all that it is told apart by.
"""

from dashboards_src.promql import CURRENCY, HOST, PROJECT, RUN, kept, select
from dashboards_src.providers.selection import GPU_MODEL, MODEL_INFO, OFFER, PROVIDER, offers

COST = "instance_run:taximeter_ended_run_cost:last"
DEVICE_SECONDS = "instance_run:taximeter_ended_run_device_seconds:last"
SECONDS = "run:taximeter_ended_run_seconds:last"

_FINISHED = 'result="finished"'
_GOES_ON = f"{select('taximeter_run_active', RUN)} == 1"


def ended(recorded: str, *matchers: str) -> str:
    """The last of `COST` or `DEVICE_SECONDS` of each chosen run, on each host that the matchers let through.

    One that goes on again has not ended.
    """
    every = kept(select(recorded, RUN, PROJECT, CURRENCY, *matchers))
    return f"(topk by (instance, run, currency, simulated) (1, {every}) unless on (run) {_GOES_ON})"


def finished() -> str:
    """Seconds from the beginning to the end of each run that finished, as soon as it has."""
    start, end = (f"taximeter_run_{edge}_timestamp_seconds" for edge in ("start", "end"))
    just = f"max by (run) ({select(end, RUN, _FINISHED)}) - min by (run) ({select(start, RUN)})"
    return f"({just} or max by (run) ({kept(select(SECONDS, RUN, _FINISHED))}))"


def offered(metric: str, *matchers: str) -> str:
    """What a metric says of each offer now, or where no host has such GPUs any more what it said last."""
    before = kept(select(f"gpu:{metric}:min", GPU_MODEL, PROVIDER, CURRENCY, *matchers))
    return f"""({offers(metric, *matchers)}
or min by ({OFFER}) ({before}) unless on (gpu_model, simulated) {select(MODEL_INFO, HOST)})"""
