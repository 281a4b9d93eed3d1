"""Models by name: what goes in, what comes out, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from taximeter.training.config import ConfigError
from taximeter.training.models.build import build_model, model_names
from taximeter.training.models.stages import head_of, stages_of
from torch import nn
from torchvision.models import resnet18

LOOSE = ("class_token", "encoder.pos_embedding")


def logits(model: nn.Module, channels: int, size: int, images: int = 2) -> torch.Tensor:
    model.train()
    out: torch.Tensor = model(torch.zeros(images, channels, size, size))
    return out


# One of each family that is put together in its own way; the small ones, to be quick.
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("small-resnet", 32),
        ("resnet18", 32),
        ("densenet121", 32),
        ("efficientnet_b0", 32),
        ("mobilenet_v3_small", 32),
        ("shufflenet_v2_x0_5", 32),
        ("regnet_y_400mf", 32),
        ("mnasnet0_5", 32),
        ("squeezenet1_1", 32),
        ("googlenet", 32),
        ("swin_t", 32),
        ("vit_b_32", 32),
        ("alexnet", 64),
    ],
)
def test_a_model_of_each_family_takes_grey_images_and_any_number_of_classes(name: str, size: int) -> None:
    model = build_model(name, classes=7, channels=1, image_size=size)
    assert logits(model, 1, size).shape == (2, 7)
    assert sum(parameter.numel() for stage in stages_of(model).values() for parameter in stage.parameters()) == sum(
        parameter.numel() for key, parameter in model.named_parameters() if key not in LOOSE
    )


def test_every_classifier_of_torchvision_is_there() -> None:
    names = model_names()
    assert {"small-resnet", "resnet50", "densenet121", "efficientnet_b0", "vit_b_16", "convnext_tiny"} <= set(names)
    assert not {name for name in names if "rcnn" in name or "quantized" in name}


@pytest.mark.parametrize(("size", "kernel", "features"), [(32, 3, 4), (64, 3, 8), (65, 7, 3)])
def test_small_images_get_a_stem_that_leaves_something_of_them(size: int, kernel: int, features: int) -> None:
    model = build_model("resnet18", classes=2, channels=3, image_size=size)
    seen: list[torch.Size] = []
    model.get_submodule("layer4").register_forward_hook(lambda _part, _in, out: seen.append(out.shape))
    logits(model, 3, size)
    assert model.state_dict()["conv1.weight"].shape[-1] == kernel
    assert seen == [(2, 512, features, features)]


@pytest.mark.parametrize("name", ["small-resnet", "resnet18", "mobilenet_v3_small", "squeezenet1_1"])
def test_dropout_goes_before_the_last_layer(name: str) -> None:
    model = build_model(name, classes=3, channels=3, image_size=32, dropout=0.9)
    dropouts = [part for part in head_of(model)[1].modules() if isinstance(part, nn.Dropout)]
    assert [dropout.p for dropout in dropouts] == [0.9]
    model.eval()
    images = torch.randn(4, 3, 32, 32)
    assert torch.equal(model(images), model(images))
    dropouts[0].train()
    assert not torch.equal(model(images), model(images))


@pytest.mark.parametrize(
    ("name", "near"), [("resnet19", "resnet18"), ("RESNET50", "resnet50"), ("eficientnet_b0", "efficientnet_b0")]
)
def test_an_unknown_name_is_answered_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"--model: there is no model '{name}'; near to it: .*{near}"):
        build_model(name, classes=10, channels=3, image_size=32)


@pytest.mark.parametrize(("name", "size"), [("alexnet", 32), ("inception_v3", 64), ("vit_b_16", 33), ("maxvit_t", 32)])
def test_images_that_a_model_cannot_take_are_refused(name: str, size: int) -> None:
    with pytest.raises(ConfigError, match=rf"--image-size: {size} does not fit {name} \(.+\)"):
        build_model(name, classes=10, channels=3, image_size=size)


@pytest.fixture(scope="module")
def imagenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as torchvision publishes it, of a network that nobody has trained."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(resnet18().state_dict(), path)
    return path


def test_weights_from_a_file_leave_only_the_head_new(imagenet_file: Path) -> None:
    weights = torch.load(imagenet_file, weights_only=True)
    model = build_model("resnet18", classes=5, channels=3, image_size=32, weights=imagenet_file)
    have = model.state_dict()
    assert have["fc.weight"].shape == (5, 512)
    assert all(torch.equal(have[name], weights[name]) for name in weights if not name.startswith("fc."))


def test_grey_images_count_in_pretrained_weights_as_three_equal_channels(imagenet_file: Path) -> None:
    coloured = build_model("resnet18", classes=1000, channels=3, image_size=64, weights=imagenet_file).eval()
    grey = build_model("resnet18", classes=1000, channels=1, image_size=64, weights=imagenet_file).eval()
    images = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(grey(images), coloured(images.expand(-1, 3, -1, -1)), atol=1e-4)


def test_a_checkpoint_of_our_own_stem_is_taken_back(tmp_path: Path) -> None:
    before = build_model("resnet18", classes=5, channels=3, image_size=32)
    torch.save({"model": {f"module.{name}": value for name, value in before.state_dict().items()}}, tmp_path / "w.pt")
    after = build_model("resnet18", classes=5, channels=3, image_size=32, weights=tmp_path / "w.pt")
    assert all(torch.equal(value, after.state_dict()[name]) for name, value in before.state_dict().items())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is no whole file of torch.save, or holds more than tensors"),
        (b"GIF89a, not weights", "is no whole file of torch.save, or holds more than tensors"),
        ({"epoch": 3}, "holds no state dict, nor one under model or state_dict"),
        ({"layer9.weight": torch.zeros(2)}, "holds another model's weights: conv1.weight is missing, not 64×3×7×7"),
        (resnet18, "is no whole file of torch.save, or holds more than tensors"),  # code, which is never run
    ],
)
def test_a_file_that_holds_no_fitting_weights(tmp_path: Path, content: object, complaint: str) -> None:
    path = tmp_path / "w.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ConfigError) as wrong:
        build_model("resnet18", classes=5, channels=3, image_size=96, weights=path)
    assert str(wrong.value).startswith(f"--weights: {path} {complaint}")
    assert "\n" not in str(wrong.value)


def test_pretrained_weights_that_cannot_be_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(ConfigError, match=r"--pretrained: https://.*resnet18.* could not be downloaded \(.*--weights"):
        build_model("resnet18", classes=5, channels=3, image_size=224, pretrained=True)


def test_published_weights_come_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(2)
    weights = resnet18().state_dict()
    torch.save(weights, folder / "resnet18-f37072fd.pth")  # the name says so, the content is nobody's training
    model = build_model("resnet18", classes=5, channels=3, image_size=32, pretrained=True)
    assert torch.equal(model.state_dict()["layer1.0.conv1.weight"], weights["layer1.0.conv1.weight"])
    assert model.state_dict()["conv1.weight"].shape[-1] == 7  # the stem that the weights belong to


def test_the_small_model_has_no_published_weights() -> None:
    with pytest.raises(ConfigError, match="--pretrained: nobody has published weights of small-resnet"):
        build_model("small-resnet", classes=10, channels=1, image_size=32, pretrained=True)
