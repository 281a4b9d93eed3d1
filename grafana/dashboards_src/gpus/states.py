"""In which state a device is: it answers, it does not, its exporter cannot be reached, or it is not there any more.

A device whose series ended is known by those it had within the time range. "Not supported" is not a state of a device
but of one reading of it; see `readings`.
"""

from dashboards_src.gpus.selection import DEVICE, HOST, by_device, of
from dashboards_src.layer import colours
from dashboards_src.layer.fields import colour_of, words
from dashboards_src.promql import kept, select
from dashboards_src.shared.ranking import ROWS

SILENT, ANSWERS, UNREACHABLE, GONE = range(4)

WORDS = {
    ANSWERS: ("answers", colours.GOOD),
    SILENT: ("does not answer", colours.BAD),
    UNREACHABLE: ("exporter not reachable", colours.GREY),
    GONE: ("not there any more", colours.OLIVE),
}
STATES = words({str(state): word for state, word in WORDS.items()})
COLOURS = [colour_of(f"^{text}$", colour) for text, colour in WORDS.values()]

MEANING = (
    "Does not answer: the driver shows the GPU, or showed it, and gets nothing from it. Exporter not reachable: nobody "
    "knows how it is. Not there any more: its exporter is reached and does not list it, as after MIG was divided anew."
)

_EXPORTER = select("up", 'job="taximeter-exporter"', HOST)


def up(*matchers: str) -> str:
    """1 for each device that answers, 0 for each that does not."""
    return by_device(of("taximeter_gpu_up", *matchers))


def seen(*matchers: str) -> str:
    """Every device that there was within the time range. A subquery, so that its cost does not grow with the range."""
    return by_device(f"last_over_time({of('taximeter_gpu_up', *matchers)}[$__range:$__interval])")


def state(*matchers: str) -> str:
    """The state of each device that there was within the time range."""
    return f"""{up(*matchers)}
    or (0 * {seen(*matchers)} + {GONE} and on (instance) {_EXPORTER} == 1)
    or (0 * {seen(*matchers)} + {UNREACHABLE})"""


def unknown() -> str:
    """A row for each exporter that was not reached within the time range: it may have any number of GPUs, or none."""
    return f"""label_replace(
    0 * max by (instance) ({_EXPORTER} == 0) + {UNREACHABLE}
    unless on (instance) {seen()} unless on (instance) {kept("taximeter_host_info")},
    "gpu", "?", "", "")"""


def first(expr: str) -> str:
    """Of `expr`, the devices that a table of GPUs shows: first those without any reading, then the least used."""
    need = f"""0 * {seen()} + 4 unless on ({DEVICE}) {up()}
    or 3 - ({up()} == 0)
    or 2 - {by_device(of("taximeter_gpu_utilization_ratio"))}
    or {up()}"""
    return f"({expr}) and on ({DEVICE}) topk({ROWS}, {need})"
