"""Batches, whether they lie in the device's memory or are read: each image once, by all ranks together; every place
can be gone on from; nothing depends on what else drew random numbers."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from taximeter.training.config.error import ConfigError
from taximeter.training.config.schema import TrainConfig
from taximeter.training.data.batches import Batches
from taximeter.training.data.load import load
from torch import Tensor
from trainer.data.conftest import CPU, on_cpu

IMAGES, BATCH = 50, 12  # 40 to train on: 3 batches of 12, and 4 left over
EVERYTHING: dict[str, Any] = {"flip": 0.5, "crop": 2, "rotate": 10.0, "scale": 0.1, "colour": 0.3}

BOTH = pytest.mark.parametrize("resident", ["yes", "no"])


def synthetic(resident: str, *, rank: int = 0, world: int = 1, **settings_: Any) -> tuple[Batches, Batches]:
    config = TrainConfig.of(
        dataset="synthetic",
        synthetic_images=IMAGES,
        synthetic_classes=5,
        batch_size=BATCH,
        image_size=8,
        workers=0,
        resident=resident,
        **settings_,
    )
    data = load(config, device=CPU, rank=rank, world=world, stream=io.StringIO())
    return data.training, data.validation


def all_of(batches: Batches) -> list[tuple[Tensor, Tensor]]:
    return [batches.to_device(*batch) for batch in batches]


def same(first: list[tuple[Tensor, Tensor]], second: list[tuple[Tensor, Tensor]]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
        for one, other in zip(first, second, strict=True)
    )


def marks(batches: list[tuple[Tensor, Tensor]]) -> list[float]:
    """What tells each image from the others."""
    return [mark for images, _ in batches for mark in images.double().square().sum((1, 2, 3)).tolist()]


@BOTH
def test_an_epoch_has_each_image_once_and_the_next_another_order(resident: str) -> None:
    training, validation = synthetic(resident)
    first, second = all_of(training), all_of(training)
    assert len(training) == len(first) == 3
    assert [len(labels) for _, labels in first] == [BATCH] * 3
    assert len(set(marks(first))) == 36
    assert marks(first) != marks(second)
    judged = all_of(validation)
    assert len(judged) == len(validation)
    assert len(set(marks(judged)) | set(marks(first))) == 10 + 36
    assert same(judged, all_of(validation))


@BOTH
@pytest.mark.parametrize("world", [2, 3, 4])
def test_ranks_divide_the_same_batches(resident: str, world: int) -> None:
    alone = all_of(synthetic(resident, **EVERYTHING)[0])
    ranks = [all_of(synthetic(resident, rank=rank, world=world, **EVERYTHING)[0]) for rank in range(world)]
    together = [
        (torch.cat([images for images, _ in parts]), torch.cat([labels for _, labels in parts]))
        for parts in zip(*ranks, strict=True)
    ]
    assert same(alone, together)


@BOTH
def test_ranks_judge_each_image_once(resident: str) -> None:
    alone = marks(all_of(synthetic(resident)[1]))
    together = [mark for rank in range(3) for mark in marks(all_of(synthetic(resident, rank=rank, world=3)[1]))]
    assert sorted(together) == pytest.approx(sorted(alone))


@BOTH
@settings(max_examples=8, deadline=None)
@given(stop=st.integers(0, 9), seed=st.integers(0, 3), mixup=st.sampled_from([0.0, 0.4]))
def test_from_every_place_the_very_next_batch_follows(resident: str, stop: int, seed: int, mixup: float) -> None:
    def endless(batches: Batches, count: int) -> list[tuple[Tensor, Tensor]]:
        out: list[tuple[Tensor, Tensor]] = []
        while len(out) < count:
            for batch in batches:
                out.append(batches.to_device(*batch))
                if len(out) == count:
                    break
        return out

    options = {**EVERYTHING, "seed": seed, "mixup": mixup}
    unbroken = endless(synthetic(resident, **options)[0], 10)
    before, after = synthetic(resident, **options)[0], synthetic(resident, **options)[0]
    begun = endless(before, stop)
    torch.rand(7)  # what the model does with chance is its own
    after.load_state_dict(before.state_dict())
    assert same(unbroken, begun + endless(after, 10 - stop))


@BOTH
def test_the_place_is_of_what_was_given_out(resident: str) -> None:
    training, _ = synthetic(resident)
    assert training.state_dict() == {"epoch": 0, "position": 0, "batches": 3}
    batches = iter(training)
    next(batches)
    next(batches)
    assert training.state_dict() == {"epoch": 0, "position": 2, "batches": 3}
    assert len(list(batches)) == 1
    assert training.state_dict() == {"epoch": 1, "position": 0, "batches": 3}


@BOTH
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"epoch": 0, "position": 0, "batches": 4}, "a place among 4 batches an epoch is none among 3"),
        ({"epoch": 0, "position": 4, "batches": 3}, "there is no batch 4 of epoch 0"),
        ({"epoch": -1, "position": 0, "batches": 3}, "there is no batch 0 of epoch -1"),
    ],
)
def test_a_place_elsewhere_is_refused(resident: str, place: Any, said: str) -> None:
    training, _ = synthetic(resident)
    with pytest.raises(ValueError, match=said):
        training.load_state_dict(place)


@BOTH
def test_chance_is_left_as_it_was(resident: str) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    training, validation = synthetic(resident, **EVERYTHING, mixup=0.2, cutmix=1.0)
    all_of(training)
    all_of(validation)
    assert torch.equal(torch.get_rng_state(), before)


@BOTH
def test_the_model_is_given_normalised_floats(resident: str) -> None:
    training, _ = synthetic(resident, augment="none")
    images = torch.cat([images for images, _ in all_of(training)])
    assert (images.dtype, images.shape[1:]) == (torch.float32, (3, 8, 8))
    assert images.mean().item() == pytest.approx(0, abs=0.05)
    assert images.std().item() == pytest.approx(1, abs=0.05)
    assert all(batch.is_contiguous(memory_format=torch.channels_last) for batch, _ in all_of(training))
    plain, _ = synthetic(resident, augment="none", channels_last="no")
    assert all(batch.is_contiguous() for batch, _ in all_of(plain))


def test_both_ways_give_the_same_images_where_nothing_is_varied() -> None:
    ways = [synthetic(resident, augment="none") for resident in ("yes", "no")]
    assert same(all_of(ways[0][0]), all_of(ways[1][0]))
    assert sorted(marks(all_of(ways[0][1]))) == pytest.approx(sorted(marks(all_of(ways[1][1]))))


@BOTH
def test_mixed_batches_have_shares_of_classes(resident: str) -> None:
    training, validation = synthetic(resident, mixup=0.4, cutmix=1.0)
    for images, labels in all_of(training):
        assert images.shape == (BATCH, 3, 8, 8)
        assert labels.shape == (BATCH, 5)
        assert torch.allclose(labels.sum(1), torch.ones(BATCH))
    assert any((labels > 0).sum() > BATCH for _, labels in all_of(training))
    assert all(labels.dtype == torch.int64 for _, labels in all_of(validation))


def test_ranks_that_cannot_share_a_batch() -> None:
    with pytest.raises(ConfigError, match=r"^--batch-size: 12 does not fit: a multiple of 5, the processes"):
        synthetic("no", world=5)


def test_the_digits_are_what_they_were() -> None:
    data = on_cpu()
    assert (data.training_images, data.validation_images, len(data.training)) == (1437, 360, 22)
    assert (data.channels, data.image_size, data.config.data.resident) == (1, 32, "yes")
    shares = torch.tensor(data.class_counts) / 1437
    labels = torch.cat([labels for _, labels in data.validation])
    assert torch.allclose(torch.bincount(labels) / 360, shares, atol=0.005)
    assert data.training.bytes_read == 0
    assert (data.config.augment.rotate, data.config.augment.flip, data.config.augment.mixup) == (12.0, 0.0, 0.0)
    other = torch.cat([labels for _, labels in on_cpu(seed=1).validation])
    assert not torch.equal(labels, other)


def test_synthetic_data_say_so(caplog: pytest.LogCaptureFixture) -> None:
    data = on_cpu(dataset="synthetic", synthetic_images=100, synthetic_channels=1, batch_size=8)
    assert data.describe(io.StringIO())[0].synthetic
    assert "synthetic" in data.classes[0]
    assert "the data are synthetic: noise" in caplog.text
    assert not on_cpu().describe(io.StringIO())[0].synthetic


def test_images_in_memory_are_resized_on_the_device() -> None:
    data = on_cpu(image_size=48, augment="none")
    images, _ = data.validation.to_device(*next(iter(data.validation)))
    assert images.shape == (360, 1, 48, 48)
    images, _ = data.training.to_device(*next(iter(data.training)))
    assert images.shape == (64, 1, 48, 48)
