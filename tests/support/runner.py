"""Starts `taximeter train` in processes that may be killed, and hears what they do."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
SECONDS = 240
"""Until something that is waited for must have happened."""


class Runner:
    """Starts runs and kills them."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "runs"
        self._said = folder / "said.txt"
        environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        reading, self._writing = os.pipe()
        self._events = os.fdopen(reading, "rb", buffering=0)
        self._program = subprocess.Popen(
            [sys.executable, "-m", "support.killable", str(self._writing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._writing],
            text=True,
            env={**environ, "PYTHONPATH": str(TESTS)},
        )

    def start(self, *options: str, **here: Any) -> int:
        """Begin a run; the number of its process. `here` is what `killable.carry_out` takes besides."""
        assert self._program.stdin is not None
        self._said.write_text("")
        arguments = ["train", "--metrics-listen", "127.0.0.1:0", "--output", str(self.output), *options]
        task = {"arguments": arguments, "said": str(self._said), **here}
        self._program.stdin.write(json.dumps(task) + "\n")
        self._program.stdin.flush()
        return self._answer()

    def done(self, count: int) -> None:
        """Wait until so many steps, evaluations and checkpoints more have been done."""
        for _ in range(count):
            assert select.select([self._events], [], [], SECONDS)[0], self.said
            assert self._events.read(1) == b"."

    def status(self) -> int:
        """The exit status, once it has ended."""
        status = self._answer()
        while select.select([self._events], [], [], 0)[0]:
            self._events.read(4096)
        return status

    @property
    def said(self) -> str:
        """What the last run wrote."""
        return self._said.read_text()

    @property
    def bill(self) -> dict[str, Any]:
        """The last run's."""
        text = self.said
        bill: dict[str, Any] = json.JSONDecoder().raw_decode(text, text.index("{"))[0]
        return bill

    def close(self) -> None:
        """End the program."""
        self._program.kill()
        self._program.communicate()
        self._events.close()
        os.close(self._writing)

    def _answer(self) -> int:
        assert self._program.stdout is not None
        assert select.select([self._program.stdout], [], [], SECONDS)[0], self.said
        return int(self._program.stdout.readline())
