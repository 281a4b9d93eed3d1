"""Who is there: hosts, GPUs, and what state each was in."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.gpus import problems, states
from dashboards_src.gpus.selection import DEVICE, LEGEND, by_device, of
from dashboards_src.layer import units
from dashboards_src.layer.fields import watched
from dashboards_src.layer.links import address
from dashboards_src.layer.panels import LAST, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.layer.timelines import timeline
from dashboards_src.promql import HOST, WHOLE_GPU, select
from dashboards_src.shared.columns import SIMULATED
from dashboards_src.shared.links import TO_GPUS_OF_HOST, TO_RUN
from dashboards_src.shared.ranking import AT_MOST, ROWS

UID = "taximeter-gpus"
_PRICE = select("taximeter_price_per_hour", HOST)
_OF_GPU = (address(UID, instance="${__data.fields.Host}", gpu="${__value.text}"), "This GPU alone")


def problems_now() -> Panel:
    """Each problem of each device."""
    worst = f"bottomk({ROWS}, {problems.each()})"
    priced = f"sum by (instance, uuid, currency) ({_PRICE})"
    return table(
        title="What is wrong now",
        description=(
            f"Each problem of each GPU and MIG instance, the worst first and no more than {ROWS}, and what the device "
            "costs per hour meanwhile. An XID error and memory errors stay here for an hour, impossible readings for "
            "ten minutes."
        ),
        queries=[
            rows(worst),
            rows(f"0 * {worst} + on (instance, uuid) group_left (currency) {priced}"),
        ],
        columns=[
            Column("problem", "Problem", mappings=problems.in_words("02"), width=228),
            Column("instance", "Host", link=TO_GPUS_OF_HOST),
            Column("gpu", "GPU", width=70, link=_OF_GPU),
            Column("Value #B", "Per hour", units.MONEY, decimals=2, width=80),
            Column("currency", "Currency", width=80),
        ],
        sort_by="Problem",
        no_value="nothing is wrong",
    )


def states_over_time() -> Panel:
    """A row for each device."""
    answered = f"sum_over_time({states.up()}[$__range:$__interval] @ end())"
    return timeline(
        title="State of each GPU",
        description=(
            f"GPUs and MIG instances, at most {AT_MOST}: those that answered least within the time range. "
            f"{states.MEANING} A GPU ? stands for an exporter that was not reached within the time range at all. Which "
            "readings a GPU does not support is in the table of readings below."
        ),
        queries=[
            over_time(f"({states.state()}) and on ({DEVICE}) bottomk({AT_MOST}, {answered})", LEGEND),
            over_time(states.unknown(), LEGEND),
        ],
        mappings=states.STATES,
        no_value="no GPU",
    )


def states_counted() -> Panel:
    """How many devices were in each state."""
    return lines(
        title="GPUs by state",
        description=f"How many GPUs were in each state; MIG instances are not counted. {states.MEANING}",
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        stacked=True,
        legend=(LAST,),
        queries=[
            over_time(f"count({states.in_state(state, WHOLE_GPU)})", name) for state, (name, _) in states.WORDS.items()
        ],
        overrides=states.COLOURS,
        no_value="no GPU",
    )


def hosts() -> Panel:
    """A row for each host with GPUs."""

    def mean(metric: str) -> str:
        return f"avg by (instance) ({by_device(of(metric))})"

    def total(metric: str, *matchers: str) -> str:
        return f"sum by (instance) ({by_device(of(metric, *matchers))})"

    return table(
        title="Hosts",
        description=(
            "Hosts with GPUs, which are counted without MIG instances. A click on one shows its GPUs alone. Taken by "
            "the cloud: when a spot machine will be, once that is announced; warned of that: when the cloud said that "
            "it is likely."
        ),
        queries=[
            rows(f"count by (instance) ({states.seen(WHOLE_GPU)})"),
            rows(total("taximeter_gpu_up", WHOLE_GPU)),
            rows(f"count by (instance) ({problems.worst()})"),
            rows(mean("taximeter_gpu_utilization_ratio")),
            rows(f"{total('taximeter_gpu_memory_used_bytes')} / {total('taximeter_gpu_memory_total_bytes')}"),
            rows(total("taximeter_gpu_power_watts")),
            rows(f"max by (instance) ({of('taximeter_gpu_temperature_celsius')})"),
            rows(f"sum by (instance, currency) ({_PRICE} and on (instance, uuid) {states.up()})"),
            rows(f"1000 * max by (instance) ({select('taximeter_host_rebalance_timestamp_seconds', HOST)})"),
            rows(f"1000 * min by (instance) ({select('taximeter_host_reclaim_timestamp_seconds', HOST)})"),
        ],
        columns=[
            Column("instance", "Host", link=TO_GPUS_OF_HOST),
            Column("Value #A", "GPUs", units.COUNT, width=65),
            Column("Value #B", "Answer", units.COUNT, width=75),
            Column("Value #C", "Problems", units.COUNT, steps=watched(1, 1000), width=85),
            Column("Value #D", "Utilisation", units.RATIO, decimals=0, width=90),
            Column("Value #E", "Memory", units.RATIO, decimals=0, width=75),
            Column("Value #F", "Power", units.WATTS, decimals=1, width=85),
            Column("Value #G", "Hottest", units.CELSIUS, decimals=0, width=75),
            Column("Value #H", "Per hour", units.MONEY, decimals=2, width=85),
            Column("currency", "Currency", width=80),
            Column("Value #I", "Warned of that", units.MOMENT, width=195),
            Column("Value #J", "Taken by the cloud", units.MOMENT, width=195),
        ],
        sort_by="Host",
        no_value="no GPU",
    )


def gpus() -> Panel:
    """A row for each device."""
    info = f"max by ({DEVICE}, model, mig_profile, driver_version, simulated)"
    run_memory = f"max by (instance, uuid, run) ({select('taximeter_run_gpu_memory_used_bytes', HOST)})"
    memory = "{} / {}".format(*(by_device(of(f"taximeter_gpu_memory_{name}_bytes")) for name in ("used", "total")))
    return table(
        title="GPUs and MIG instances",
        description=(
            f"At most {ROWS}: those that do not answer, then the least used, and those that are lost; choose a host to "
            "see all of its. What is wrong is the worst problem. Run: the one that has most of its memory, where "
            "processes tell."
        ),
        queries=[
            rows(states.first_and_lost(by_device(states.state()))),
            rows(states.first_and_lost(problems.worst())),
            rows(states.first_and_lost(f"{info} (last_over_time({of('taximeter_gpu_info')}[$__range:$__interval]))")),
            rows(states.first(by_device(of("taximeter_gpu_utilization_ratio")))),
            rows(states.first(memory)),
            rows(states.first(by_device(of("taximeter_gpu_power_watts")))),
            rows(states.first(by_device(of("taximeter_gpu_temperature_celsius")))),
            rows(_of_first(f"sum by (instance, uuid, currency) ({_PRICE})")),
            rows(_of_first(f"topk by (instance, uuid) (1, {run_memory})")),
        ],
        columns=[
            Column("instance", "Host", link=TO_GPUS_OF_HOST),
            Column("gpu", "GPU", width=50, link=_OF_GPU),
            Column("Value #A", "State", mappings=states.STATES, width=150),
            Column("Value #B", "What is wrong", mappings=problems.in_words(), width=190),
            Column("model", "Model", width=185, long=True),
            Column("mig_profile", "MIG", width=75),
            Column("Value #D", "Utilisation", units.RATIO, decimals=0, width=85),
            Column("Value #E", "Memory", units.RATIO, decimals=0, width=78),
            Column("Value #F", "Power", units.WATTS, decimals=0, width=65),
            Column("Value #G", "Temp.", units.CELSIUS, decimals=0, width=65),
            Column("Value #H", "Per hour", units.MONEY, decimals=2, width=75),
            Column("currency", "Currency", width=80),
            Column("run", "Run", width=110, link=TO_RUN),
            SIMULATED,
        ],
        sort_by="Host",
        no_value="no GPU",
    )


def _of_first(expr: str) -> str:
    """`expr` without the label ``gpu``, of the devices that the table shows."""
    return f"{expr} and on (instance, uuid) ({states.first(states.up())})"
