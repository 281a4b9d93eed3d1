"""The series of promtool's rule tests: names, labels and values in its notation.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SERIES = re.compile(r"\s*([a-zA-Z_:][\w:]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)
_LABEL = re.compile(r"""\s*(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*(?:,|$)""")
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_RUN = re.compile(rf"({_NUMBER})(?:([-+]{_NUMBER.removeprefix('[-+]?')}))?x(\d+)")
_ABSENT = re.compile(r"_(?:x(\d+))?")
_DURATION = re.compile(r"(\d+)(ms|[smhdw])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class NotationError(Exception):
    """Text that is not in promtool's notation. Says what."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series whose first value is at second 0 of its test; `None`: no sample there, or stale."""

    name: str
    labels: Mapping[str, str]
    values: tuple[float | None, ...]
    interval: float

    @property
    def is_moment(self) -> bool:
        """Whether its values are moments, which lie elsewhere when the test is moved in time."""
        return self.name.endswith(("_timestamp_seconds", "_time_seconds"))

    @property
    def is_counter(self) -> bool:
        """Whether it goes up between two samples, rather than jump."""
        return self.name.endswith("_total")

    def at(self, second: float) -> float | None:
        """The value of the newest sample at or before a second; `None` if that one is absent, or there is none."""
        return self._value(int(second // self.interval))

    def slope(self, second: float) -> float:
        """By how much it rises each second from there on: a counter, or what has just risen as much."""
        index = int(second // self.interval)
        before, now, then = (self._value(at) for at in (index - 1, index, index + 1))
        if now is None or then is None:
            return 0.0
        steady = before is not None and math.isclose(then - now, now - before)
        return max(0.0, then - now) / self.interval if self.is_counter or steady else 0.0

    def selector(self) -> str:
        """As it is written in an exposition."""
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(self.labels.items()))
        return f"{self.name}{{{labels}}}"

    def _value(self, index: int) -> float | None:
        return self.values[index] if 0 <= index < len(self.values) else None


def parse_series(text: str, values: str, interval: float) -> Series:
    """A series of a test. Raises `NotationError`."""
    found = _SERIES.fullmatch(text)
    if found is None:
        raise NotationError(f"{text!r} is not a series")
    return Series(found[1], dict(_labels(found[2] or "")), tuple(_values(values)), interval)


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `2h30m`. Raises `NotationError`."""
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text or not text:
        raise NotationError(f"{text!r} is not a duration")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def _labels(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while text[position:].strip():
        found = _LABEL.match(text, position)
        if found is None:
            raise NotationError(f"{text[position:]!r} is not a label")
        yield found[1], re.sub(r"\\(.)", r"\1", found[2] if found[2] is not None else found[3])
        position = found.end()


def _values(text: str) -> Iterator[float | None]:
    for word in text.split():
        if word == "stale":
            yield None
        elif absent := _ABSENT.fullmatch(word):
            yield from [None] * int(absent[1] or 1)
        elif run := _RUN.fullmatch(word):
            # `1x3` and `1+2x3` are a value and three more.
            yield from (float(run[1]) + float(run[2] or 0) * more for more in range(int(run[3]) + 1))
        elif re.fullmatch(_NUMBER, word):
            yield float(word)
        else:
            raise NotationError(f"{word!r} is not a value")


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
