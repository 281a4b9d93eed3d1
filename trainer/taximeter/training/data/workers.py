"""The processes that read images while the training goes on."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import weakref
from collections.abc import Iterator
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

import torch
from joblib import cpu_count  # type: ignore[import-untyped]
from torch.utils.data import DataLoader, Sampler

from taximeter.training.augment.one_by_one import Transform
from taximeter.training.data.samples import Made, Samples, Wanted
from taximeter.training.data.source import Source
from taximeter.training.data.worker import begin

_AHEAD = 3
"""Batches that each worker may be ahead: enough for one that has slow images, while others go on."""

_MOST = 16

_SERVER = "taximeter.training.data.worker_server"


def sensible_workers(device: torch.device) -> int:
    """As many as this process has processors to itself; half of them where the model needs them too. At most 16.

    Counts what the process may use: affinity and the limits of its container. torchrun's `LOCAL_WORLD_SIZE` says how
    many share them.
    """
    mine: int = cpu_count() // max(int(os.environ.get("LOCAL_WORLD_SIZE") or 1), 1)
    return max(1, min(mine if device.type != "cpu" else mine // 2, _MOST))


def start_server() -> None:
    """Start the process that makes workers, which takes a few seconds of its own while this one goes on.

    To fork this process itself would take along whatever locks the meter's threads hold at that moment, for which a
    worker would wait for ever, and the socket on which the metrics are served.
    """
    _context()
    forkserver.ensure_running()


class WorkedOff:
    """Makes batches by workers, in the order in which they are wanted. With no workers this process makes them."""

    def __init__(
        self, source: Source, transform: Transform, *, seed: int | None, workers: int, pin: bool = False
    ) -> None:
        """`seed` as for `Samples`; `pin` puts batches where a GPU fetches them from by itself."""
        self._plan = _Plan()
        self._loader: DataLoader[Made] | None = DataLoader(
            Samples(source.shared() if workers else source, transform, seed=seed),
            sampler=self._plan,
            batch_size=None,
            num_workers=workers,
            prefetch_factor=_AHEAD if workers else None,
            persistent_workers=workers > 0,
            pin_memory=pin,
            worker_init_fn=begin if workers else None,
            multiprocessing_context=_context() if workers else None,
            generator=torch.Generator(),  # of its own: what dropout draws from is left alone
        )
        self._at_exit = False

    def make(self, wanted: Iterator[Wanted]) -> Iterator[Made]:
        """One batch for each that is wanted; what was asked for before is given up."""
        if self._loader is None:
            raise RuntimeError("closed")
        self._plan.wanted = wanted
        made = iter(self._loader)
        if not self._at_exit:
            # Now, so that it comes before what torch and multiprocessing do at exit: they wait for the workers.
            atexit.register(_close, weakref.ref(self))
            self._at_exit = True
        return made

    def close(self) -> None:
        """End the workers; without this they end with this object or this process."""
        self._loader = None  # with it goes its iterator, and that ends them


def _close(reference: weakref.ref[WorkedOff]) -> None:
    loader = reference()
    if loader is not None:
        loader.close()


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_SERVER])
    return context


class _Plan(Sampler[Wanted]):
    def __init__(self) -> None:
        self.wanted: Iterator[Wanted] = iter(())

    def __iter__(self) -> Iterator[Wanted]:
        return self.wanted
