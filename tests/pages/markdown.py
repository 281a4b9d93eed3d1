"""The Markdown files of this repository, as a person reads them: their links, headings and code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("alertmanager", "deploy", "docs", "exporter", "grafana", "prometheus", "tests", "trainer")

FILES = sorted(
    (*REPOSITORY.glob("*.md"), *(path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.md"))),
)


class Code(NamedTuple):
    """Something set as code, and where."""

    path: Path
    line: int
    """Of a span: the first line of its paragraph."""
    language: str
    """As the block names it; empty for a block that names none, and for a span within a sentence."""
    text: str
    is_block: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(REPOSITORY)}:{self.line}"


@cache
def _tokens(path: Path) -> tuple[Token, ...]:
    return tuple(MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8")))


def code() -> Iterator[Code]:
    """Every block and every span of code."""
    for path in FILES:
        for token in _tokens(path):
            line = (token.map or [0])[0] + 1
            if token.type in {"fence", "code_block"}:
                yield Code(path, line, token.info.strip(), token.content, is_block=True)
            for child in token.children or ():
                if child.type == "code_inline":
                    yield Code(path, line, "", child.content, is_block=False)


def blocks(language: str) -> list[Code]:
    """The blocks of code that name this language."""
    return [each for each in code() if each.is_block and each.language == language]


def targets(path: Path) -> list[str]:
    """Where a file's links and pictures lead to, also those that are written in HTML."""
    found: list[str] = []
    for token in _tokens(path):
        for each in (token, *(token.children or ())):
            found += [str(each.attrs[name]) for name in ("href", "src") if name in each.attrs]
            if each.type in {"html_block", "html_inline"}:
                found += re.findall(r"\b(?:href|src)=\"([^\"]+)\"", each.content)
    return found


def anchors(path: Path) -> set[str]:
    """What can follow the # of a link to this file: its headings as GitHub makes anchors of them."""
    tokens = _tokens(path)
    names = [
        re.sub(r"[^\w\- ]", "", _text(title).strip().lower()).replace(" ", "-")
        for opening, title in pairwise(tokens)
        if opening.type == "heading_open"
    ]
    seen: Counter[str] = Counter()
    made = set()
    for name in names:
        made.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return made


def _text(title: Token) -> str:
    return "".join(child.content for child in title.children or ())
