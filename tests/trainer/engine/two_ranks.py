"""What each of two processes does that torchrun starts; writes what it found as JSON. See test_distributed.py."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import taximeter
import torch
from taximeter.training.callbacks.base import Callback
from taximeter.training.engine.distributed import Ranks, joined, publish_run, run_of_first
from taximeter.training.engine.state import TrainState
from taximeter.training.engine.step import TrainStep
from taximeter.training.errors import RankLost
from taximeter.training.evaluation.evaluate import evaluate
from torch import Tensor
from trainer.engine.tiny import CPU, InMemory, Net, Tiny, some_images


class Half(InMemory):
    """Every second image of each batch."""

    def __init__(self, images: Tensor, labels: Tensor, batch_size: int, *, shuffled: bool, rank: int) -> None:
        super().__init__(images, labels, batch_size, shuffled=shuffled)
        self._rank = rank

    def to_device(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return images[self._rank :: 2], labels[self._rank :: 2]


class Failing(Net):
    """Has no memory for more than three images, on one rank, from its fourth pass on."""

    def __init__(self, rank: int) -> None:
        super().__init__(norm=False)
        self.left = 3 if rank == 1 else 10**9

    def forward(self, images: Tensor) -> Tensor:
        self.left -= self.training
        if self.left < 0 and len(images) > 3:
            raise torch.OutOfMemoryError(f"no memory for {len(images)} images")
        return super().forward(images)


class Wish(Callback):
    """Wants to stop at the first step, for a reason that only rank 0 may decide."""

    def step_end(self, state: TrainState) -> None:
        state.stop = "budget"


def halves(meter: taximeter.Meter, ranks: Ranks, *, model: Net | None = None, **changes: Any) -> Tiny:
    training = Tiny(meter, model=model or Net(norm=False), ranks=ranks, micro_batch=8, seed=ranks.rank, **changes)
    images, labels = some_images()
    training.parts = replace(
        training.parts,
        batches=Half(images, labels, 16, shuffled=True, rank=ranks.rank),
        validation=Half(*some_images(19, seed=1), 7, shuffled=False, rank=ranks.rank),
    )
    training.step = TrainStep(training.parts)
    ranks.copy_from_first(training.parts.model)
    return training


def weights(training: Tiny) -> list[float]:
    return [round(value, 6) for tensor in training.parts.model.parameters() for value in tensor.flatten().tolist()]


def found(ranks: Ranks, meter: taximeter.Meter) -> dict[str, Any]:
    """Several trainings, one after the other."""
    out: dict[str, Any] = {"name": ranks.same(f"run-of-{ranks.rank}"), "largest": ranks.largest(ranks.rank * 7)}
    out["run"] = meter.run

    plain = halves(meter, ranks)
    out["begin"] = weights(plain)
    begin = plain.weights()
    state = plain.run()
    out["weights"] = weights(plain)
    out["validation"] = [state.validation.loss, state.validation.accuracy] if state.validation else None
    alone = Ranks(CPU)
    whole = InMemory(*some_images(19, seed=1), 7, shuffled=False)
    again = evaluate(plain.parts.model, whole, precision=plain.parts.precision, ranks=alone)
    out["validation_alone"] = [again.loss, again.accuracy] if again else None

    hungry = halves(meter, ranks, model=Failing(ranks.rank))
    hungry.parts.model.load_state_dict(begin)
    hungry.run()
    out["hungry"] = {"weights": weights(hungry), "size": hungry.parts.micro_batches.size, "ooms": hungry.ooms}

    # A signal reaches rank 1 alone; both stop after the second step.
    stopped = halves(meter, ranks)
    stopped.run(stop_after=2 if ranks.rank == 1 else None)
    out["stopped"] = [stopped.state.stop, stopped.state.step]

    # What a rank that is not the first would like to stop for does not count.
    wished = halves(meter, ranks)
    wished.run(*([Wish()] if ranks.rank == 1 else []))
    out["wished"] = [wished.state.stop, wished.state.step]
    decided = halves(meter, ranks)
    decided.run(*([Wish()] if ranks.rank == 0 else []))
    out["decided"] = [decided.state.stop, decided.state.step]

    norms = halves(meter, ranks, model=Net())
    norms.run()
    out["statistics"] = [value.tolist() for value in norms.parts.model.buffers()]
    return out


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    waited_for = run_of_first()  # rank 1 waits here before it has joined
    if waited_for is None:
        publish_run("run-of-the-first")
    with joined(CPU) as ranks, taximeter.Meter("vision", listen="127.0.0.1:0", exporter=sys.argv[2]) as meter:
        (folder / f"{ranks.rank}.json").write_text(json.dumps(found(ranks, meter) | {"waited_for": waited_for}))
        ranks.wait()
        if ranks.rank == 1:
            os._exit(7)
        # torchrun ends the others as soon as it sees that; what is looked at here is what this rank itself makes of it
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            while True:
                ranks.wait()
        except RankLost as lost:
            (folder / "lost").write_text(str(lost))
            meter.close(last_scrape_seconds=0)
            raise SystemExit(1) from None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
