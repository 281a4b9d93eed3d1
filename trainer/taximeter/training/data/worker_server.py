"""Loaded by the process that makes workers, and by nothing else: see `workers`.

What a worker needs is here before the first one is made. Ctrl-C, or a SIGTERM to a whole group of processes, is for the
training to answer, which needs its batches until it ends: this process and its workers end with it instead.
"""

import signal

from taximeter.training.data import samples, worker  # noqa: F401 (to have them loaded)

signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
