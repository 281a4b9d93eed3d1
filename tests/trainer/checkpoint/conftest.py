"""What the tests of checkpoints share with those of the engine."""

from trainer.engine.conftest import meter, one_thread, tiny

__all__ = ["meter", "one_thread", "tiny"]
