"""How a setting's value is written, on the command line as in the file, and read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from taximeter.training.config.schema import GROUPS

Plain = str | int | float | bool | None
"""What a YAML or JSON file can hold."""

_YES = ("yes", "true", "on")
_NO = ("no", "false", "off")
_WHOLE = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a setting takes."""

    kinds: tuple[type, ...]
    """Of bool, int, float, Decimal, str and Path; at most one."""
    words: tuple[str, ...]
    """Values that are taken literally."""
    optional: bool
    """Whether it may be without a value."""

    @property
    def is_switch(self) -> bool:
        """Whether it is either on or off."""
        return bool in self.kinds

    def read(self, text: str) -> Any:
        """The value that a text means. Raises `ValueError` that says what would be right."""
        if text in self.words:
            return text
        for kind in self.kinds:
            return _READ[kind](text) if not self.words else self._read_besides_words(kind, text)
        raise ValueError(f"{text!r} is none of {', '.join(self.words)}{did_you_mean(text, self.words)}")

    def _read_besides_words(self, kind: type, text: str) -> Any:
        try:
            return _READ[kind](text)
        except ValueError as wrong:
            raise ValueError(f"{wrong}, nor {' or '.join(self.words)}") from None


def did_you_mean(text: str, known: Iterable[str], *, prefix: str = "") -> str:
    """`; did you mean …?` if something that is known is near to it, else nothing. `prefix` goes before the answer."""
    near = difflib.get_close_matches(text, list(known), n=1, cutoff=0.7)
    return f"; did you mean {prefix}{near[0]}?" if near else ""


def plain(value: Any) -> Plain:
    """A setting's value as a file holds it, so that `Form.read` gives the same again."""
    match value:
        case Path():
            text = str(value)
            return f"./{text}" if text.startswith("~") else text
        case Decimal():
            return str(value)
        case None | str() | bool() | int() | float():
            return value
    raise TypeError(f"no setting is a {type(value).__name__}")


@cache
def forms() -> MappingProxyType[str, Form]:
    """What each setting takes, by its name; made of the schema's annotations."""
    return MappingProxyType(
        {
            each.name: _form(hints[each.name])
            for group in GROUPS.values()
            for hints in [get_type_hints(group)]
            for each in fields(group)
        }
    )


def _form(annotation: Any) -> Form:
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return Form(
        kinds=tuple(part for part in parts if part in _READ),
        words=tuple(word for part in parts if get_origin(part) is Literal for word in get_args(part)),
        optional=NoneType in parts,
    )


def _read_bool(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in _YES


def _read_int(text: str) -> int:
    if _WHOLE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _read_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


def _read_decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount, as 2.50") from None


def _read_path(text: str) -> Path:
    if not text:
        raise ValueError("the path is empty")
    if "\0" in text:
        raise ValueError(f"{text!r} is not a path")
    return Path(text).expanduser() if text == "~" or text.startswith("~/") else Path(text)


_READ: MappingProxyType[type, Callable[[str], Any]] = MappingProxyType(
    {bool: _read_bool, int: _read_int, float: _read_float, Decimal: _read_decimal, Path: _read_path, str: str}
)
