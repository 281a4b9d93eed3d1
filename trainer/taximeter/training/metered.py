"""The meter of a training, as the commands that train make it: what is wrong is said by the name of the option."""

from __future__ import annotations

import argparse
from typing import Any

from taximeter.meter import Meter
from taximeter.settings import METRICS_HOST, METRICS_PORT
from taximeter.training.config.schema import MoneyConfig, TrainConfig
from taximeter.usage import UsageError, named_as_option


def money_of(config: TrainConfig) -> dict[str, Any]:
    """What the meter is given of the configuration's money."""
    money = config.money
    currency = None if money.currency == MoneyConfig().currency else money.currency  # else the environment may say
    return {"price": money.price, "currency": currency, "budget": money.budget}


def open_meter(
    options: argparse.Namespace, config: TrainConfig, *, project: str | None, run: str, listen: str | None, **more: Any
) -> Meter:
    """Begin to meter a run; `more` are further arguments of `Meter`. Raises `UsageError`."""
    try:
        return Meter(
            project,
            run=run,
            team=options.team,
            user=options.user,
            model=config.model.model,
            dataset=config.data.dataset,
            exporter=options.exporter,
            listen=listen,
            strict=True,
            **money_of(config),
            **more,
        )
    except ValueError as wrong:
        raise UsageError(named_as_option(str(wrong))) from None
    except OSError as wrong:
        where = listen or f"{METRICS_HOST}:{METRICS_PORT}"
        reason = wrong.strerror or wrong
        raise UsageError(f"--metrics-listen: cannot listen on {where} ({reason}); name another host:port") from None
