"""CIFAR and Fashion-MNIST in the files that torchvision keeps, with a handful of made-up images; downloads by HTTP."""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import tarfile
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.loopback import serving
from taximeter.training.config.error import ConfigError
from taximeter.training.config.schema import TrainConfig
from taximeter.training.data.load import prepare
from taximeter.training.data.torchvision_sets import open_known
from torchvision import datasets
from trainer.data.conftest import on_cpu

TRAINING, VALIDATION = 30, 10
CHANCE = np.random.default_rng(0)
PIXELS = CHANCE.integers(0, 256, (TRAINING + VALIDATION, 3, 32, 32), dtype=np.uint8)
GREY = CHANCE.integers(0, 256, (TRAINING + VALIDATION, 28, 28), dtype=np.uint8)
LABELS = np.arange(TRAINING + VALIDATION) % 10


def config(root: Path, dataset: str = "cifar10", **settings: Any) -> TrainConfig:
    # The catalogue's sizes let a batch be larger than what is made up here.
    return TrainConfig.of(dataset=dataset, data_dir=root, batch_size=10, **settings)


def cifar_files(kind: type[datasets.CIFAR10]) -> dict[str, bytes]:
    """Training in as many files as CIFAR has them."""
    key, names = ("fine_labels", "fine_label_names") if kind is datasets.CIFAR100 else ("labels", "label_names")
    rows = PIXELS.reshape(len(PIXELS), -1)
    parts = np.array_split(np.arange(TRAINING), len(kind.train_list))
    files = {
        name: pickle.dumps({"data": rows[part], key: LABELS[part].tolist()})
        for (name, _), part in zip(kind.train_list, parts, strict=True)
    }
    files[kind.test_list[0][0]] = pickle.dumps({"data": rows[TRAINING:], key: LABELS[TRAINING:].tolist()})
    files[str(kind.meta["filename"])] = pickle.dumps({names: [f"class {number}" for number in range(10)]})
    return files


def md5(packed: bytes) -> str:
    return hashlib.md5(packed, usedforsecurity=False).hexdigest()


@pytest.fixture(params=["cifar10", "cifar100"])
def cifar(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, bytes]]:
    """The files of a made-up CIFAR, which torchvision takes for whole."""
    kind = datasets.CIFAR10 if request.param == "cifar10" else datasets.CIFAR100
    files = cifar_files(kind)
    for name in ("train_list", "test_list"):
        monkeypatch.setattr(kind, name, [[file, md5(files[file])] for file, _ in getattr(kind, name)])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(files[str(kind.meta["filename"])])})
    return request.param, {f"{kind.base_folder}/{name}": packed for name, packed in files.items()}


def lay(root: Path, files: dict[str, bytes]) -> None:
    for name, packed in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(packed)


def test_cifar_is_read_as_it_is(cifar: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    name, files = cifar
    lay(tmp_path, files)
    raw = open_known(config(tmp_path, name).data, 0)
    assert raw.validation is not None
    assert (len(raw.training), len(raw.validation), raw.channels) == (TRAINING, VALIDATION, 3)
    assert torch.equal(raw.training.read(7)[0], torch.from_numpy(PIXELS[7]))
    assert torch.equal(raw.validation.labels, torch.from_numpy(LABELS[TRAINING:]))
    assert raw.bytes_read == sum(map(len, files.values()))
    assert raw.classes[3] == "class 3"


def test_fashion_mnist_is_read_as_it_is(tmp_path: Path) -> None:
    files = {}
    for part, chosen in (("train", slice(TRAINING)), ("t10k", slice(TRAINING, None))):
        pixels, numbers = GREY[chosen], LABELS[chosen].astype(np.uint8)
        files[f"FashionMNIST/raw/{part}-images-idx3-ubyte"] = struct.pack(">4i", 2051, *pixels.shape) + pixels.tobytes()
        files[f"FashionMNIST/raw/{part}-labels-idx1-ubyte"] = struct.pack(">2i", 2049, len(numbers)) + numbers.tobytes()
    lay(tmp_path, files)
    data = on_cpu(dataset="fashion-mnist", data_dir=tmp_path, batch_size=10)
    assert (data.channels, data.image_size, data.training_images, data.validation_images) == (1, 28, 30, 10)
    assert data.classes[0] == "T-shirt/top"
    assert data.training.bytes_read == sum(map(len, files.values()))
    images, labels = data.validation.to_device(*next(iter(data.validation)))
    mean, deviation = GREY[:TRAINING].mean() / 255, GREY[:TRAINING].std() / 255
    expected = (torch.from_numpy(GREY[TRAINING:])[:, None] / 255 - mean) / deviation
    assert torch.allclose(images, expected.float(), atol=1e-5)
    assert torch.equal(labels, torch.from_numpy(LABELS[TRAINING:]))
    # cut short, it is not taken for whole
    (tmp_path / "FashionMNIST/raw/t10k-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, 10, 28, 28))
    with pytest.raises(ConfigError, match=r"^--dataset: fashion-mnist is not, or not whole, in .*FashionMNIST/raw: "):
        on_cpu(dataset="fashion-mnist", data_dir=tmp_path, batch_size=10)


def test_what_a_kill_cut_short_is_told_before_it_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "FashionMNIST/raw"
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, 10, 28, 28))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(ConfigError, match=f"^--dataset: .* cannot be .*; try again, delete {folder} if .* short"):
        prepare(config(tmp_path, "fashion-mnist"))
    whole = struct.pack(">4i", 2051, 1, 28, 28) + bytes(28 * 28)
    (folder / "train-images-idx3-ubyte").write_bytes(whole)
    with pytest.raises(ConfigError, match="cannot be downloaded or read"):
        prepare(config(tmp_path, "fashion-mnist"))


def test_what_is_not_there_is_not_fetched_unasked(tmp_path: Path) -> None:
    prepare(config(tmp_path, download=False))
    with pytest.raises(ConfigError, match=r"^--dataset: cifar10 is not.* in .*: without --no-download it is fetched$"):
        on_cpu(dataset="cifar10", data_dir=tmp_path, batch_size=10, download=False)


class Gone(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def test_what_is_not_there_is_fetched_once_and_shown(
    cifar: tuple[str, dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, files = cifar
    kind = datasets.CIFAR10 if name == "cifar10" else datasets.CIFAR100
    packed = archive(files)
    asked = []

    class Offers(Gone):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

    monkeypatch.setattr(kind, "tgz_md5", md5(packed))
    with serving(Offers) as port:
        monkeypatch.setattr(kind, "url", f"http://127.0.0.1:{port}/{kind.filename}")
        prepare(config(tmp_path / "new", name))
        fetched = len(asked)
        prepare(config(tmp_path / "new", name))
    assert fetched == len(asked) > 0
    printed = capsys.readouterr()
    assert printed.out == ""  # that is the bill's
    assert "100%" in printed.err
    assert len(open_known(config(tmp_path / "new", name).data, 0).training) == TRAINING


def test_what_cannot_be_fetched_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Gone) as port:
        monkeypatch.setattr(datasets.CIFAR10, "url", f"http://127.0.0.1:{port}/x.tar.gz")
        with pytest.raises(ConfigError) as gone:
            prepare(config(tmp_path))
    with pytest.raises(ConfigError) as away:
        prepare(config(tmp_path))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError) as no_folder:
        prepare(config(tmp_path / "file"))
    for wrong, reason in ((gone, "Not Found"), (away, "Connection refused"), (no_folder, "File exists")):
        said = str(wrong.value)
        assert said.startswith("--dataset: cifar10 cannot be downloaded (")
        assert reason in said
        assert said.endswith("cifar-10-batches-py")
        assert "\n" not in said
