"""A configuration as a YAML file: the groups are its sections, the settings their keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taximeter.training.config.error import ConfigError
from taximeter.training.config.schema import GROUPS, SECTION_OF, TrainConfig
from taximeter.training.config.values import Plain, did_you_mean, forms, plain

if TYPE_CHECKING:
    import yaml

_NO_VALUE = ("", "~", "null")


def to_plain(config: TrainConfig) -> dict[str, dict[str, Plain]]:
    """The whole configuration by section, as YAML or JSON hold it."""
    values = config.settings()
    return {
        section: {name: plain(values[name]) for name, its in SECTION_OF.items() if its == section} for section in GROUPS
    }


def dump(config: TrainConfig) -> str:
    """The whole configuration as YAML, which `load` reads as an equal one."""
    import yaml  # noqa: PLC0415 (--help must do without)

    text: str = yaml.safe_dump(to_plain(config), sort_keys=False, width=1000)
    return text


def from_plain(sections: Mapping[str, Mapping[str, Plain]]) -> TrainConfig:
    """The configuration that `to_plain` gave; what is missing has its default. Raises `ConfigError`."""
    settings: dict[str, Any] = {}
    for section, values in sections.items():
        for name, value in values.items():
            if SECTION_OF.get(name) != section:
                raise ConfigError(f"{section}.{name}", "there is no such setting", file="the stored configuration")
            settings[name] = None if value is None else forms()[name].read(str(value))
    return TrainConfig.of(**settings)


def load(path: Path) -> TrainConfig:
    """The configuration that a file describes; what it leaves out has its default. Raises `ConfigError`."""
    return assemble(path, {})


def assemble(path: Path | None, given: dict[str, Any]) -> TrainConfig:
    """A configuration from a file, if there is one, and of settings given otherwise, which beat it.

    Raises `ConfigError`, which names the file where the value at fault came from it.
    """
    from_file = {} if path is None else read(path)
    try:
        return TrainConfig.of(**{**from_file, **given})
    except ConfigError as wrong:
        if wrong.field not in from_file or wrong.field in given:
            raise
        where = f"{SECTION_OF[wrong.field]}.{wrong.field}"
        raise ConfigError(where, wrong.remedy, file=str(path)) from None


def read(path: Path) -> dict[str, Any]:
    """The settings that a file names, by name. Raises `ConfigError` for one that there is not, or cannot be read."""
    settings: dict[str, Any] = {}
    for section, keys in _mapping(_compose(path), path, "").items():
        if section not in GROUPS:
            raise ConfigError(section, _no_section(section), file=str(path))
        if _is_empty(keys):
            continue
        for name, value in _mapping(keys, path, section).items():
            where = f"{section}.{name}"
            if SECTION_OF.get(name) != section:
                raise ConfigError(where, _no_setting(section, name), file=str(path))
            settings[name] = _value(value, path, where, name)
    return settings


def _value(node: yaml.Node, path: Path, where: str, name: str) -> Any:
    if not isinstance(node.value, str):
        raise ConfigError(where, "takes one value, not a list or a section", file=str(path))
    form = forms()[name]
    if form.optional and _is_empty(node):
        return None
    try:
        return form.read(node.value)
    except ValueError as wrong:
        raise ConfigError(where, str(wrong), file=str(path)) from None


def _compose(path: Path) -> yaml.Node | None:
    """The file's one document, every value as it is written: what `yes` or `3e-3` means is the setting's to say."""
    try:
        import yaml  # noqa: PLC0415 (--help must do without)
    except ModuleNotFoundError:
        raise ConfigError("config", "to read YAML needs pyyaml: pip install './trainer[trainer]'") from None
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as wrong:
        raise ConfigError("config", f"{path} cannot be read: {wrong.strerror or wrong}") from None
    except UnicodeDecodeError as wrong:
        raise ConfigError("config", f"{path} is not UTF-8 text (byte {wrong.start})") from None
    try:
        document: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        line = "" if mark is None else f"line {mark.line + 1}"
        raise ConfigError(line or "YAML", f"is not YAML: {wrong.problem or wrong.context}", file=str(path)) from None
    except yaml.YAMLError as wrong:
        raise ConfigError("YAML", f"is not YAML: {' '.join(str(wrong).split())}", file=str(path)) from None
    return document


def _mapping(node: yaml.Node | None, path: Path, where: str) -> dict[str, yaml.Node]:
    if node is None:
        return {}
    if getattr(node, "id", None) != "mapping":
        wanted = (
            "sections with settings, as  loop: {epochs: 3}" if not where else f"settings, as  {where}: {{KEY: VALUE}}"
        )
        raise ConfigError(where or "line 1", f"there must be {wanted}", file=str(path))
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        line = f"line {key.start_mark.line + 1}"
        if not isinstance(key.value, str):
            raise ConfigError(line, "the key is not a word", file=str(path))
        if key.value in found:
            raise ConfigError(line, f"{key.value} is there twice; keep one of them", file=str(path))
        found[key.value] = value
    return found


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node.value, str) and getattr(node, "style", None) is None and node.value.lower() in _NO_VALUE


def _no_section(section: str) -> str:
    if section in SECTION_OF:
        return f"belongs into the section {SECTION_OF[section]}:  {SECTION_OF[section]}: {{{section}: …}}"
    return f"there is no such section{did_you_mean(section, GROUPS)} (sections: {', '.join(GROUPS)})"


def _no_setting(section: str, name: str) -> str:
    if name in SECTION_OF:
        return f"belongs into the section {SECTION_OF[name]}"
    here = [each for each, its in SECTION_OF.items() if its == section]
    if name.replace("-", "_") in here:
        return f"is written {name.replace('-', '_')} here"
    near = did_you_mean(name, here) or did_you_mean(name, SECTION_OF)
    return f"there is no such setting{near}"
