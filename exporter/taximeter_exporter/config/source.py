"""Reads the configuration file and the environment into one structure of the schema's shape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from taximeter_exporter import exact_yaml
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.schema import ConfigFile, HostSection
from taximeter_exporter.validation import explain

_ENV_FIELDS = {
    "TAXIMETER_HOST": "host",
    **{
        f"TAXIMETER_{name.upper()}": name
        for name in (
            *("listen", "sample_interval", "ledger", "gap_policy", "split_policy"),
            *("devices", "process_metrics", "dcgm_metrics", "write_token_file"),
        )
    },
    **{f"TAXIMETER_HOST_{name.upper()}": f"host.{name}" for name in HostSection.__struct_fields__},
}
_FLAGS = frozenset({"process_metrics"})
_WORDS = {"true": True, "false": False}
"""A flag in the environment, as it would be in the file."""


def read(path: Path, environ: Mapping[str, str]) -> tuple[ConfigFile, Mapping[str, str]]:
    """The configuration as written, and for each field that the environment overrides the variable's name.

    Raises `ConfigError`.
    """
    raw = _read_yaml(path)
    overridden: dict[str, str] = {}
    for variable, field in _ENV_FIELDS.items():
        if variable in environ:
            overridden[field] = variable
            if field.startswith("host.") and raw.get("host") == "auto":
                raise ConfigError(
                    f"environment variable {variable}", field, "cannot be set beside host: auto; keep one of the two"
                )
            value = environ[variable]
            _put(raw, field, _WORDS.get(value, value) if field in _FLAGS else value)
    try:
        return msgspec.convert(raw, ConfigFile), overridden
    except msgspec.ValidationError as error:
        field, message = explain(error, ConfigFile)
        where = f"environment variable {overridden[field]}" if field in overridden else str(path)
        raise ConfigError(where, field, message) from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        documents = exact_yaml.read(path)
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read ({error.strerror}); name a file with --config") from error
    except exact_yaml.YamlError as error:
        raise ConfigError(str(path), error.line, str(error)) from error
    if len(documents) > 1:
        raise ConfigError(str(path), "", "has several documents, separated by ---; keep one of them")
    if not documents or not isinstance(documents[0], dict):
        raise ConfigError(str(path), "", "has no fields; it needs at least `host`")
    return documents[0]


def _put(raw: dict[str, Any], field: str, value: str | bool) -> None:
    *sections, name = field.split(".")
    for section in sections:
        found = raw.setdefault(section, {})
        if not isinstance(found, dict):
            return  # the file's own mistake, which validation names
        raw = found
    raw[name] = value
