"""What the tests of checkpoints share with those of the engine, and runs that may be killed."""

from collections.abc import Iterator

import pytest
from support.runner import Runner
from trainer.engine.conftest import meter, one_thread, tiny

__all__ = ["meter", "one_thread", "runner", "tiny"]


@pytest.fixture(scope="package")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """One for all, since torch takes seconds to be imported."""
    runner = Runner(tmp_path_factory.mktemp("killable"))
    yield runner
    runner.close()
