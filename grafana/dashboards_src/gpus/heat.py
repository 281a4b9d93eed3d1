"""Power, energy, temperature, fans, and what slows the clocks down."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.gpus.problems import SLOWDOWNS
from dashboards_src.gpus.selection import DEVICE, LEGEND, by_device, highest, lowest, of
from dashboards_src.layer import units
from dashboards_src.layer.fields import dashed
from dashboards_src.layer.panels import LAST, MAX, MIN, bars, lines
from dashboards_src.layer.queries import now, over_time
from dashboards_src.promql import rate
from dashboards_src.shared import ranking
from dashboards_src.shared.ranking import AT_MOST

_NO_POWER = "no GPU that reports power"


def power() -> Panel:
    """The GPUs that draw most."""
    return lines(
        title="Power by GPU",
        description=(
            f"What each GPU draws, over the last second on Ampere and later: the {AT_MOST} highest of the chosen; "
            "dashed the lowest limit in force."
        ),
        unit=units.WATTS,
        decimals=0,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(highest(of("taximeter_gpu_power_watts")), LEGEND),
            over_time(f"min({of('taximeter_gpu_power_limit_watts')})", "limit"),
        ],
        no_value=_NO_POWER,
        overrides=[dashed("^limit$")],
    )


def power_of_all() -> Panel:
    """All GPUs together, against what they may draw."""

    def total(kind: str) -> str:
        return f"sum({of(f'taximeter_gpu_power_{kind}_watts')})"

    return lines(
        title="Power of all",
        description=(
            "What the chosen GPUs draw together: over the last second, and at the moment, which shows peaks; dashed "
            "what their limits allow."
        ),
        unit=units.WATTS,
        decimals=1,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(total("average"), "over a second"),
            over_time(total("instant"), "at the moment"),
            over_time(total("limit"), "limit"),
        ],
        no_value=_NO_POWER,
        overrides=[dashed("^limit$")],
    )


def energy() -> Panel:
    """What each host's GPUs used."""
    joules = f"increase({of('taximeter_gpu_energy_joules_total')}[$__range:$__interval])"
    return bars(
        title="Energy, by host",
        description=(
            f"What the chosen GPUs used within the time range, by the GPUs' own counters: the {AT_MOST} highest hosts."
        ),
        unit=units.KILOWATT_HOURS,
        decimals=2,
        queries=[now(f"topk({AT_MOST}, sum by (instance) ({joules})) / 3.6e6", "{{instance}}")],
        no_value="no GPU that counts energy",
    )


def temperature() -> Panel:
    """The hottest."""
    threshold = 'threshold="slowdown"'
    return lines(
        title="Temperature by GPU",
        description=f"The {AT_MOST} hottest of the chosen GPUs; dashed from where the first of them slows down.",
        unit=units.CELSIUS,
        decimals=0,
        legend=(LAST, MAX),
        queries=[
            over_time(highest(of("taximeter_gpu_temperature_celsius")), LEGEND),
            over_time(f"min({of('taximeter_gpu_temperature_threshold_celsius', threshold)})", "slows down"),
        ],
        overrides=[dashed("^slows down$")],
    )


def memory_temperature() -> Panel:
    """The hottest memories."""
    threshold = 'threshold="memory_max"'
    return lines(
        title="Temperature of the memory",
        description=(
            f"The {AT_MOST} hottest of the chosen GPUs that tell it; dashed the highest that the first of them may "
            "have."
        ),
        unit=units.CELSIUS,
        decimals=0,
        legend=(LAST, MAX),
        queries=[
            over_time(highest(of("taximeter_gpu_memory_temperature_celsius")), LEGEND),
            over_time(f"min({of('taximeter_gpu_temperature_threshold_celsius', threshold)})", "highest allowed"),
        ],
        no_value="no GPU that tells its memory's temperature",
        overrides=[dashed("^highest allowed$")],
    )


def margin() -> Panel:
    """How far it is to slowing down."""
    threshold = 'threshold="slowdown"'
    return lines(
        title="Degrees left",
        description=(
            f"How far it is to the temperature at which the GPU slows down, as it tells itself: the {AT_MOST} nearest "
            "of the chosen; dashed what is left when the first of them does (it may be below 0)."
        ),
        unit=units.CELSIUS,
        decimals=0,
        legend=(LAST, MIN),
        queries=[
            over_time(lowest(of("taximeter_gpu_temperature_margin_celsius")), LEGEND),
            over_time(f"max({of('taximeter_gpu_temperature_margin_limit_celsius', threshold)})", "slows down"),
        ],
        no_value="no GPU that tells how much is left",
        overrides=[dashed("^slows down$")],
    )


def throttling() -> Panel:
    """Why clocks are held down."""
    return lines(
        title="Throttling, by reason",
        description=(
            "Share of the time in which each reason held the clocks down: mean of the chosen GPUs. Several may hold "
            "at once. To keep to the power limit (sw power cap) and when idle is as it should be; slowdowns by heat "
            "or power brake are not."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MAX),
        queries=[
            over_time(f"avg by (reason) ({rate(of('taximeter_gpu_throttle_seconds_total'))})", "{{reason}}"),
        ],
    )


def slowed_down() -> Panel:
    """Which GPUs heat or the power supply slows down."""
    seconds = of("taximeter_gpu_throttle_seconds_total", f'reason=~"{SLOWDOWNS}"')
    return lines(
        title="Slowed down by heat or power supply",
        description=(
            f"Share of the time in which each of these reasons held a GPU's clocks down: the {AT_MOST} highest of the "
            "chosen GPUs. The same steps take longer then, and cost more."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MAX),
        queries=[over_time(ranking.highest(rate(seconds), by=f"{DEVICE}, reason"), f"{LEGEND}: {{{{reason}}}}")],
    )


def throttled_now() -> Panel:
    """How many GPUs each reason holds down."""
    return bars(
        title="Throttled now",
        description="How many of the chosen GPUs each reason holds down at this moment.",
        unit=units.COUNT,
        decimals=0,
        queries=[now(f"sum by (reason) ({of('taximeter_gpu_throttle_active')})", "{{reason}}")],
    )


def fans() -> Panel:
    """The fastest fans."""
    return lines(
        title="Fans",
        description=(
            f"Speed that the fans are meant to have, of their full speed: the {AT_MOST} GPUs whose fastest fan is "
            "highest."
        ),
        unit=units.RATIO,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(by_device(of("taximeter_gpu_fan_speed_ratio"))), LEGEND)],
        no_value="no GPU with fans of its own",
    )
