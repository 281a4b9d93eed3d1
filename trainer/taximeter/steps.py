"""The turns of a training loop, metered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from taximeter.batches import samples_in
from taximeter.phases import Phase, PhaseTimes, Turn

T = TypeVar("T")

# What is put off from one step to a later one is done after so long.
TEND_NS = 1_000_000_000


class Steps(Generic[T]):
    """The batches of a loader, metered. Has the loader's length, if it has one, so that a progress bar finds it."""

    def __init__(
        self,
        loader: Iterable[T],
        samples: Callable[[T], int] | int,
        *,
        first: Phase,
        begin: Callable[[], PhaseTimes],
        tend: Callable[[], None],
        end: Callable[[], None],
        complain: Callable[[str, str], None],
    ) -> None:
        self._loader = loader
        self._samples = samples
        self._first = first
        self._begin = begin
        self._tend = tend
        self._end = end
        self._complain = complain

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]  # raises TypeError for what has none, as len() should

    @property
    def length(self) -> int | None:
        """Batches of a whole loop; `None`: not known."""
        try:
            return len(self)
        except Exception:  # whatever somebody's loader raises must not end the training
            return None

    def __iter__(self) -> Iterator[T]:
        phases = self._begin()
        put, clock, first = phases.put, phases.clock, self._first
        of, pair = type, None  # what is a variable of its own is nearer at hand than what is the module's
        asked = callable(self._samples)
        samples = 0 if asked else self._count(None)
        in_step = False
        ended = 0
        tend_at = clock()
        put((tend_at, Turn.LOOP))
        try:
            for batch in self._loader:
                if asked:
                    try:
                        # What samples_in says of most batches, without a call; + 0 fails for what is no number.
                        samples = batch[0].shape[0] + 0 if of(batch) is pair else self._count(batch)  # type: ignore[index]
                    except Exception:  # whatever somebody's object raises must not end the training
                        samples = self._count(batch)
                put((clock(), first))
                in_step = True
                yield batch
                now = clock()
                put((now, samples))
                in_step = False
                ended += 1
                if now >= tend_at:
                    pair = self._pair(batch)
                    self._tend()
                    tend_at = now + TEND_NS
            self._end()
        except GeneratorExit:
            # Whoever knows how many there are need not ask for one more to see that it was the last.
            if ended + in_step == self.length:
                self._end()
            raise
        finally:
            if in_step:
                put((clock(), samples))
            put((clock(), Turn.LEAVE))
            self._tend()

    def _pair(self, batch: T) -> type | None:
        """The type of the batch, if it is one whose samples are told without a call."""
        return type(batch) if self._samples is samples_in and type(batch) in (tuple, list) else None

    def _count(self, batch: T | None) -> int:
        """The batch is not looked at where all hold the same."""
        try:
            return int(self._samples(batch) if callable(self._samples) else self._samples)  # type: ignore[arg-type]
        except Exception as wrong:
            self._complain("samples", f"a batch's samples could not be counted, and are left out: {wrong!r}")
            return 0
