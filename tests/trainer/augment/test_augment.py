"""What is done to training images, on the device and one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from taximeter.training.augment.affine import RandomAffine
from taximeter.training.augment.colour import RandomColour
from taximeter.training.augment.mixing import Mixing, seeded
from taximeter.training.augment.normalisation import Normalisation, measured
from taximeter.training.augment.on_device import BatchAugmentation
from taximeter.training.augment.one_by_one import Sizes, for_training, for_validation, sizes
from taximeter.training.config.resolve import resolve
from taximeter.training.config.schema import AugmentConfig, TrainConfig
from torch import Tensor
from torchvision.transforms import v2

CHANCE = torch.Generator().manual_seed(0)
PIXELS = torch.randint(0, 256, (16, 3, 12, 12), dtype=torch.uint8, generator=CHANCE)
PLAIN = Normalisation(mean=(0.0,) * 3, deviation=(1 / 255,) * 3, source="the pixels as they are")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two would wait for each other where the tests share the processors with something else."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def varied(pixels: Tensor = PIXELS, *, seed: int = 0, size: int = 12, **settings: Any) -> Tensor:
    """By the batch, without a normalisation."""
    augmentation = BatchAugmentation.of(AugmentConfig(**settings))
    chance = augmentation.draw(len(pixels), torch.Generator().manual_seed(seed))
    normalise = PLAIN.on(torch.device("cpu"))
    return augmentation(augmentation.with_margin(pixels), torch.arange(len(pixels)), chance, normalise, size)


def test_nothing_changes_nothing() -> None:
    assert torch.equal(varied(), PIXELS.float())


def test_about_so_many_are_mirrored_as_asked_for() -> None:
    many = PIXELS[:1].expand(1000, -1, -1, -1)
    mirrored = (varied(many, flip=0.3) == PIXELS[0].flip(2)).all((1, 2, 3)).sum().item()
    assert 250 < mirrored < 350
    assert torch.equal(varied(flip=1.0), PIXELS.flip(3).float())


def test_a_crop_is_a_part_of_the_image_with_black_around() -> None:
    many = PIXELS[:1].expand(500, -1, -1, -1)
    padded = torch.nn.functional.pad(PIXELS[0], (2, 2, 2, 2)).float()
    parts = {(y, x): padded[:, y : y + 12, x : x + 12] for y in range(5) for x in range(5)}
    seen = set()
    for image in varied(many, crop=2):
        (place,) = (place for place, part in parts.items() if torch.equal(part, image))
        seen.add(place)
    assert seen == set(parts)  # every place is possible


def test_to_switch_one_on_leaves_the_others_as_they_are() -> None:
    assert torch.equal(varied(crop=2, flip=1.0), varied(crop=2).flip(3))
    assert torch.allclose(varied(colour=0.3, flip=1.0), varied(colour=0.3).flip(3), atol=1e-3)


def test_each_image_has_a_draw_of_its_own_and_the_same_by_the_same_seed() -> None:
    same = PIXELS[:1].expand(4, -1, -1, -1)
    for name, amount in (("rotate", 30.0), ("scale", 0.3), ("shear", 0.3), ("translate", 0.3), ("colour", 0.5)):
        settings: dict[str, Any] = {name: amount}
        moved = varied(same, **settings)
        assert all(not torch.allclose(moved[0], moved[other], atol=0.1) for other in (1, 2, 3)), settings
        assert torch.equal(moved, varied(same, **settings))
        assert not torch.equal(moved, varied(same, seed=1, **settings))


def test_an_affine_by_nothing_changes_nothing() -> None:
    still = RandomAffine(degrees=0, scale=0, shear=0, translate=0)
    assert still.does_nothing
    assert torch.allclose(still(PIXELS.float(), torch.rand(5, 16)), PIXELS.float(), atol=1e-2)


def test_an_affine_shifts_by_a_share_of_the_image_and_goes_on_with_its_edge() -> None:
    image = torch.zeros(64, 1, 32, 32)
    image[:, :, 16, 16] = 1
    chance = torch.rand(5, 64, generator=torch.Generator().manual_seed(0))
    moved = RandomAffine(degrees=0, scale=0, shear=0, translate=0.125)(image, chance)
    rows = moved.sum(dim=(1, 3)).argmax(dim=1)
    assert rows.min() in (12, 13)
    assert rows.max() in (19, 20)
    lit = RandomAffine(degrees=0, scale=0, shear=0, translate=0.5)(torch.ones(64, 1, 32, 32), chance)
    assert torch.allclose(lit, torch.ones_like(lit))


def test_colours_are_varied_as_torchvision_does() -> None:
    pixels = PIXELS[:4].float() / 255
    chance = torch.rand(3, 4, generator=torch.Generator().manual_seed(5))
    ours = RandomColour(0.6)(pixels, chance)
    for image, its, draws in zip(pixels, ours, chance.T.tolist(), strict=True):
        brightness, contrast, saturation = (1 + (draw * 2 - 1) * 0.6 for draw in draws)
        expected = v2.functional.adjust_brightness(image, brightness)
        expected = v2.functional.adjust_contrast(expected, contrast)
        expected = v2.functional.adjust_saturation(expected, saturation)
        assert torch.allclose(its, expected, atol=1e-3)
    grey = RandomColour(0.6)(pixels[:, :1], chance)
    assert grey.shape == (4, 1, 12, 12)


def test_a_batch_is_resized() -> None:
    assert varied(size=20, flip=0.5, crop=1).shape == (16, 3, 20, 20)
    even = torch.full((2, 3, 12, 12), 77, dtype=torch.uint8)
    assert torch.allclose(varied(even, size=30), torch.full((2, 3, 30, 30), 77.0))


def test_normalisation_is_torchvisions_and_of_the_pixels() -> None:
    found = measured(PIXELS)
    pixels = PIXELS.double() / 255
    assert found.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist())
    assert found.deviation == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist())
    expected = v2.Normalize(found.mean, found.deviation)(PIXELS.float() / 255)
    assert torch.allclose(found.on(torch.device("cpu"))(PIXELS), expected, atol=1e-5)
    assert torch.equal(PIXELS.float(), PLAIN.on(torch.device("cpu"))(PIXELS.float()))


def test_pixels_that_are_all_the_same_can_be_normalised() -> None:
    dark = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    assert torch.equal(measured(dark).on(torch.device("cpu"))(dark), torch.zeros(3, 1, 4, 4))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"flip": 1.0},
        {"crop": 3},
        {"crop_area": 0.3},
        {"rotate": 20.0, "scale": 0.2, "shear": 0.2, "translate": 0.1},
        {"colour": 0.4},
        {"randaugment": 9},
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(12, 12), (40, 17), (5, 60)])
def test_one_by_one_an_image_of_any_size_becomes_a_square(
    settings: dict[str, Any], channels: int, shape: tuple[int, int]
) -> None:
    pixels = torch.randint(0, 256, (channels, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    config = AugmentConfig(**settings)
    transform = for_training(sizes(12, config), config)
    with seeded(3):
        first = transform(pixels)
    with seeded(3):
        second = transform(pixels)
    assert (first.shape, first.dtype) == ((channels, 12, 12), torch.uint8)
    assert torch.equal(first, second)


def test_one_by_one_nothing_changes_nothing() -> None:
    transform = for_training(Sizes(crop=12, resize=12), AugmentConfig())
    assert torch.equal(transform(PIXELS[0]), PIXELS[0])
    assert torch.equal(for_training(Sizes(crop=12, resize=12), AugmentConfig(flip=1.0))(PIXELS[0]), PIXELS[0].flip(2))


def test_validation_shows_the_middle_and_a_large_image_larger() -> None:
    assert sizes(224, AugmentConfig(crop_area=0.08)) == Sizes(crop=224, resize=256)
    assert sizes(32, AugmentConfig(crop_area=1.0)) == Sizes(crop=32, resize=32)
    wide = torch.zeros(1, 10, 30, dtype=torch.uint8)
    wide[:, :, 10:20] = 200
    assert (for_validation(Sizes(crop=10, resize=10))(wide) == 200).all()


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, None), (None, 1.0), (0.4, 1.0)])
def test_mixed_images_are_of_the_classes_by_their_shares(mixup: float | None, cutmix: float | None) -> None:
    """Each image is of the brightness of its class: so a mixed one is as bright as its shares say."""
    labels = torch.arange(16) % 4
    images = labels.float()[:, None, None, None].expand(-1, 3, 12, 12)
    mixing = Mixing(AugmentConfig(mixup=mixup, cutmix=cutmix), 4)
    before = torch.get_rng_state()
    different = 0
    for seed in range(8):
        mixed, shares = mixing(images, labels, seed)
        expected = (shares * torch.arange(4)).sum(1)
        assert torch.allclose(mixed.mean((1, 2, 3)), expected, atol=1e-5)
        assert torch.equal(mixing(images, labels, seed)[0], mixed)
        different += not torch.equal(mixed, images)
    assert different > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_without_mixing_a_batch_stays_as_it_is() -> None:
    mixing = Mixing(AugmentConfig(mixup=0.0), 4)
    labels = torch.arange(16)
    assert mixing.does_nothing
    assert mixing(PIXELS, labels, 0)[1] is labels


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"rotate": 12.0, "flip": 0.0, "crop_area": 1.0}),
        ({"rotate": 3.0}, {"rotate": 3.0, "scale": 0.12}),
        ({"augment": "none", "flip": 0.2}, {"rotate": 0.0, "flip": 0.2}),
        ({"dataset": "cifar10"}, {"flip": 0.5, "crop": 4}),
        ({"dataset": "folder", "data_dir": "."}, {"flip": 0.5, "crop": 0, "crop_area": 0.08}),
        ({"dataset": "folder", "data_dir": ".", "image_size": 32}, {"flip": 0.5, "crop": 4, "crop_area": 1.0}),
        ({"dataset": "folder", "data_dir": ".", "resident": "yes"}, {"flip": 0.5, "crop_area": 1.0}),
        ({"dataset": "synthetic"}, {"flip": 0.0, "mixup": 0.0}),
    ],
)
def test_what_suits_the_data_set(settings: dict[str, Any], expected: dict[str, float]) -> None:
    resolved = resolve(TrainConfig.of(**settings))
    assert {name: getattr(resolved.augment, name) for name in expected} == expected
    assert None not in resolved.settings().values() or resolved.data.image_size is not None
    assert resolve(resolved) == resolved
