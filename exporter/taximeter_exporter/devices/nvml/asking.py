"""Asks what may never answer, and stops waiting for it: nobody can end a call that hangs in the driver."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from taximeter_exporter.devices.reading import ReadError

_Key = TypeVar("_Key", bound=Hashable)
_Answer = TypeVar("_Answer")

_STAND_BY = 30
"""After such a part of the patience without an answer another thread goes on with what has not been asked.

So often, too, the main thread looks up from its waiting: the kernel may have interrupted another one for a signal.
"""


class Asker(Generic[_Key, _Answer]):
    """Asks one question after another, in a thread of its own. For one caller at a time.

    A thread whose question is never answered is left behind, and ends with the program.
    """

    def __init__(self, *, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._changed = threading.Condition()
        self._under_way: set[_Key] = set()
        """What was asked, in whichever round, and has not been answered."""

    def ask(self, questions: Mapping[_Key, Callable[[], _Answer]]) -> Mapping[_Key, _Answer | Exception]:
        """The answers, and what was raised instead. What is missing from them has not been answered.

        That is given up once nothing else has been answered for as long as there is patience, and asked again only when
        the call has returned.
        """
        answers: dict[_Key, _Answer | Exception] = {}
        with self._changed:
            due = deque(key for key in questions if key not in self._under_way)
            wanted, silent = len(due), 0
            while len(answers) < wanted and silent < _STAND_BY:
                if due and (silent or not answers):
                    thread = threading.Thread(
                        target=self._work, args=(questions, due, answers), name="ask the driver", daemon=True
                    )
                    thread.start()
                silent = 0 if self._changed.wait(self._patience_seconds / _STAND_BY) else silent + 1
            due.clear()
            return dict(answers)

    def ask_one(self, key: _Key, question: Callable[[], _Answer]) -> _Answer:
        """The one answer. Raises what was raised instead, and `ReadError` if there is none."""
        answer = self.ask({key: question}).get(key)
        if answer is None:
            raise ReadError(
                f"the NVIDIA driver has not answered within {self._patience_seconds:g} s: a call to it hangs; see"
                " whether `nvidia-smi` answers, and load the driver anew or reboot"
            )
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _work(
        self,
        questions: Mapping[_Key, Callable[[], _Answer]],
        due: deque[_Key],
        answers: dict[_Key, _Answer | Exception],
    ) -> None:
        while True:
            with self._changed:
                if not due:
                    return
                key = due.popleft()
                self._under_way.add(key)
            try:
                answer: _Answer | Exception = questions[key]()
            except Exception as error:
                answer = error
            with self._changed:
                self._under_way.remove(key)
                answers[key] = answer
                self._changed.notify_all()
