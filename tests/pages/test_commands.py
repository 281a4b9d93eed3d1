"""What Markdown files tell people to type is accepted by the programs that it is for."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import demo.__main__
import fire.__main__
import pytest
import taximeter.cli
import taximeter_exporter.cli
from pages.commands import Command, commands
from pages.markdown import REPOSITORY, code

Outcome = tuple[int, str]
"""Exit status, and what was said."""

OF_OTHERS = {
    "--gpu-reset": "nvidia-smi",
    "--power-limit": "nvidia-smi",
    "--http-put-response-hop-limit": "aws",
    "--rules.alert.for-grace-period": "prometheus",
    "--rules.alert.resend-delay": "prometheus",
    "--unit": "journalctl",
}
"""Options that stand alone in a sentence and belong to programs that are not of this repository."""


def script(path: str) -> Callable[[Sequence[str]], Outcome]:
    def run(words: Sequence[str]) -> Outcome:
        done = subprocess.run([sys.executable, REPOSITORY / path, *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def within(main: Callable[[Sequence[str]], int]) -> Callable[[Sequence[str]], Outcome]:
    def run(words: Sequence[str]) -> Outcome:
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            try:
                status: int | str | None = main(words)
            except SystemExit as end:
                status = end.code
        assert isinstance(status, int)
        return status, said.getvalue()

    return run


PROGRAMS = {
    "taximeter": within(taximeter.cli.main),
    "taximeter-exporter": within(taximeter_exporter.cli.main),
    "make demo": within(demo.__main__.main),
    "make fire": within(fire.__main__.main),
    "make test-alert": script("alertmanager/try_receivers.py"),
    "alertmanager/configure.py": script("alertmanager/configure.py"),
}
TARGETS = set(re.findall(r"^\.PHONY: (\S+)$", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def who_and_what(words: Sequence[str]) -> tuple[str, list[str]]:
    """The program, and the words that it gets; for `make` the target, with what its recipe hands on."""
    program, *rest = words
    if program == "make":
        target = rest[0] if rest else "help"
        given = dict(word.partition("=")[::2] for word in rest[1:])
        return f"make {target}", [each for name in ("ALERT", "ARGS") for each in shlex.split(given.get(name, ""))]
    if program == "torchrun":
        rest = [word for word in rest[rest.index("-m") + 1 :] if word != "--"]
    if program in {"torchrun", "python3"}:
        program, *rest = rest
    return program, rest


def accepts(words: Sequence[str]) -> str:
    """What is wrong with a command, empty if nothing is: every option and value is looked at, and then help printed."""
    program, rest = who_and_what(words)
    if program not in PROGRAMS:
        return "" if program.removeprefix("make ") in TARGETS and not rest else f"{program}: not known here"
    its = rest[: rest.index("--")] if "--" in rest else rest
    left_out = any("…" in word for word in its)
    status, said = PROGRAMS[program]([*(its[:1] if left_out else its), "--help"])
    if status:
        return said
    absent = [word for word in its if word.startswith("--") and not mentions(said, word.partition("=")[0])]
    return f"no such option: {absent}" if absent else ""


def mentions(text: str, option: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w.-])", text) is not None


COMMANDS = {command.words: command for command in commands()}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=[shlex.join(words) for words in COMMANDS])
def test_a_command_is_accepted(command: Command) -> None:
    assert accepts(command.words) == "", str(command)


@pytest.mark.parametrize(
    "line",
    [
        "make nothing",
        "make docs ARGS=--check",
        "make fire ALERT=TaximeterGpuHot ARGS='--severe warning'",
        "taximeter-exporter report --by colour",
        "taximeter-exporter compare --gpus many",
        "taximeter-exporter report --per run",
        "taximeter train … --epoch 3",
        "taximeter run --colour red -- python train.py --epochs 90",
        "torchrun --nproc-per-node 2 -m taximeter teach",
    ],
)
def test_a_command_that_would_fail_is_found(line: str) -> None:
    assert accepts(shlex.split(line))


def test_an_option_that_stands_alone_is_one_of_some_program() -> None:
    """In a page, and in what an alert says."""
    helps = [PROGRAMS[program]([*command, "--help"])[1] for program in PROGRAMS for command in subcommands(program)]
    named = {re.split(r"[\s=]", span.text)[0]: str(span) for span in code() if span.text.startswith("--")}
    for path in (REPOSITORY / "prometheus" / "rules").glob("*.yml"):
        named |= dict.fromkeys(re.findall(r"(?<![\w-])--[a-z][\w-]+", path.read_text(encoding="utf-8")), path.name)
    assert {
        option: where
        for option, where in named.items()
        if option not in OF_OTHERS and not any(mentions(text, option) for text in helps)
    } == {}


def subcommands(program: str) -> list[list[str]]:
    """What a program's help names as commands; the program itself is one as well."""
    helped = PROGRAMS[program](["--help"])[1]
    return [[], *([word] for word in re.findall(r"^    ([a-z]+)(?:  |$)", helped, re.MULTILINE))]
