"""The head of the dashboard: how many GPUs are well, and what all of them do."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.gpus import problems, states
from dashboards_src.gpus.selection import by_device, of
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import NO_COLOUR, colours_of_counts, thresholds_of
from dashboards_src.layer.panels import values
from dashboards_src.layer.queries import now, over_time
from dashboards_src.promql import WHOLE_GPU


def gpus_by_state() -> Panel:
    """GPUs that answer, that do not, and that nobody can ask."""
    shown = {"answer": states.ANSWERS, "do not answer": states.SILENT, "not reachable": states.UNREACHABLE}
    return values(
        title="GPUs",
        description=f"How many GPUs there are now, by state; MIG instances are not counted. {states.MEANING}",
        unit=units.COUNT,
        background=True,
        steps=NO_COLOUR,
        queries=[
            now(f"count({states.in_state(state, WHOLE_GPU)}) or vector(0)", name) for name, state in shown.items()
        ],
        overrides=colours_of_counts({name: states.WORDS[state][1] for name, state in shown.items()}),
    )


def troubled() -> Panel:
    """Devices with a problem, by its severity."""
    severities = dict(reversed(colours.SEVERITIES.items()))
    return values(
        title="With a problem",
        description="GPUs and MIG instances with a problem of each severity. The table below names the problems.",
        unit=units.COUNT,
        background=True,
        steps=NO_COLOUR,
        queries=[now(f"count({problems.of_severity(severity)}) or vector(0)", severity) for severity in severities],
        overrides=colours_of_counts(severities),
    )


def utilisation() -> Panel:
    """The mean of all GPUs."""
    return values(
        title="Mean use",
        description="Mean over all chosen GPUs: the share of the time in which a kernel ran on them.",
        unit=units.RATIO,
        decimals=0,
        queries=[over_time(f"avg({of('taximeter_gpu_utilization_ratio')})", "mean")],
    )


def memory() -> Panel:
    """How much of all memory is used."""
    used, total = (f"sum({of(f'taximeter_gpu_memory_{name}_bytes')})" for name in ("used", "total"))
    return values(
        title="Memory use",
        description="Used share of the memory of all chosen GPUs and MIG instances.",
        unit=units.RATIO,
        decimals=0,
        queries=[over_time(f"{used} / {total}", "of all")],
    )


def power() -> Panel:
    """What all GPUs draw."""
    return values(
        title="Power use",
        description="What all chosen GPUs draw together.",
        unit=units.WATTS,
        decimals=1,
        queries=[over_time(f"sum({of('taximeter_gpu_power_watts')})", "sum")],
        no_value="no GPU that reports power",
    )


def heat() -> Panel:
    """The hottest GPU, and how far the nearest one is from slowing down."""
    temperature = of("taximeter_gpu_temperature_celsius")
    slowdown = by_device(of("taximeter_gpu_temperature_threshold_celsius", 'threshold="slowdown"'))
    margin = by_device(of("taximeter_gpu_temperature_margin_celsius"))
    limit = by_device(of("taximeter_gpu_temperature_margin_limit_celsius", 'threshold="slowdown"'))
    left = f"{margin} - {limit} or {slowdown} - {by_device(temperature)}"
    return values(
        title="Heat",
        description=(
            "The hottest of the chosen GPUs, and how many degrees the nearest to it is from slowing down. Orange from "
            "5 degrees on, vermillion when it slows down."
        ),
        unit=units.CELSIUS,
        decimals=0,
        steps=((None, colours.BAD), (1, colours.WARNING), (6, "text")),
        queries=[
            now(f"max({temperature})", "hottest"),
            now(f"min({left})", "left"),
        ],
        overrides=[thresholds_of("hottest", ((None, "text"),))],
    )
