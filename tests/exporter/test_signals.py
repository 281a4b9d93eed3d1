"""Signals reach a program that serves, whichever of its threads the kernel interrupts: a process of its own is told."""

from __future__ import annotations

import subprocess
import sys

import pytest

TOLD_BY_A_THREAD = """
import signal, sys, threading
from taximeter_exporter.cli.signals import Ended, Signals

signals = Signals()
starting, numbers = sys.argv[1] == "starting", [int(number) for number in sys.argv[2:]]
if not starting:
    signals.wait_in_line()

def tell():
    for number in numbers:
        signal.pthread_kill(threading.get_ident(), number)

try:
    # long after the main thread has begun to wait
    threading.Timer(0.5, tell).start()
    print(*(int(signals.get()) for _ in numbers))
except Ended:
    print("ended")
"""


@pytest.mark.parametrize(
    ("state", "numbers", "said"),
    [("started", [1, 15], "1 15"), ("started", [2], "2"), ("starting", [1], "1"), ("starting", [1, 15], "ended")],
)
def test_a_signal_wakes_it_that_another_thread_has_got(state: str, numbers: list[int], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TOLD_BY_A_THREAD, state, *map(str, numbers)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == said.split()
