"""A clock that moves only when a test moves it."""

from __future__ import annotations

from taximeter_exporter.clock import NS_PER_SECOND


class ManualClock:
    """Implements `Clock`; elapsed time and the time of day advance together."""

    def __init__(self, *, elapsed_ns: int = 0, time_ns: int = 0, boot_id: str = "boot-1") -> None:
        self.boot_id = boot_id
        self._elapsed_ns = elapsed_ns
        self._time_ns = time_ns

    def elapsed_ns(self) -> int:
        """See `Clock.elapsed_ns`."""
        return self._elapsed_ns

    def time_ns(self) -> int:
        """See `Clock.time_ns`."""
        return self._time_ns

    def advance(self, *, seconds: int = 0, ns: int = 0) -> None:
        """Let time pass."""
        passed_ns = seconds * NS_PER_SECOND + ns
        self._elapsed_ns += passed_ns
        self._time_ns += passed_ns

    def set_time(self, *, by_seconds: int) -> None:
        """Set the time of day, as a person or NTP does; no time passes."""
        self._time_ns += by_seconds * NS_PER_SECOND

    def reboot(self, *, boot_id: str, down_seconds: int, up_seconds: int) -> None:
        """The host was down for some time, and has been up again for some."""
        self.boot_id = boot_id
        self._elapsed_ns = up_seconds * NS_PER_SECOND
        self._time_ns += (down_seconds + up_seconds) * NS_PER_SECOND
