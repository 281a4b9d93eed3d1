"""When a run first reached each accuracy, and what it had cost by then."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from taximeter.done import Reached

ACCURACIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


class Milestones:
    """Validation accuracies to be reached, each once: `ACCURACIES`, and the target if there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._target: float | None = None
        self._before: Mapping[float, Reached] = {}
        self._reached: dict[float, Reached] = {}

    def aim(self, target: float) -> None:
        """Take an accuracy besides: what the training is for."""
        self._target = target

    def carry(self, reached: Mapping[float, Reached]) -> None:
        """What earlier parts of the run had reached; in place of what was said of them before."""
        self._before = reached

    def reach(self, accuracy: float, when: Reached) -> None:
        """Note a validation accuracy, 0 to 1."""
        targets = ACCURACIES if self._target is None else (*ACCURACIES, self._target)
        with self._lock:
            for target in targets:
                if accuracy >= target:
                    self._reached.setdefault(target, when)

    def read(self) -> dict[float, Reached]:
        """What has been reached, the lowest first."""
        with self._lock:
            return dict(sorted({**self._reached, **self._before}.items()))
