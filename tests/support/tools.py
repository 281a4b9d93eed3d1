"""The real Prometheus and Alertmanager for tests: import the fixture `tools` in a folder's conftest.py."""

from __future__ import annotations

import pytest
from demo import binaries
from demo.configs import REPOSITORY
from demo.interrupts import Interrupts


@pytest.fixture(scope="session")
def tools() -> binaries.Tools:
    """The four programs, from PATH or unpacked into .tools; skips where they cannot be had."""
    try:
        return binaries.find(REPOSITORY / ".tools", Interrupts(), print)
    except binaries.ToolsMissing as missing:
        pytest.skip(f"needs Prometheus and Alertmanager: {missing}")
