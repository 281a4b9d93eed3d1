"""A step: gradients of divided batches, clipping, precision, recomputing, and memory that does not suffice."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from taximeter.flops import flops_of
from taximeter.training.config.schema import OptimConfig
from taximeter.training.engine.distributed import Ranks
from taximeter.training.engine.recompute import recompute_stages
from taximeter.training.errors import NotFinite, OutOfMemory
from taximeter.training.optim.ema import Ema
from torch import Tensor, nn
from torch.nn import functional
from trainer.engine.tiny import CLASSES, CPU, Net, Tiny, same, some_images

Make = Callable[..., Tiny]
STILL = OptimConfig(optimizer="sgd", learning_rate=1e-30, momentum=0, weight_decay=0)  # leaves weights as they are


def gradients(training: Tiny, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    training.parts.model.train()
    training.do_step(images, labels)
    return {name: value.grad for name, value in training.parts.model.named_parameters() if value.grad is not None}


@pytest.mark.parametrize("micro_batch", [1, 4, 5, 10])
def test_a_divided_batch_has_the_gradients_of_the_whole(tiny: Make, micro_batch: int) -> None:
    images, labels = some_images(10)
    whole, divided = tiny(model=Net(norm=False), optim=STILL), tiny(model=Net(norm=False), optim=STILL)
    divided.parts.model.load_state_dict(whole.parts.model.state_dict())
    divided.parts.micro_batches.size = micro_batch
    expected, got = gradients(whole, images, labels), gradients(divided, images, labels)
    assert all(torch.allclose(got[name], expected[name], rtol=1e-4, atol=1e-7) for name in expected)
    assert whole.state.loss is not None
    assert divided.state.loss is not None
    assert divided.state.loss.item() == pytest.approx(whole.state.loss.item(), rel=1e-6)
    assert (divided.state.correct, divided.state.seen) == (whole.state.correct, 10)


def test_mixed_labels_count_by_their_greater_share(tiny: Make) -> None:
    images, labels = some_images(8)
    shares = functional.one_hot(labels, CLASSES) * 0.7 + functional.one_hot((labels + 1) % CLASSES, CLASSES) * 0.3
    training = tiny(model=Net(norm=False), optim=STILL)
    with torch.no_grad():
        logits = training.parts.model(images)
    training.do_step(images, shares)
    assert training.state.loss is not None
    expected = -(shares * logits.log_softmax(1)).sum(1).mean()
    assert training.state.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert training.state.correct == (logits.argmax(1) == labels).sum()


def test_label_smoothing(tiny: Make) -> None:
    images, labels = some_images(8)
    smooth = OptimConfig(optimizer="sgd", learning_rate=1e-30, label_smoothing=0.2)
    training = tiny(model=Net(norm=False), optim=smooth)
    with torch.no_grad():
        logs = training.parts.model(images).log_softmax(1)
    training.do_step(images, labels)
    assert training.state.loss is not None
    expected = -(0.8 * logs[range(8), labels].mean() + 0.2 * logs.mean())
    assert training.state.loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_gradients_are_clipped_to_a_norm(tiny: Make) -> None:
    images, labels = some_images(8)
    free = gradients(tiny(optim=STILL), images, labels)
    clipped_training = tiny(optim=OptimConfig(optimizer="sgd", learning_rate=1e-30, clip_norm=0.01))
    clipped = gradients(clipped_training, images, labels)
    norm = torch.cat([gradient.flatten() for gradient in free.values()]).norm()
    assert norm > 0.01
    assert torch.cat([gradient.flatten() for gradient in clipped.values()]).norm().item() == pytest.approx(0.01, 1e-3)
    assert clipped_training.state.gradient_norm is not None
    assert clipped_training.state.gradient_norm.item() == pytest.approx(norm.item(), rel=1e-4)  # before it was clipped


def test_the_norm_is_measured_once_a_second(tiny: Make) -> None:
    training = tiny(optim=STILL)
    images, labels = some_images(8)
    times = iter([0.0, 0.5, 0.99, 1.0, 1.5])
    training.step._clock = lambda: next(times)
    measured = []
    for _ in range(5):
        training.state.gradient_norm = None
        training.do_step(images, labels)
        measured.append(training.state.gradient_norm is not None)
    assert measured == [True, False, False, True, False]


def test_bf16_reckons_shortly_and_keeps_the_weights_long(tiny: Make) -> None:
    kinds: list[torch.dtype] = []
    training = tiny(precision="bf16", epochs=6)
    convolution = training.parts.model.get_submodule("middle.0")
    convolution.register_forward_hook(lambda _part, _in, out: kinds.append(out.dtype))
    state = training.run()
    assert set(kinds) == {torch.bfloat16}
    assert {value.dtype for value in training.parts.model.parameters()} == {torch.float32}
    assert state.best_accuracy > 0.4
    assert not training.parts.precision.scales


def test_fp16_leaves_out_steps_that_overflow_and_counts_them(tiny: Make) -> None:
    training = tiny(precision="fp16", model=Net(norm=False))
    images, labels = some_images(16)
    training.parts.model.train()
    before = training.weights()["fc.weight"]
    for factor, skipped in ((float("inf"), 1), (1.0, 1)):
        training.do_step(images * factor, labels)
        assert training.state.skipped == skipped
        assert torch.equal(training.weights()["fc.weight"], before) == (factor != 1)
    assert training.state.step == 2


def test_fp16_is_lost_when_no_step_counts(tiny: Make) -> None:
    training = tiny(precision="fp16", model=Net(norm=False))
    images, labels = some_images(16)
    for _ in range(2):
        training.do_step(images * float("inf"), labels)
    with pytest.raises(NotFinite, match="the loss is nan"):
        training.state.check_finite()


def recomputing() -> Net:
    model = Net(dropout=0.5)
    recompute_stages(model)
    return model


def test_recomputing_changes_neither_weights_nor_statistics(tiny: Make) -> None:
    passes: list[int] = []
    ends = []
    for recompute in (False, True):
        torch.manual_seed(0)
        training = tiny(model=recomputing() if recompute else Net(dropout=0.5))
        passes.append(0)

        def count(*_: object) -> None:
            passes[-1] += 1

        training.parts.model.get_submodule("middle.0").register_forward_hook(count)
        training.run()
        ends.append(training.weights())
    assert same(ends[0], ends[1])
    assert passes[1] == passes[0] + 6  # once more for each step, and not for the evaluation


def test_recomputing_counts_as_many_operations() -> None:
    images, _ = some_images(2)
    assert flops_of(recomputing(), images) == flops_of(Net(dropout=0.5), images) > 0


def test_an_average_can_be_taken_of_a_recomputing_model() -> None:
    model = recomputing()
    average = Ema(model, 0.9)
    model.stem.register_forward_hook(lambda *_: pytest.fail("the average goes through the model itself"))
    average.model(some_images(2)[0])


class Hungry(nn.Module):
    """A network with dropout and batch normalisation that has memory for so many images, from a call on."""

    def __init__(self, fits: int, calls: int = 0) -> None:
        super().__init__()
        self.net = Net(dropout=0.3)
        self.fits = fits
        self.calls = calls

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.net(images)
        self.calls -= 1
        if self.calls < 0 and self.training and len(images) > self.fits:
            raise torch.OutOfMemoryError(f"no memory for {len(images)} images\nand a long tale of allocators")
        return logits


def test_out_of_memory_is_as_if_it_had_been_divided_from_the_beginning(
    tiny: Make, caplog: pytest.LogCaptureFixture
) -> None:
    ends = []
    for micro_batch, ooms in ((4, 0), (16, 2)):
        torch.manual_seed(0)
        training = tiny(model=Hungry(4), micro_batch=micro_batch)
        torch.manual_seed(1)
        state = training.run()
        assert training.ooms == ooms
        assert training.parts.micro_batches.size == 4
        ends.append(training.weights())
        assert (state.step, state.seen) == (6, 48)
    assert same(ends[0], ends[1])
    assert [record.getMessage() for record in caplog.records if "out of memory" in record.getMessage()] == [
        "out of memory (no memory for 16 images): 8 images at a time instead of 16, the batch stays what it is",
        "out of memory (no memory for 8 images): 4 images at a time instead of 8, the batch stays what it is",
    ]


def test_out_of_memory_in_the_midst_of_a_divided_batch(tiny: Make) -> None:
    """The parts before the one that failed have left gradients, statistics and random numbers behind."""
    images, labels = some_images(12)
    ends = []
    for calls in (99, 5):
        torch.manual_seed(0)
        training = tiny(model=Hungry(3, calls), micro_batch=6)
        torch.manual_seed(1)
        for size in (6, 6, 3, 3):
            if calls == 99:
                training.parts.micro_batches.size = size
            training.do_step(images, labels)
            assert training.parts.micro_batches.size == size
        assert training.ooms == (calls == 5)  # in the second part of the third step
        ends.append(training.weights())
    assert same(ends[0], ends[1])


def test_not_even_one_image_fits(tiny: Make) -> None:
    training = tiny(model=Hungry(0))
    with pytest.raises(OutOfMemory, match=r"with a single image at a time \(no memory for 1 images\): take"):
        training.run()
    assert training.ooms == 5  # 16, 8, 4, 2, 1


class Pair(Ranks):
    """One of two ranks, of which the other one runs out of memory in its second attempt."""

    def __init__(self) -> None:
        super().__init__(CPU)
        self.answers = [0, 1]

    def largest(self, number: int) -> int:
        return max(number, self.answers.pop(0) if self.answers else 0)


def test_what_another_rank_has_no_memory_for_is_divided_here_too(tiny: Make, caplog: pytest.LogCaptureFixture) -> None:
    training = tiny(model=Net(norm=False), ranks=Pair(), optim=STILL)
    images, labels = some_images(16)
    training.do_step(images, labels)
    before = copy.deepcopy([value.grad for value in training.parts.model.parameters()])
    training.do_step(images, labels)
    assert training.parts.micro_batches.size == 8
    for value, expected in zip(training.parts.model.parameters(), before, strict=True):
        assert value.grad is not None
        assert expected is not None
        assert torch.allclose(value.grad, expected, rtol=1e-4, atol=1e-7)
    assert "out of memory (of another rank): 8 images at a time instead of 16" in caplog.text
