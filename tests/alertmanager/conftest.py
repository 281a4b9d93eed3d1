"""Fixtures of other rooms that these tests use, and the configuration as it is without any secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo.configs import write_configs
from demo.ports import USUAL
from support.tools import tools

__all__ = ["config", "tools"]


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What configure.py writes for the demo: the routes, and our receiver alone."""
    return write_configs(tmp_path_factory.mktemp("config"), USUAL, gpus=0).alertmanager
