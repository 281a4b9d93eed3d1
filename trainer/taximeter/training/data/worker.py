"""The beginning of a process that reads images."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


def begin(_number: int) -> None:
    """End with the training, however that ends.

    A worker's parent is the process that makes workers. That one lives as long as any worker does, so torch, which
    looks whether the parent is gone, would let both live on for ever where the training is killed. And torch has just
    seen to it that SIGTERM ends a worker, which is for the training to do: see `worker_server`.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_wait, name="wait for the training's end", daemon=True).start()


def _wait() -> None:
    training = multiprocessing.parent_process()
    if training is not None:
        training.join()
        os._exit(0)
