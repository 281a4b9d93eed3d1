"""Each dashboard in turn, and fixtures of other rooms that these tests use."""

import json
from pathlib import Path
from typing import Any

import pytest
from grafana.files import FILES
from support.tools import tools

__all__ = ["tools"]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    """The file of a dashboard."""
    result: Path = request.param
    return result


@pytest.fixture
def dashboard(path: Path) -> dict[str, Any]:
    """What the file says."""
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result
