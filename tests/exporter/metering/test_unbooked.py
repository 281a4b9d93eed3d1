"""What a run has cost up to this moment is told, though its time is booked only up to its last renewal."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

from support.metered import Machine
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.metering.state import RunState


def until_now(state: RunState) -> Fraction:
    """As whoever renews it reckons."""
    return state.cost["USD"] + state.per_hour["USD"] * Fraction(state.unbooked_ns, NS_PER_HOUR)


def test_a_renewal_says_what_a_run_has_cost_to_the_nanosecond(tmp_path: Path) -> None:
    """At a dollar a second, whenever the exporter books and whenever it is renewed."""
    machine = Machine(tmp_path / "ledger.db")
    machine.start()
    machine.pass_time(3)
    machine.clock.advance(ns=123_456_789)  # no moment of the exporter's own
    run = machine.register()
    assert until_now(run) == run.unbooked_ns == 0
    began = machine.clock.elapsed_ns()
    moments = random.Random(7)  # noqa: S311
    lags = []
    for _ in range(50):
        machine.clock.advance(ns=moments.randrange(1, 2 * NS_PER_SECOND))
        if moments.random() < 0.6:
            machine.meter.tick()
        if moments.random() < 0.4:
            renewed = machine.renew(run)
            assert until_now(renewed) == Fraction(machine.clock.elapsed_ns() - began, NS_PER_SECOND)
            lags.append(renewed.unbooked_ns)
    assert max(lags) > 2 * NS_PER_SECOND
    machine.renew(run)  # or its lease would be over
    machine.clock.advance(seconds=2)
    ended = machine.end(run)
    assert (ended.unbooked_ns, ended.cost["USD"]) == (0, Fraction(machine.clock.elapsed_ns() - began, NS_PER_SECOND))


def test_on_a_shared_device_it_is_what_is_not_booked_of_the_others_either(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db")
    machine.start()
    one, other = machine.register("one"), machine.register("other")
    for _ in range(3):
        machine.pass_time(3)
        machine.renew(one)
    # Nothing is booked, for the other may have ended right after it began.
    assert until_now(machine.renew(one)) == Fraction(9, 2)
    machine.renew(other)
    machine.pass_time(1)
    renewed = machine.renew(one)
    assert renewed.cost["USD"] == Fraction(9, 2)
    assert renewed.unbooked_ns == NS_PER_SECOND
    assert until_now(renewed) == 5
