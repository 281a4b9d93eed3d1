"""A link in a Markdown file leads somewhere, and a file that is named is there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from pages.markdown import FILES, FOLDERS, REPOSITORY, anchors, code, targets


def broken(path: Path, root: Path) -> list[str]:
    """The links that lead to no file below the root, which is all that a reader sees, or to no heading in it."""
    found = []
    for target in targets(path):
        address = urlsplit(target)
        if address.scheme:
            continue
        other = (path.parent / unquote(address.path)).resolve() if address.path else path
        there = other.is_relative_to(root) and other.exists()
        if not there or (address.fragment and address.fragment not in anchors(other)):
            found.append(target)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_within_the_repository_lead_somewhere(path: Path) -> None:
    assert broken(path, REPOSITORY) == []


def test_what_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "beside.md").touch()
    root = tmp_path / "root"
    root.mkdir()
    page = root / "page.md"
    page.write_text(
        "# The page\n## One `thing`, twice\n## One thing, twice\n"
        "[a](#one-thing-twice) [b](#one-thing-twice-1) [c](page.md#the-page) [d](https://example.com/x)\n"
        '[e](#one-thing) [f](no.md) [g](../beside.md) ![h](no.png)\n\n<img src="no.jpg">\n',
        encoding="utf-8",
    )
    assert broken(page, root) == ["#one-thing", "no.md", "../beside.md", "no.png", "no.jpg"]


PLACE = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w.*/-]*")


def test_files_that_are_named_are_there() -> None:
    """By their paths from the repository's root, as `docs/runbooks/` or `prometheus/rules/*.yml`, but for secrets."""
    named = [span for span in code() if not span.is_block and PLACE.fullmatch(span.text)]
    assert named
    assert [
        f"{span}: {span.text}"
        for span in named
        if not span.text.startswith("alertmanager/secrets/") and not any(REPOSITORY.glob(span.text.rstrip("/")))
    ] == []
