"""Whether a run may go on from a checkpoint: which settings may differ, and which make it another run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taximeter.training.checkpoint.error import CheckpointError
from taximeter.training.checkpoint.header import Header

MAY_DIFFER = frozenset(
    {
        # How long, for how much, and when.
        "epochs",
        "early_stopping",
        "target_accuracy",
        "price",
        "currency",
        "budget",
        "start",
        # Where things lie and how they come here; that the images are the same is for their fingerprint to say.
        "data_dir",
        "download",
        "workers",
        "resident",
        "output",
        # What is kept and shown.
        "save",
        "keep",
        "checkpoint_every",
        "resume",
        "profile_steps",
        # Another machine: the same numbers up to rounding.
        "device",
        "channels_last",
        "compile",
        "checkpointing",
        "deterministic",
    }
)
"""Settings that may be others than in the checkpoint. With other `epochs` the schedule runs to the new last one."""


def settings_as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name as JSON values, so that those of a checkpoint can be compared with those of now."""
    return {name: _as_json(value) for name, value in settings.items()}


def check_settings(path: Path, header: Header, settings: Mapping[str, Any]) -> None:
    """Compare all settings with the checkpoint's. Raises `CheckpointError` that names each that does not fit."""
    now = settings_as_json(settings)
    # A setting that one of the two versions does not know has nothing to be compared with.
    wrong = [
        f"{name} was {_shown(header.settings[name])} and is {_shown(value)} now"
        for name, value in now.items()
        if name not in MAY_DIFFER and name in header.settings and header.settings[name] != value
    ]
    if wrong:
        config = path.parents[1] / "config.yaml"
        raise CheckpointError(
            f"{path}: does not fit: {'; '.join(wrong)}; set it as it was (as --config {config} does), "
            "or begin a new run without --resume"
        )


def check_data(path: Path, header: Header, data: Mapping[str, Any]) -> None:
    """Compare the data set with the checkpoint's. Raises `CheckpointError`."""
    for field in ("dataset", "fingerprint"):
        if header.data.get(field) != data.get(field):
            raise CheckpointError(
                f"{path}: was trained on other data: {field} was {_shown(header.data.get(field))} and is "
                f"{_shown(data.get(field))} now; bring the data back, or begin a new run without --resume"
            )


def _as_json(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)
