"""A GPU for the trainer's tests: it works through a queue in its own time, and has events as CUDA has them."""

from __future__ import annotations

from fakes.ticks import Ticks


class Gpu:
    """Work given to it begins when the work before is done, and takes as long as it says."""

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self.busy_until = ticks()
        self.clock_runs = 1.0
        """How fast its own clock runs."""
        self.broken = False
        self.waits = 0
        """How often somebody waited for it."""
        self.looks = 0
        """How often somebody asked how far it is."""
        self.made = 0
        """Events that were made, not taken again."""

    def work(self, seconds: float) -> None:
        """Give it work."""
        self.busy_until = max(self.busy_until, self._ticks()) + round(seconds * 1e9)

    def event(self) -> GpuEvent:
        """Make an event."""
        self.made += 1
        return GpuEvent(self)

    def now(self) -> int:
        """The program's clock."""
        return self._ticks()

    def wait_until(self, moment: int) -> None:
        """Let time pass until then."""
        self.waits += 1
        self._ticks.advance(max(0, moment - self._ticks()) / 1e9)

    def check(self) -> None:
        """Raise what CUDA raises of a GPU that has failed."""
        if self.broken:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")


class GpuEvent:
    """As `torch.cuda.Event(enable_timing=True)`."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._at: int | None = None

    def record(self) -> None:
        """Comes when all work given so far is done."""
        self._gpu.check()
        self._at = max(self._gpu.busy_until, self._gpu.now())

    def query(self) -> bool:
        """Whether it came."""
        self._gpu.check()
        self._gpu.looks += 1
        assert self._at is not None
        return self._at <= self._gpu.now()

    def elapsed_time(self, end_event: GpuEvent) -> float:
        """Milliseconds by the GPU's clock; as with CUDA an error unless both came."""
        assert self.query()
        assert end_event.query()
        assert self._at is not None
        assert end_event._at is not None
        return (end_event._at - self._at) * self._gpu.clock_runs / 1e6

    def synchronize(self) -> None:
        """Wait for it."""
        self._gpu.check()
        assert self._at is not None
        self._gpu.wait_until(self._at)
