"""The summary of profiled steps for a person."""

from __future__ import annotations

from taximeter.bill import cost_of
from taximeter.cost import Money
from taximeter.training.profile.summary import Summary

_NAME_WIDTH = 44


def table(it: Summary) -> str:
    """Phases, then operators, by what they took of the steps."""
    note = ["  NOTE: simulated devices: this is not real money"] if it.simulated else []
    timed = "GPU time" if it.on_gpu else "CPU time"
    outside = "GPU idle" if it.on_gpu else "in Python, or waiting"
    idle = it.outside_seconds
    rows = [
        *(_row(its.phase.replace("_", " "), its.seconds, its.share, its.cost) for its in it.phases),
        "",
        f"  {'operator, by its own ' + timed:<{_NAME_WIDTH}} {'ms':>10} {'share':>7}  {'cost':<20} calls",
        *(
            f"{_row(each.name, each.share * it.seconds, each.share, each.cost)} {each.calls:,}"
            for each in (*it.operators, it.other_operators)
            if each.calls
        ),
        _row(outside, idle, idle / it.seconds, cost_of(idle, it.cost_per_hour)),
    ]
    head = f"Profile of {it.run}, steps {it.steps} on {it.device}: {it.seconds:.3f} s, {_shown(it.cost)}"
    return "\n".join(line.rstrip() for line in (head, *note, *rows, "", f"  {_about(it)}"))


def _about(it: Summary) -> str:
    times = f"CPU {it.cpu_seconds:.3f} s in operators"
    if it.on_gpu:
        times += f", GPU {it.device_seconds:.3f} s"
    if it.seconds_per_step_before is not None:
        without, profiled = it.seconds_per_step_before * 1e3, it.seconds_per_step * 1e3
        times += f"; a step took {profiled:.1f} ms, and {without:.1f} ms before without the profiler"
    return f"{times}; profiling took {it.profiling_seconds:.1f} s besides, {_shown(it.profiling_cost)}"


def _row(name: str, seconds: float, share: float, cost: Money) -> str:
    shown = name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"
    return f"  {shown:<{_NAME_WIDTH}} {seconds * 1e3:>10,.2f} {share:>7.1%}  {_shown(cost):<20}"


def _shown(money: Money) -> str:
    """With more places than a bill: a step costs millionths."""
    return " + ".join(f"{amount:.8f} {currency}" for currency, amount in money.items()) or "not known"
