"""Only a folder that a demo made is emptied, and by one demo at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo.folder import FolderRefused, fresh_folder


def test_what_a_demo_before_left_is_gone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    with fresh_folder(tmp_path / "demo") as folder:
        (folder / "data").mkdir()
        (folder / "data" / "block").touch()
        (folder / "some.log").touch()
        (folder / "link").symlink_to(elsewhere)
    assert (folder / "data" / "block").exists()
    with fresh_folder(folder):
        assert [entry.name for entry in folder.iterdir()] == [".taximeter-demo"]
    assert (elsewhere / "kept").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FolderRefused, match="holds other things"), fresh_folder(tmp_path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        fresh_folder(tmp_path / "demo") as folder,
        pytest.raises(FolderRefused, match="a demo runs already"),
        fresh_folder(folder),
    ):
        pass
