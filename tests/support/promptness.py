"""Whether something is prompt, also on a machine that is busy with something else.

While a program waits for a processor that others have, it is not the program that is slow: the kernel counts the time
in which anybody waits for one (Linux, Documentation/accounting/psi.rst), and that time does not count here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PRESSURE = Path("/proc/pressure/cpu")
_THREAD = Path("/proc/thread-self/schedstat")
_SUMMED_UP_SECONDS = 2.1
"""The kernel adds it up every two seconds."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fails if what is done takes longer."""
    begun, waited = time.monotonic(), waited_seconds()
    yield
    took = time.monotonic() - begun
    if took >= seconds:
        took -= waited_since(waited)
    assert took < seconds, f"it took {took:.1f} s of an idle machine, and not less than {seconds:g} s"


def waited_since(before: float) -> float:
    """For how long anybody has waited since `waited_seconds` said so; takes until the kernel has added it up."""
    time.sleep(_SUMMED_UP_SECONDS)
    return waited_seconds() - before


def waited_seconds_of_this_thread() -> float:
    """For how long this thread alone has waited for a processor; 0 where nobody counts."""
    try:
        _, waited_ns, _ = _THREAD.read_text(encoding="ascii").split()
    except OSError:
        return 0.0
    return int(waited_ns) / 1e9


def waited_seconds() -> float:
    """For how long up to now, but for some seconds, anybody has waited for a processor; 0 where nobody counts."""
    try:
        some = _PRESSURE.read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6
