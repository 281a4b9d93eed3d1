"""Transfer learning: the head is trained alone at first, then one stage more at a time, from the head down.

Howard & Ruder (2018, https://arxiv.org/abs/1801.06146) call it gradual unfreezing; each stage learns by a part of the
rate of the stage above it, since what is near the image needs to change least (their discriminative fine-tuning).
"""

from __future__ import annotations

from torch import nn

from taximeter.training.models.stages import stages_of


class Freezing:
    """Says which stages of a model are trained in an epoch, and freezes the others.

    Epochs count from 1. Before `first_epoch` only the head is trained; in it the stage below joins, and another one
    every `every` epochs after that. With the last stage the loose weights (a class token) join too. A frozen stage
    keeps its weights, and the statistics of its batch normalisation.
    """

    def __init__(self, model: nn.Module, *, first_epoch: int, every: int) -> None:
        self._model = model
        self._from_the_head = list(stages_of(model).values())[::-1]
        self._first_epoch = first_epoch
        self._every = every

    def trained_stages(self, epoch: int) -> int:
        """How many stages are trained in an epoch, counted from the head."""
        if epoch < self._first_epoch:
            return 1
        return min(len(self._from_the_head), 2 + (epoch - self._first_epoch) // self._every)

    def apply(self, epoch: int) -> None:
        """Freeze and unfreeze for an epoch, once the model is in training mode."""
        trained = self.trained_stages(epoch)
        everything = trained == len(self._from_the_head)
        for parameter in self._model.parameters():
            parameter.requires_grad_(everything)
        for place, stage in enumerate(self._from_the_head):
            stage.requires_grad_(place < trained)
            if place >= trained:
                stage.eval()
