"""The turns of a training loop, metered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from taximeter.phases import PhaseTimes
from taximeter.tally import Tally

T = TypeVar("T")


class Steps(Generic[T]):
    """The batches of a loader, metered. Has the loader's length, if it has one, so that a progress bar finds it."""

    def __init__(
        self,
        loader: Iterable[T],
        samples: Callable[[T], int],
        phases: PhaseTimes,
        tally: Tally,
        complain: Callable[[str, str], None],
    ) -> None:
        self._loader = loader
        self._samples = samples
        self._phases = phases
        self._tally = tally
        self._complain = complain

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]  # raises TypeError for what has none, as len() should

    def __iter__(self) -> Iterator[T]:
        switch = self._phases.switch
        step = self._tally.step
        count = self._samples
        before = self._phases.current
        samples = 0
        in_step = False
        waited_from = switch("data_wait")
        try:
            for batch in self._loader:
                try:
                    samples = int(count(batch))
                except Exception as wrong:  # whatever somebody's function raises must not end the training
                    samples = 0
                    self._complain(
                        "samples", f"the samples of a batch could not be counted, and are left out: {wrong!r}"
                    )
                switch("forward_backward")
                in_step = True
                yield batch
                ended = switch("data_wait")
                in_step = False
                step(ended - waited_from, samples)
                waited_from = ended
            self._tally.complete_pass()
        finally:
            ended = switch("other" if before == "startup" else before)
            if in_step:
                step(ended - waited_from, samples)
