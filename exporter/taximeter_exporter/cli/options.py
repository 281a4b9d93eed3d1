"""Options that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

_Kind = TypeVar("_Kind", bound=StrEnum)


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config`."""
    parser.add_argument(
        "--config", type=Path, default=Path("taximeter.yaml"), metavar="FILE", help="default: taximeter.yaml"
    )


def add_web_config(parser: argparse.ArgumentParser) -> None:
    """`--web.config.file`, by the name that it has with Prometheus and its exporters."""
    parser.add_argument(
        "--web.config.file",
        dest="web_config",
        type=Path,
        metavar="FILE",
        help="Prometheus's web configuration file: TLS, basic authentication; default: neither",
    )


def add_format(parser: argparse.ArgumentParser, *formats: str) -> None:
    """`--format`; the first one is the default."""
    parser.add_argument("--format", choices=formats, default=formats[0], help=f"default: {formats[0]}")


def one_of(kind: type[_Kind]) -> Callable[[str], _Kind]:
    """An option's `type`: one of these names."""

    def read(text: str) -> _Kind:
        try:
            return kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is none of: {', '.join(kind)}") from error

    return read
