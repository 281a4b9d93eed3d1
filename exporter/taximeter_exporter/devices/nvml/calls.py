"""One call of NVML to one GPU after another: what it answers, what it does not support, and what means trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pynvml

from taximeter_exporter.devices.reading import ReadError

_PASSING = frozenset({pynvml.NVML_ERROR_INSUFFICIENT_SIZE, pynvml.NVML_ERROR_NO_DATA})
"""Codes of a call that may answer next time."""

ONLY_THIS_CALL = _PASSING | {
    pynvml.NVML_ERROR_INVALID_ARGUMENT,
    pynvml.NVML_ERROR_NOT_SUPPORTED,
    pynvml.NVML_ERROR_NO_PERMISSION,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
    pynvml.NVML_ERROR_DEPRECATED,
}
"""Codes that say something of the call and nothing of the device. All others mean that the device is in trouble."""

_DEVICE_IS_GONE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_GPU_IS_LOST,
        pynvml.NVML_ERROR_RESET_REQUIRED,
    }
)
"""Codes that mean trouble even where the call asks for what is only good to know."""


class Known:
    """What is kept of a device from one reading to the next."""

    def __init__(self) -> None:
        self.unsupported: dict[tuple[object, ...], str] = {}
        """The calls that are not supported, and why; not made again until it is cleared."""
        self._refused: Counter[str] = Counter()
        self._shown: Mapping[str, int] = {}

    def refuse(self, reading: str) -> None:
        """Count a value that cannot be."""
        self._refused[reading] += 1
        self._shown = dict(self._refused)

    @property
    def refused(self) -> Mapping[str, int]:
        """How many values were refused so far, by the metric that they are of; never changed once handed out."""
        return self._shown


class Gpu:
    """Asks one GPU one thing after another, and keeps whether it answered at all."""

    def __init__(self, handle: Any, known: Known | None = None) -> None:
        self.handle = handle
        self.answered = False
        self.refused = ""
        self._known = known or Known()

    def ask(
        self,
        call: str,
        *arguments: object,
        varying: tuple[object, ...] = (),
        by: Callable[..., Any] | None = None,
        empty: frozenset[int] = frozenset(),
        trouble: Callable[[int], bool] = lambda code: code not in ONLY_THIS_CALL,
    ) -> Any:
        """The answer of a call, or `None` if this driver or GPU does not support it. Raises `ReadError`.

        `varying` are further arguments, which differ from time to time; `by` makes the call where that is not the
        binding's function of its name; `empty` are codes that say that there is nothing: the answer is then `()`.
        """
        key = (call, *arguments)
        why = self._known.unsupported.get(key)
        if why is not None:
            self.refused = self.refused or why
            return None
        try:
            # an older binding lacks the function as an older driver does
            function = by or getattr(pynvml, call, None)
            if function is None:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
            answer = function(self.handle, *arguments, *varying)
        except pynvml.NVMLError as error:
            if error.value in empty:
                self.answered = True
                return ()
            if trouble(error.value):
                raise ReadError(f"{call}: {error}") from error
            why = f"{call}: {error}"
            self.refused = self.refused or why
            if error.value not in _PASSING:
                self._known.unsupported[key] = why
            return None
        self.answered = True
        return answer

    def ask_besides(
        self,
        call: str,
        *arguments: object,
        varying: tuple[object, ...] = (),
        by: Callable[..., Any] | None = None,
        empty: frozenset[int] = frozenset(),
    ) -> Any:
        """The same for what is good to know besides: only a GPU or driver that is gone is trouble."""
        return self.ask(call, *arguments, varying=varying, by=by, empty=empty, trouble=_DEVICE_IS_GONE.__contains__)

    def give_up(self, call: str, why: str) -> None:
        """Do not make a call again that has answered that it is of no use; ask anew when all is asked anew."""
        self._known.unsupported[call,] = f"{call}: {why}"

    def possible(self, reading: str, value: int | None, within: range) -> int | None:
        """The value, or `None` if there is none or it cannot be, which is counted under the reading's name."""
        if value is None or value in within:
            return value
        self.refuse(reading)
        return None

    def refuse(self, reading: str) -> None:
        """Count a value that cannot be."""
        self._known.refuse(reading)

    def scaled(self, reading: str, value: int | None, within: range, *, per: int) -> float | None:
        """A possible value in a unit that is `per` of NVML's: milliwatts in watts, percent as a ratio."""
        value = self.possible(reading, value, within)
        return None if value is None else value / per


def text(value: str | bytes) -> str:
    """Older bindings answer bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
