"""Being asked to stop is noticed where it is asked for, and nowhere else."""

from __future__ import annotations

import os
import signal

import pytest
from demo.interrupts import SIGNALS, Interrupted, Interrupts, TookTooLong


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_raised_at_the_next_check(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        os.kill(os.getpid(), number)
        with pytest.raises(Interrupted):
            interrupts.check()
        with pytest.raises(Interrupted):
            interrupts.wait_until(lambda: True, seconds=1, what="nothing")


def test_the_handlers_of_before_come_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_waiting_ends_with_the_condition_or_says_what_took_too_long() -> None:
    answers = iter([False, False, True])
    Interrupts().wait_until(lambda: next(answers), seconds=60, what="the third")
    with pytest.raises(TookTooLong, match=r"^rain took longer than 0 s$"):
        Interrupts().wait_until(lambda: False, seconds=0, what="rain")
