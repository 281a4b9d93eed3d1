"""What the commands about a model that was trained have in common: which model, and who pays."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from taximeter.names import default_run
from taximeter.settings import Settings, resolve
from taximeter.training.config.schema import DeviceChoice, SaveConfig
from taximeter.usage import UsageError, named_as_option

if TYPE_CHECKING:
    from taximeter.training.checkpoint.model import TrainedModel


def add_model_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the options that name the model."""
    one = group.add_mutually_exclusive_group(required=True)
    one.add_argument("--run", metavar="RUN", help="the best checkpoint of this run")
    one.add_argument("--checkpoint", metavar="FILE", type=Path, help="this checkpoint")
    group.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=SaveConfig().output,
        help="where the folders of runs are (default: %(default)s)",
    )


def add_device_argument(group: argparse._ArgumentGroup) -> None:
    """Add the option that says where the model works."""
    group.add_argument(
        "--device", choices=get_args(DeviceChoice), default="auto", help="default: %(default)s, a GPU if usable"
    )


def add_payer_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who pays, and how much."""
    who = parser.add_argument_group("who pays")
    who.add_argument("--project", help="the project that pays (default: that of the run)")
    who.add_argument("--team", help="the team")
    who.add_argument("--user", help="the user")
    who.add_argument("--exporter", metavar="URL", help="the exporter (default: http://127.0.0.1:9877)")
    who.add_argument("--price", metavar="PER_HOUR", help="what an hour costs; then no exporter is asked")
    who.add_argument("--currency", help="of the price (default: USD)")


def load_trained(options: argparse.Namespace) -> TrainedModel:
    """The model that the options name. Raises `UsageError`."""
    from taximeter.training.assemble import choose_device  # noqa: PLC0415
    from taximeter.training.checkpoint.error import CheckpointError  # noqa: PLC0415
    from taximeter.training.checkpoint.model import checkpoint_of, load_model  # noqa: PLC0415
    from taximeter.training.config import ConfigError  # noqa: PLC0415

    try:
        device = choose_device(options.device)
        path = options.checkpoint or checkpoint_of(options.output, options.run)
        return load_model(path, device)
    except (CheckpointError, ConfigError) as wrong:
        raise UsageError(str(wrong)) from None


def settings_of(options: argparse.Namespace, model: TrainedModel, *, verb: str) -> Settings:
    """Of a run of its own, named for the command's verb and the run of the training. Raises `UsageError`."""
    try:
        return resolve(
            run=os.environ.get("TAXIMETER_RUN") or default_run(f"{verb}-{model.header.run}"),
            project=options.project or model.header.project,
            team=options.team,
            user=options.user,
            model=str(model.header.settings["model"]),
            dataset=model.data.dataset,
            exporter=options.exporter,
            price=options.price,
            currency=options.currency,
        )
    except ValueError as wrong:
        raise UsageError(named_as_option(str(wrong))) from None
