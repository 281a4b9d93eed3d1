"""`taximeter-exporter capture`: records what this machine's GPUs answer, without names or serials."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.devices.nvml import DriverAbsent
from taximeter_exporter.devices.nvml.asking import Asker
from taximeter_exporter.devices.nvml.capture import capture
from taximeter_exporter.devices.reading import ReadError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_PATIENCE_SECONDS = 60
"""So long the driver may take for all of its answers together."""

_EPILOG = """\
examples:
  taximeter-exporter capture                           seven samples in six seconds, into capture.json
  taximeter-exporter capture --output h200.json        into another file; one that is there is not replaced
  taximeter-exporter capture --samples 20              so that what is read every 15 seconds is there twice

What is in the file: every call that the exporter makes to the NVIDIA driver (NVML), with the values and error codes
that came back, the GPUs' model and the driver's version. What is not: UUIDs, serial numbers, addresses on the bus, the
names of host and processes, PIDs. UUIDs and PIDs are replaced by others, the same for the same. It is plain JSON, one
call a line: read it before you give it away. It changes nothing, and needs no root.

With such a file a GPU that its developers do not have can be put right: the tests answer every call as it did, and
compare what the exporter says of it (tests/captures).

exit status: 0 written, 2 there is no driver, it does not answer, or the file cannot be written
"""


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "capture",
        help="record what the GPUs answer, without names or serials",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--output", type=Path, default=Path("capture.json"), metavar="FILE", help="default: capture.json"
    )
    parser.add_argument(
        "--samples", type=int, default=7, metavar="N", help="how many, one a second, 2 to 600; default: 7"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the file. Raises `ConfigError`."""
    if not 2 <= args.samples <= 600:
        raise ConfigError("--samples", "", f"{args.samples} is not a number from 2 to 600")
    try:
        with args.output.open("x", encoding="utf-8") as file:
            try:
                # in a thread of its own: Ctrl-C ends it also while a call hangs
                found = Asker[str, Mapping[str, Any]](patience_seconds=args.samples + _PATIENCE_SECONDS).ask_one(
                    "capture", partial(capture, samples=args.samples, wait=_wait, monotonic_ns=time.monotonic_ns)
                )
                file.write(to_text(found))
            except BaseException:
                args.output.unlink()
                raise
    except FileExistsError as error:
        raise ConfigError("--output", str(args.output), "is there already; name another file") from error
    except OSError as error:
        raise ConfigError("--output", str(args.output), f"cannot be written ({error.strerror})") from error
    except DriverAbsent as error:
        raise ConfigError("capture", "", f"there is no NVIDIA driver to record: {error}") from error
    except ReadError as error:
        raise ConfigError("capture", "", str(error)) from error
    calls = sum("call" in call for call in found["calls"])
    print(f"{args.output}: {calls} calls in {args.samples} samples; read it before you give it away")
    return 0


def _wait() -> None:
    time.sleep(1)


def to_text(found: Mapping[str, Any]) -> str:
    """JSON with one call a line."""
    head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items() if key != "calls")
    calls = ",\n".join(json.dumps(call) for call in found["calls"])
    return f'{{\n{head},\n"calls": [\n{calls}\n]\n}}\n'
