"""The commands of this repository that Markdown files tell people to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from pages.markdown import Code, code

PROGRAMS = ("make", "taximeter", "taximeter-exporter", "python3", "torchrun")


class Command(NamedTuple):
    """One program with its arguments, as a shell would start it."""

    where: Code
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where}: {shlex.join(self.words)}"


def commands() -> Iterator[Command]:
    """All of them, from blocks and from spans of code."""
    for each in code():
        if each.language not in {"", "sh"}:
            continue
        for line in _lines(each.text if each.is_block else " ".join(each.text.split())):
            for words in split_commands(line):
                if words[0] in PROGRAMS:
                    yield Command(each, words)


def _lines(text: str) -> Iterator[str]:
    """Without what follows a # that stands apart, as in a shell."""
    yield from (re.sub(r"(^|\s)#\s.*", "", line) for line in text.splitlines())


def split_commands(line: str) -> Iterator[tuple[str, ...]]:
    """What stands between && and |, without the variables before it."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;>")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # a span of code that is no command, as `a"b`
        return
    found: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= set("&|;>"):
            while found and re.match(r"[A-Z_]+=", found[0]):
                found.pop(0)
            if found:
                yield tuple(found)
            found = []
        else:
            found.append(word)
