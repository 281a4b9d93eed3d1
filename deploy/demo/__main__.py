"""The command line of the demo. Exit status: 0 as it should be, 1 not so, 2 bad input, 130 interrupted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from taximeter_exporter.devices.reading import ReadError

from demo.binaries import REMEDY, ToolsMissing
from demo.checks import CheckFailed
from demo.configs import REPOSITORY, ConfigRefused
from demo.folder import FolderRefused, fresh_folder
from demo.interrupts import Interrupted, Interrupts, TookTooLong
from demo.processes import EndedEarly, Processes
from demo.show import say
from demo.tour import Options, Tour
from demo.web import NoAnswer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; whatever happens, everything that it started has ended when this returns."""
    asked = _parser().parse_args(arguments)
    options = Options(folder=asked.folder.resolve(), simulate=asked.simulate, epochs=asked.epochs, stay=not asked.exit)
    with Interrupts() as interrupts:
        try:
            with fresh_folder(options.folder), Processes() as processes:
                try:
                    Tour(options, processes, interrupts).go()
                except Interrupted:
                    say("Stopping …")
                    raise
        except Interrupted:
            say("Stopped: everything that was started here has ended.")
            return 130
        except EndedEarly as error:
            say(error.tail)
            say(f"demo: {error}")
            return 1
        except (CheckFailed, NoAnswer, TookTooLong) as error:
            say(f"demo: {error}")
            return 1
        except ToolsMissing as error:
            say(REMEDY)
            say(f"demo: {error}")
            return 2
        except (ConfigRefused, FolderRefused, ReadError) as error:
            say(f"demo: {error}")
            return 2
    say("All of it as it should be.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make demo",
        description="The whole stack on this machine, without Docker and without root, at a made-up price.",
    )
    parser.add_argument(
        "--exit", action="store_true", help="end after the checks, with status 0 only if all of them hold"
    )
    parser.add_argument("--simulate", action="store_true", help="meter simulated GPUs; everything says that they are")
    parser.add_argument("--epochs", type=_epochs, help="how long to train (the trainer's own number if not given)")
    parser.add_argument(
        "--folder", type=Path, default=REPOSITORY / ".demo", help="where it keeps data and logs, anew each time"
    )
    return parser


def _epochs(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of epochs: 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
