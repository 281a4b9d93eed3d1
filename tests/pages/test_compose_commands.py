"""What people are told to type for docker compose names services that are there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from compose.files import COMPOSE, GPU, REPOSITORY, services
from pages.commands import split_commands
from pages.markdown import code


def lines() -> Iterator[tuple[str, str]]:
    """Where, and what: in Markdown files, and in the comments of the two files themselves."""
    for each in code():
        for line in each.text.splitlines():
            yield str(each), line
    for path in (COMPOSE, GPU):
        for line in re.findall(r"^ *# +(docker compose .*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            yield path.name, re.sub(r"\s{3,}.*", "", line)


COMMANDS = [
    (where, words)
    for where, line in lines()
    for words in split_commands(line)
    if words[:2] == ("docker", "compose") and len(words) > 2
]


def wrong(words: Sequence[str]) -> list[str]:
    """The files and services in a command that there are not."""
    rest = list(words[2:])
    missing = []
    while rest[0] == "-f":  # after the command it means something else
        if not (REPOSITORY / rest[1]).is_file():
            missing.append(rest[1])
        del rest[:2]
    command, *rest = rest
    named = [
        word
        for before, word in pairwise([command, *rest])
        if not word.startswith("-") and before not in {"-s", "--tail"}
    ]
    return missing + [name for name in (named[:1] if command == "run" else named) if name not in services()]


@pytest.mark.parametrize(("where", "words"), COMMANDS, ids=[shlex.join(words) for _, words in COMMANDS])
def test_services_and_files_are_there(where: str, words: tuple[str, ...]) -> None:
    assert wrong(words) == [], where


@pytest.mark.parametrize(
    "line",
    [
        "docker compose logs -f trainers",
        "docker compose run --rm train train --project vision",
        "docker compose -f docker-compose.cuda.yml up --wait",
        "docker compose kill -s HUP exporters",
    ],
)
def test_what_is_not_there_is_found(line: str) -> None:
    assert wrong(line.split())
