"""Reads the configuration file and the environment into one structure of the schema's shape."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import yaml

from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.schema import ConfigFile, HostSection
from taximeter_exporter.validation import explain

_ENV_FIELDS = {
    **{f"TAXIMETER_{name.upper()}": name for name in ("listen", "sample_interval", "ledger", "gap_policy", "devices")},
    **{f"TAXIMETER_HOST_{name.upper()}": f"host.{name}" for name in HostSection.__struct_fields__},
}


class _Loader(yaml.SafeLoader):
    """YAML in which a number stays exactly what was typed, and a key written twice is a mistake."""


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


def read(path: Path, environ: Mapping[str, str]) -> tuple[ConfigFile, Mapping[str, str]]:
    """The configuration as written, and for each field that the environment overrides the variable's name.

    Raises `ConfigError`.
    """
    raw = _read_yaml(path)
    overridden: dict[str, str] = {}
    for variable, field in _ENV_FIELDS.items():
        if variable in environ:
            overridden[field] = variable
            _put(raw, field, environ[variable])
    try:
        return msgspec.convert(raw, ConfigFile), overridden
    except msgspec.ValidationError as error:
        field, message = explain(error, ConfigFile)
        where = f"environment variable {overridden[field]}" if field in overridden else str(path)
        raise ConfigError(where, field, message) from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read ({error.strerror}); name a file with --config") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "", f"is not UTF-8 text (byte {error.start})") from error
    try:
        raw = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}" if mark else ""
        raise ConfigError(str(path), line, f"is not YAML that can be read: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, ArithmeticError) as error:
        raise ConfigError(str(path), "", f"is not YAML that can be read: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(str(path), "", "has no fields; it needs at least `host` and `prices`")
    return raw


def _put(raw: dict[str, Any], field: str, value: str) -> None:
    *sections, name = field.split(".")
    for section in sections:
        found = raw.setdefault(section, {})
        if not isinstance(found, dict):
            return  # the file's own mistake, which validation names
        raw = found
    raw[name] = value
