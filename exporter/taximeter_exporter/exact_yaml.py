"""YAML in which a number stays exactly what was typed, and a key written twice is a mistake."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml


class YamlError(ValueError):
    """A file that cannot be read. `line` says where, if that is known: `line 3`."""

    def __init__(self, line: str, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    """Exact and strict."""


def _exact_number(loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    text = str(loader.construct_scalar(node)).replace("_", "").lower()
    return Decimal(text.replace(".inf", "inf").replace(".nan", "nan"))


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[object] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} is not a word; put it in quotes", key_node.start_mark
            )
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"{key!r} is there twice; keep one of them", key_node.start_mark
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:float", _exact_number)
_Loader.add_constructor("tag:yaml.org,2002:map", _unique_mapping)


def read(path: Path) -> list[Any]:
    """The documents of a file. Raises `YamlError`, and `OSError` if it cannot be read at all."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise YamlError("", f"is not UTF-8 text (byte {error.start})") from error
    return parse(text)


def parse(text: str) -> list[Any]:
    """The documents of a text. Raises `YamlError`."""
    try:
        return list(yaml.load_all(text, _Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}" if mark else ""
        raise YamlError(line, f"is not YAML that can be read: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, ArithmeticError) as error:
        raise YamlError("", f"is not YAML that can be read: {error}") from error
