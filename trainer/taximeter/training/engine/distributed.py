"""Several processes that train one model, as torchrun starts them: each has a part of every batch.

The gradients are added up once a rank's own backward pass is through, and not, as DistributedDataParallel does, while
it goes on: a rank that runs out of memory in its midst could not say so any more, since the others would already wait
for its gradients. What that costs is the overlap of the exchange with the backward pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from taximeter.training.config import ConfigError
from taximeter.training.errors import RankLost

T = TypeVar("T")

_BUCKET_BYTES = 32 << 20
# A rank may compile, or download, or evaluate for a while before the others hear of it.
_PATIENCE = timedelta(minutes=30)


class Ranks:
    """The processes of one training. Alone, every call answers at once with what it was given.

    Every rank makes the same calls in the same order. What is decided goes between the processors (gloo) and never
    waits for a GPU; gradients go between the devices (nccl on GPUs). Every call raises `RankLost` if another rank has
    ended meanwhile.
    """

    def __init__(self, device: torch.device, *, rank: int = 0, size: int = 1) -> None:
        self.device = device
        self.rank = rank
        self.size = size

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which decides, pays, writes and speaks for all."""
        return self.rank == 0

    def largest(self, number: int) -> int:
        """The largest of all ranks' numbers."""
        if self.size == 1:
            return number
        tensor = torch.tensor(number)
        with self._together():
            distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
        return int(tensor)

    def same(self, value: T) -> T:
        """Rank 0's value, whatever the others have; plain data."""
        if self.size == 1:
            return value
        values = [value]
        with self._together():
            distributed.broadcast_object_list(values, 0, device=torch.device("cpu"))
        return values[0]

    def wait(self) -> None:
        """Until all ranks are here."""
        self.largest(0)

    def total(self, tensor: Tensor) -> Tensor:
        """The sum of all ranks' tensors, in place."""
        if self.size > 1:
            with self._together():
                distributed.all_reduce(tensor)
        return tensor

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give each parameter the sum of all ranks' gradients."""
        if self.size > 1:
            self._add([parameter.grad for parameter in parameters if parameter.grad is not None])

    def average_buffers(self, model: nn.Module) -> None:
        """Give all ranks the mean of their statistics of batch normalisation, to evaluate and to keep."""
        if self.size > 1:
            buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
            self._add(buffers)
            for buffer in buffers:
                buffer.div_(self.size)

    def copy_from_first(self, model: nn.Module) -> None:
        """Give all ranks the weights and buffers of rank 0."""
        if self.size > 1:
            with self._together():
                for tensor in (*model.parameters(), *model.buffers()):
                    # A copy, since what is sent must lie in memory in the order of its dimensions.
                    values = tensor.detach().contiguous()
                    distributed.broadcast(values, 0)
                    tensor.data.copy_(values)

    def _add(self, tensors: list[Tensor]) -> None:
        """In place, some megabytes at a time: a message for each tensor would take longer to begin than to send."""
        with self._together(), torch.no_grad():
            for bucket in _buckets(tensors):
                flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
                distributed.all_reduce(flat)
                for tensor, part in zip(bucket, torch.split(flat, [tensor.numel() for tensor in bucket]), strict=True):
                    tensor.copy_(part.view(tensor.shape))

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as wrong:
            raise RankLost(
                f"rank {self.rank} has lost the others: one of them has ended, see what it says ({_reason(wrong)})"
            ) from None


@contextmanager
def joined(device: torch.device, environ: Mapping[str, str] = os.environ) -> Iterator[Ranks]:
    """Join the processes that torchrun started, as its variables say; alone without them.

    `device` is a kind of device; of several GPUs each process of a machine takes the one of its number. Raises
    `ConfigError` if there are more processes than GPUs, or the others do not come.
    """
    size = int(environ.get("WORLD_SIZE") or 1)
    if size == 1:
        yield Ranks(device)
        return
    if device.type == "cuda":
        local = int(environ.get("LOCAL_RANK") or 0)
        if local >= torch.cuda.device_count():
            raise ConfigError(
                "device",
                f"process {local + 1} of this machine has no GPU of its own: there are {torch.cuda.device_count()}, "
                "as many as torchrun's --nproc-per-node may be",
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    rank = int(environ["RANK"])
    # Two backends, by where a tensor lies: what is decided stays on the processors.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        distributed.init_process_group(backend, timeout=_PATIENCE)
    except (RuntimeError, ValueError) as wrong:
        raise RankLost(f"rank {rank} does not find the others: {_reason(wrong)}") from None
    try:
        yield Ranks(device, rank=rank, size=size)
    finally:
        distributed.destroy_process_group()


def publish_run(name: str, environ: Mapping[str, str] = os.environ) -> None:
    """On rank 0, before it joins: tell the others, which may wait for it already, what the run is called."""
    if int(environ.get("WORLD_SIZE") or 1) > 1 and environ.get("RANK") == "0":
        _store(environ).set(_run_key(environ), name)


def run_of_first(environ: Mapping[str, str] = os.environ) -> str | None:
    """What rank 0 calls the run; waits until it says so. `None` on rank 0 itself, and for a process that is alone.

    Raises `RankLost` if it does not say so.
    """
    if not int(environ.get("RANK") or 0):
        return None
    try:
        name: bytes = _store(environ).get(_run_key(environ))
        return name.decode()
    except RuntimeError as wrong:
        raise RankLost(f"rank {environ['RANK']} does not hear from rank 0: {_reason(wrong)}") from None


def _store(environ: Mapping[str, str]) -> Any:
    """Torchrun's own key-value store (a `TCPStore`), at which processes meet before they have joined."""
    return distributed.TCPStore(  # type: ignore[attr-defined]
        environ["MASTER_ADDR"],
        int(environ["MASTER_PORT"]),
        is_master=False,
        wait_for_workers=False,
        timeout=_PATIENCE,
    )


def _run_key(environ: Mapping[str, str]) -> str:
    # What was said before torchrun started the processes again does not count.
    return f"taximeter/run/{environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"


def _reason(wrong: Exception) -> str:
    """In one line, without the source lines that gloo puts before it."""
    return str(wrong).splitlines()[0].rpartition("] ")[2]


def _buckets(tensors: list[Tensor]) -> Iterator[list[Tensor]]:
    """One kind of number each, and not much more than so many bytes."""
    by_dtype: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        by_dtype.setdefault(tensor.dtype, []).append(tensor)
    for group in by_dtype.values():
        bucket: list[Tensor] = []
        taken = 0
        for tensor in group:
            if bucket and taken + tensor.nbytes > _BUCKET_BYTES:
                yield bucket
                bucket, taken = [], 0
            bucket.append(tensor)
            taken += tensor.nbytes
        yield bucket
