"""The place of a loader in its epochs."""

from __future__ import annotations

from collections.abc import Iterator

from taximeter.training.data.batches import Place


class Progress:
    """Counts the batches that were given out."""

    def __init__(self, batches: int) -> None:
        self.batches = batches
        """Of an epoch."""
        self.epoch = 0
        """Epochs that are done."""
        self.position = 0
        """Batches of the epoch after them that were given out."""

    def __iter__(self) -> Iterator[int]:
        """The positions of the rest of the epoch, each counted before it is given out; at the end the epoch is done."""
        while self.position < self.batches:
            self.position += 1
            yield self.position - 1
        self.epoch += 1
        self.position = 0

    def state_dict(self) -> Place:
        """See `Batches`."""
        return Place(epoch=self.epoch, position=self.position, batches=self.batches)

    def load_state_dict(self, place: Place) -> None:
        """See `Batches`. Raises `ValueError`."""
        if place["batches"] != self.batches:
            raise ValueError(
                f"a place among {place['batches']} batches an epoch is none among {self.batches}: "
                "other data, or another batch size"
            )
        if not (0 <= place["position"] <= self.batches and place["epoch"] >= 0):
            raise ValueError(f"there is no batch {place['position']} of epoch {place['epoch']}")
        self.epoch, self.position = place["epoch"], place["position"]
