"""Predictions over HTTP: what the model says, and an answer to everything that is no image."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient
from taximeter.training.checkpoint.error import CheckpointError
from taximeter.training.checkpoint.model import TrainedModel, checkpoint_of, load_model
from taximeter.training.data.decode import decode_bytes
from taximeter.training.serve import app
from taximeter.training.serve.app import Service
from taximeter.training.serve.batching import Batching
from taximeter.training.serve.metrics import ServingMetrics
from taximeter.training.serve.predictor import Predictor
from torchvision.transforms import v2

from .conftest import CLASSES, DATA, checkpoint, image, network

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(trained: Path) -> TrainedModel:
    return load_model(checkpoint_of(trained, "trained"), CPU)


@pytest.fixture
def metrics() -> ServingMetrics:
    return ServingMetrics("r", lambda: {"USD": Decimal(36)})


@pytest.fixture
def client(model: TrainedModel, metrics: ServingMetrics) -> Iterator[TestClient]:
    predictor = Predictor(model)
    batching = Batching(predictor.predict, most=4, wait_seconds=0.0, told=metrics.predicted)
    with TestClient(
        Service(model, predictor, batching, metrics).application(), raise_server_exceptions=False
    ) as client:
        yield client
    batching.stop()


def huge() -> bytes:
    """A file of a few thousand bytes, and an image that takes hundreds of megabytes."""
    file = io.BytesIO()
    Image.new("1", (9000, 8000)).save(file, "PNG")
    return file.getvalue()


HUGE = huge()


def by_hand(packed: bytes) -> torch.Tensor:
    """The probabilities, reckoned without anything of the server's."""
    pixels = decode_bytes(packed, 3)
    seen = v2.functional.center_crop(v2.functional.resize(pixels, [20], antialias=True), [16, 16]) / 255
    mean, deviation = (torch.tensor(part)[:, None, None] for part in (DATA.mean, DATA.deviation))
    with torch.inference_mode():
        answer: torch.Tensor = network()(((seen - mean) / deviation)[None])[0].softmax(0)
    return answer


def check(prediction: dict[str, Any], packed: bytes) -> None:
    probabilities = by_hand(packed)
    best = probabilities.topk(5)
    assert [guess["class"] for guess in prediction["top"]] == [CLASSES[place] for place in best.indices]
    assert [guess["probability"] for guess in prediction["top"]] == pytest.approx(best.values.tolist(), abs=1e-5)
    assert prediction["class"] == CLASSES[int(probabilities.argmax())]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_an_image_file_is_predicted_as_in_validation(client: TestClient, kind: str) -> None:
    packed = image(1, kind=kind)
    answer = client.post("/v1/predictions", content=packed, headers={"Content-Type": f"image/{kind.lower()}"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["run"], body["model"], len(body["predictions"])) == ("trained", "small-resnet", 1)
    check(body["predictions"][0], packed)


def test_several_images_keep_their_order(client: TestClient, metrics: ServingMetrics) -> None:
    packed = [image(seed) for seed in range(7)]
    body = {"images": [base64.b64encode(each).decode() for each in packed]}
    predictions = client.post("/v1/predictions", json=body).json()["predictions"]
    for prediction, each in zip(predictions, packed, strict=True):
        check(prediction, each)
    assert metrics.registry.get_sample_value("taximeter_serving_predictions_total", {"run": "r"}) == 7


@pytest.mark.parametrize(
    ("content_type", "content", "status", "said"),
    [
        ("image/png", b"", 400, "image 0 cannot be read: it is empty"),
        ("image/png", b"GIF89a", 400, "image 0 cannot be read"),
        ("image/png", image(1)[:200], 400, "image 0 cannot be read"),
        ("image/png", HUGE, 400, "image 0 cannot be read: 9000×8000 pixels are more than 64,000,000"),
        ("text/plain", b"x", 415, "Content-Type text/plain"),
        ("", b"x", 415, "Content-Type is missing"),
        ("application/json", b"{", 400, 'the body is not {"images"'),
        ("application/json", b"[]", 400, 'the body is not {"images"'),
        ("application/json", b'{"images": []}', 400, "images: 0 do not fit: 1 to 256"),
        ("application/json", b'{"images": ["?"]}', 400, 'the body is not {"images"'),
        ("application/json", b'{"images": [7]}', 400, 'the body is not {"images"'),
        ("application/json", b"[" * 100_000, 400, 'the body is not {"images"'),
    ],
)
def test_what_is_no_image_is_an_error_in_words(
    client: TestClient, metrics: ServingMetrics, content_type: str, content: bytes, status: int, said: str
) -> None:
    answer = client.post("/v1/predictions", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.json()["error"]["message"].startswith(said)
    counted = metrics.registry.get_sample_value("taximeter_serving_requests_total", {"run": "r", "code": str(status)})
    assert counted == 1


def test_a_body_has_a_limit(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_BODY_BYTES", 1000)
    answer = client.post("/v1/predictions", content=b"x" * 1001, headers={"Content-Type": "image/png"})
    assert answer.status_code == 413


def test_a_model_that_fails_is_counted_and_the_next_request_answered(
    client: TestClient, metrics: ServingMetrics, model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no memory")

    with monkeypatch.context() as patched:
        patched.setattr(model.module, "forward", fail)
        assert (
            client.post("/v1/predictions", content=image(1), headers={"Content-Type": "image/png"}).status_code == 500
        )
    assert client.post("/v1/predictions", content=image(1), headers={"Content-Type": "image/png"}).status_code == 200
    labels = {"run": "r", "code": "500"}
    assert metrics.registry.get_sample_value("taximeter_serving_requests_total", labels) == 1


def test_what_is_served_is_told(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok\n"
    told = client.get("/v1/model").json()
    assert (told["run"], told["classes"], told["accuracy"], told["epoch"]) == ("trained", list(CLASSES), 0.5, 3)
    client.post("/v1/predictions", content=image(1), headers={"Content-Type": "image/png"})
    scraped = client.get("/metrics")
    assert scraped.headers["Content-Type"].startswith("text/plain")
    assert 'taximeter_serving_cost_per_1000_predictions{currency="USD",run="r"}' in scraped.text


def test_the_average_is_what_is_served_where_there_is_one(tmp_path: Path) -> None:
    served = load_model(checkpoint(tmp_path / "ema.pt", ema=True), CPU)
    packed = image(3)
    predictor = Predictor(served)
    (guesses,) = predictor.predict([predictor.prepare(packed)])
    assert guesses[0].label == CLASSES[int(by_hand(packed).argmax())]
    assert guesses[0].probability == pytest.approx(by_hand(packed).max().item(), abs=1e-5)


def test_a_run_that_is_not_there_is_said_with_those_that_are(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint of 'trainde' in .*near to it: trained"):
        checkpoint_of(trained, "trainde")
    with pytest.raises(CheckpointError, match="has no run with a checkpoint"):
        checkpoint_of(tmp_path, "trained")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="its weights do not fit its model"):
        load_model(checkpoint(tmp_path / "other.pt", model="resnet18"), CPU)
    with pytest.raises(CheckpointError, match="No such file"):
        load_model(tmp_path / "none.pt", CPU)


def test_only_a_few_images_are_decoded_at_a_time(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, now, most = threading.Lock(), 0, 0
    prepare = Predictor.prepare

    def counted(self: Predictor, packed: bytes) -> torch.Tensor:
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
        time.sleep(0.02)  # so that others come meanwhile
        with lock:
            now -= 1
        return prepare(self, packed)

    monkeypatch.setattr(Predictor, "prepare", counted)
    headers = {"Content-Type": "image/png"}
    with ThreadPoolExecutor(16) as users:
        answers = users.map(
            lambda seed: client.post("/v1/predictions", content=image(seed), headers=headers), range(32)
        )
        assert {answer.status_code for answer in answers} == {200}
    assert most <= app.DECODED_AT_ONCE
