"""What is counted while a model is judged, and what is reckoned from it: by hand, and by scikit-learn."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, top_k_accuracy_score
from taximeter.training.engine.distributed import Ranks
from taximeter.training.engine.precision import Precision
from taximeter.training.evaluation import evaluate as module
from taximeter.training.evaluation.evaluate import evaluate
from taximeter.training.evaluation.result import Evaluation
from taximeter.training.evaluation.scores import by_class, macro
from torch import Tensor, nn
from trainer.engine.tiny import CPU, InMemory

PRECISION = Precision("fp32", CPU)


class Echo(nn.Module):
    """Takes images that are its answers already."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def answers(count: int, classes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits N×classes×1×1 that are often right, and labels; nothing is of the last class, and nothing is taken for
    the one before it."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes - 1, (count,), generator=generator)
    logits = torch.randn(count, classes, generator=generator)
    logits += 1.5 * nn.functional.one_hot(labels, classes)
    logits[:, -2] = -50
    return logits[..., None, None], labels


def judged(logits: Tensor, labels: Tensor, **options: Any) -> Evaluation:
    batches = InMemory(logits, labels, 32, shuffled=False)
    result = evaluate(Echo(), batches, precision=PRECISION, ranks=options.pop("ranks", Ranks(CPU)), **options)
    assert result is not None
    return result


def test_measures_are_those_of_scikit_learn() -> None:
    logits, labels = answers(333, 9)
    it = judged(logits, labels)
    taken, known = logits.flatten(1).argmax(1), list(range(9))
    assert it.counts is not None and it.counts.confusion is not None
    assert it.counts.images == 333
    assert it.counts.confusion.tolist() == confusion_matrix(labels, taken, labels=known).tolist()
    assert it.accuracy == (labels == taken).sum().item() / 333
    top5 = top_k_accuracy_score(labels, logits.flatten(1), k=5, labels=known)
    assert it.counts.top5 / 333 == pytest.approx(top5)
    # in scikit-learn's mean over classes there are those alone that an image is of, or was taken for
    there = sorted({*labels.tolist(), *taken.tolist()})
    expected = precision_recall_fscore_support(labels, taken, labels=there, average="macro", zero_division=0)
    mean = macro(it.counts.confusion)
    assert (mean.precision, mean.recall, mean.f1) == pytest.approx(expected[:3])
    each = precision_recall_fscore_support(labels, taken, labels=known, average=None, zero_division=0)
    for number, scores in enumerate(by_class(it.counts.confusion)):
        if number not in there:
            assert scores is None
        else:
            assert scores is not None
            assert (scores.precision, scores.recall, scores.f1) == pytest.approx([row[number] for row in each[:3]])
    assert it.loss == pytest.approx(nn.functional.cross_entropy(logits.flatten(1), labels).item())


def test_measures_by_hand() -> None:
    # of three cats one is taken for a dog; of one dog none is taken for anything else; nothing is a fox
    confusion = torch.tensor([[2, 1, 0], [0, 1, 0], [0, 0, 0]])
    cat, dog, fox = by_class(confusion)
    assert cat is not None and dog is not None
    assert (cat.precision, cat.recall, cat.f1) == pytest.approx((1, 2 / 3, 0.8))
    assert (dog.precision, dog.recall, dog.f1) == pytest.approx((1 / 2, 1, 2 / 3))
    assert fox is None
    mean = macro(confusion)
    assert (mean.precision, mean.recall, mean.f1) == pytest.approx((3 / 4, 5 / 6, (0.8 + 2 / 3) / 2))


def test_deterministic_algorithms_change_nothing() -> None:
    plain = judged(*answers(100, 7))
    torch.use_deterministic_algorithms(True)
    try:
        again = judged(*answers(100, 7))
        assert again.counts is not None and plain.counts is not None
        assert again.counts.confusion is not None and plain.counts.confusion is not None
        assert torch.equal(again.counts.confusion, plain.counts.confusion)
        assert macro(again.counts.confusion) == macro(plain.counts.confusion)
    finally:
        torch.use_deterministic_algorithms(False)


class TwoRanks(Ranks):
    """One of two, in threads of this process."""

    def __init__(self, rank: int, together: Together) -> None:
        super().__init__(CPU, rank=rank, size=2)
        self._all = together

    def total(self, tensor: Tensor) -> Tensor:
        mine, other = self._all.exchange(self.rank, tensor.clone())
        return tensor.copy_(mine + other)

    def largest(self, number: int) -> int:
        mine, other = self._all.exchange(self.rank, number)
        return max(int(mine), int(other))


class Together:
    """Where two ranks meet."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2, timeout=120)
        self._brought: list[Any] = [None, None]

    def exchange(self, rank: int, value: Any) -> tuple[Any, Any]:
        self._brought[rank] = value
        self._barrier.wait()
        both = self._brought[rank], self._brought[1 - rank]
        self._barrier.wait()
        return both


def of_two(parts: list[tuple[Tensor, Tensor]], stop: int | None = None) -> list[Evaluation | None]:
    """What two ranks get that have these parts; the one told to stop gives up at once."""
    together = Together()
    results: list[Evaluation | None] = [Evaluation(loss=-1, accuracy=-1)] * 2

    def work(rank: int) -> None:
        batches = InMemory(*parts[rank], 32, shuffled=False)
        ranks = TwoRanks(rank, together)
        it = evaluate(Echo(), batches, precision=PRECISION, ranks=ranks, should_stop=lambda: rank == stop)
        results[rank] = it

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("divided", [2, None], ids=["in two", "one rank has none"])
def test_two_ranks_count_each_image_once(divided: int | None) -> None:
    logits, labels = answers(101, 6)
    alone = judged(logits, labels)
    slices = [slice(0, None, 2), slice(1, None, 2)] if divided else [slice(None), slice(0, 0)]
    for it in of_two([(logits[part], labels[part]) for part in slices]):
        assert it is not None and it.counts is not None and alone.counts is not None
        assert it.loss == pytest.approx(alone.loss)
        assert it.accuracy == alone.accuracy
        assert (it.counts.images, it.counts.top5) == (101, alone.counts.top5)
        assert it.counts.confusion is not None and alone.counts.confusion is not None
        assert torch.equal(it.counts.confusion, alone.counts.confusion)


def test_where_one_rank_is_told_to_stop_none_has_a_result() -> None:
    logits, labels = answers(40, 6)
    assert of_two([(logits[::2], labels[::2]), (logits[1::2], labels[1::2])], stop=1) == [None, None]


def test_too_many_classes_have_no_confusion_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CLASSES", 6)
    few, many = judged(*answers(50, 6)), judged(*answers(50, 7))
    assert few.counts is not None and few.counts.confusion is not None
    assert many.counts is not None and many.counts.confusion is None
    assert many.counts.images == 50


def test_an_evaluation_comes_back_from_a_checkpoint() -> None:
    it = judged(*answers(64, 6))
    again = Evaluation.of_state(it.state_dict())
    assert (again.loss, again.accuracy) == (it.loss, it.accuracy)
    assert again.counts is not None and it.counts is not None
    assert (again.counts.images, again.counts.top5) == (64, it.counts.top5)
    assert again.counts.confusion is not None and it.counts.confusion is not None
    assert again.counts.confusion.dtype == torch.int64
    assert torch.equal(again.counts.confusion, it.counts.confusion)
