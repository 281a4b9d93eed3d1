"""One call of NVML to one GPU after another: what it answers, what it does not support, and what means trouble."""

from __future__ import annotations

from typing import Any

import pynvml

from taximeter_exporter.devices.reading import ReadError

ONLY_THIS_CALL = frozenset(
    {
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_INSUFFICIENT_SIZE,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_NO_DATA,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    }
)
"""Codes that say something of the call and nothing of the device. All others mean that the device is in trouble."""


class Gpu:
    """Asks one GPU one thing after another, and keeps whether it answered at all."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.answered = False
        self.refused = ""

    def ask(self, call: str, *arguments: object, empty: frozenset[int] = frozenset()) -> Any:
        """The answer of a call, or `None` if this driver or GPU does not support it. Raises `ReadError`.

        `empty` are codes that say that there is nothing: the answer is then `()`.
        """
        try:
            # an older binding lacks the function as an older driver does
            function = getattr(pynvml, call, None)
            if function is None:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
            answer = function(self._handle, *arguments)
        except pynvml.NVMLError as error:
            if error.value in empty:
                self.answered = True
                return ()
            if error.value not in ONLY_THIS_CALL:
                raise ReadError(f"{call}: {error}") from error
            self.refused = self.refused or f"{call}: {error}"
            return None
        self.answered = True
        return answer


def text(value: str | bytes) -> str:
    """Older bindings answer bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
