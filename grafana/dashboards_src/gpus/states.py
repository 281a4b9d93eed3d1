"""In which state a device is: it answers, it does not, its exporter cannot be reached, or it is not there any more.

A device whose series ended is known by those it had within the time range. "Not supported" is not a state of a device
but of one reading of it; see `readings`.
"""

from dashboards_src.gpus.selection import DEVICE, of
from dashboards_src.layer import colours
from dashboards_src.layer.fields import colour_of, words
from dashboards_src.promql import EXPORTER, HOST, kept, select
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

_EXPORTER = select("up", EXPORTER, HOST)


def up(*matchers: str) -> str:
    """1 for each device that answers, 0 for each that does not."""
    return of("taximeter_gpu_up", *matchers)


def in_state(state: int, *matchers: str) -> str:
    """The devices in one of the states, by a series with any value."""
    if state == ANSWERS:
        return f"{up(*matchers)} == 1"
    if state == SILENT:
        return f"{up(*matchers)} == 0"
    exporter_answers = "and" if state == GONE else "unless"
    return f"({_vanished(*matchers)} {exporter_answers} on (instance) {_EXPORTER} == 1)"


def state(*matchers: str) -> str:
    """The state of each device that there was within the time range."""
    # Without its name, so that a device stays one series when it goes from one state into another.
    return f"""0 + {up(*matchers)}
    or 0 * {in_state(GONE, *matchers)} + {GONE}
    or 0 * {in_state(UNREACHABLE, *matchers)} + {UNREACHABLE}"""


def seen(*matchers: str) -> str:
    """Every device that there was within the time range. A subquery, so that its cost does not grow with the range."""
    return f"last_over_time({of('taximeter_gpu_up', *matchers)}[$__range:$__interval])"


def _vanished(*matchers: str) -> str:
    return f"{seen(*matchers)} unless {up(*matchers)}"


def unknown() -> str:
    """A row for each exporter that was not reached within the time range: it may have any number of GPUs, or none."""
    never_reached = f"""{_EXPORTER} == 0
    unless on (instance) {seen()} unless on (instance) {kept("taximeter_host_info")}"""
    return f'max by (instance, gpu) (label_replace(0 * ({never_reached}) + {UNREACHABLE}, "gpu", "?", "", ""))'


def first(expr: str) -> str:
    """Of `expr`, the devices that a table of GPUs shows: those that do not answer, then the least used."""
    return f"({expr}) and on ({DEVICE}) topk({ROWS}, {_need()})"


def first_and_lost(expr: str) -> str:
    """The same, and those that there were within the time range and of which nothing is known now."""
    return f"({expr}) and on ({DEVICE}) (topk({ROWS}, {_need()}) or topk({ROWS}, {_vanished()}))"


def _need() -> str:
    """A number for each device that there is now: the higher, the more it needs a look."""
    return f"3 - ({up()} == 0) or 2 - {of('taximeter_gpu_utilization_ratio')} or {up()}"
