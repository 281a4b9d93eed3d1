"""The settings as options of a command, made of the schema."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from taximeter.training.config.file import assemble
from taximeter.training.config.files import check_files
from taximeter.training.config.schema import GROUPS, SECTION_OF, TrainConfig
from taximeter.training.config.values import Form, did_you_mean, forms

CONFIG_HELP = (
    "settings from a YAML file, in sections (data, augment, model, optim, loop, save, money, profile) by the names of "
    "the options below with _ for -; options beat the file"
)


def add_arguments(parser: argparse.ArgumentParser, *, without: Iterable[str] = ()) -> None:
    """Add `--config` and an option for each setting, in groups; `without` are names of settings to leave out."""
    left_out = set(without)
    parser.add_argument("--config", type=Path, metavar="FILE", help=CONFIG_HELP)
    for group in GROUPS.values():
        options = parser.add_argument_group(group.title)
        for each in fields(group):
            if each.name not in left_out:
                _add(options, each.name, each.metadata["help"], each.metadata["metavar"], each.default)


def from_arguments(arguments: argparse.Namespace) -> TrainConfig:
    """The configuration from `--config` and from the options that were given, and whether its files are there.

    Raises `ConfigError`, which names the file or the option at fault.
    """
    given = {name: getattr(arguments, name) for name in SECTION_OF if hasattr(arguments, name)}
    config = assemble(arguments.config, given)
    check_files(config)
    return config


def nearest(unknown: str, parser: argparse.ArgumentParser) -> str:
    """`; did you mean --…?` for an option that the parser does not have, else nothing."""
    known = [option[2:] for option in parser._option_string_actions if option.startswith("--")]
    return did_you_mean(unknown.removeprefix("--"), known, prefix="--")


def _add(group: argparse._ArgumentGroup, name: str, explanation: str, metavar: str | None, default: object) -> None:
    form = forms()[name]
    # Where nothing is the default, the text says what that means, or the group's title.
    said = explanation if default is None or "default" in explanation else f"{explanation} (default: {_show(default)})"
    flag = f"--{name.replace('_', '-')}"
    text = said.replace("%", "%%")
    if form.is_switch:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
        return
    if metavar is None and form.words and not form.kinds:
        metavar = "{" + ",".join(form.words) + "}"
    group.add_argument(flag, type=_reader(form), default=argparse.SUPPRESS, metavar=metavar, help=text)


def _reader(form: Form) -> Callable[[str], Any]:
    takes_none = form.optional and not {str, Path}.intersection(form.kinds)

    def read(text: str) -> Any:
        if takes_none and text == "none":  # takes back what the file says
            return None
        try:
            return form.read(text)
        except ValueError as wrong:
            raise argparse.ArgumentTypeError(str(wrong)) from None

    return read


def _show(default: object) -> str:
    return ("yes" if default else "no") if isinstance(default, bool) else str(default)
