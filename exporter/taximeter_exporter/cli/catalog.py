"""What the commands on prices share: which prices there are, and the names that are typed."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import load
from taximeter_exporter.pricing.catalog_file import aged, shipped
from taximeter_exporter.pricing.gpus import Gpu, find_gpu, known_gpus
from taximeter_exporter.pricing.price import Price
from taximeter_exporter.pricing.quote import hint

_MAX_AGE = timedelta(days=180)


def add_prices_of(parser: argparse.ArgumentParser) -> None:
    """`--config`, without which the shipped catalog is all there is."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="with the prices, discounts and catalog of this configuration; default: the shipped catalog alone",
    )


def prices_of(config: Path | None) -> tuple[Price, ...]:
    """Of a configuration, or of the shipped catalog alone. Raises `ConfigError`."""
    return aged(shipped().prices, _MAX_AGE) if config is None else load(config, os.environ).book.prices()


def gpu_named(name: str) -> Gpu:
    """The GPU that was typed. Raises `ConfigError`."""
    gpu = find_gpu(name)
    if gpu is None:
        models = [known.model for known in known_gpus()]
        raise ConfigError("--gpu", "", f"{name!r} is not a known GPU; there are: {', '.join(models)}")
    return gpu


def must_be_known(option: str, wanted: str | None, known: Iterable[str]) -> None:
    """Raises `ConfigError` for a name that no price has."""
    names = set(known)
    if wanted is not None and wanted not in names:
        raise ConfigError(option, "", f"no price is for {wanted!r} ({hint(wanted, names)})")


def positive(text: str) -> Decimal:
    """A number above 0, for an option."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not value.is_finite() or not 0 < value < 10**9:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0 (and below a billion)")
    return value


def count(text: str) -> int:
    """A whole number from 1 on, for an option."""
    value = positive(text)
    if value != value.to_integral_value():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(value)
