"""The HTTP application: images in, classes out."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Sequence
from typing import Any

from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from torch import Tensor

from taximeter.training.checkpoint.model import TrainedModel
from taximeter.training.data.decode import UnreadableImage
from taximeter.training.serve.batching import Batching, Full
from taximeter.training.serve.metrics import ServingMetrics
from taximeter.training.serve.predictor import Guess, Predictor

MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_IMAGES = 256
"""Of one request."""

DECODED_AT_ONCE = 4
"""Images: more at a time are no faster, and large ones would need more memory than there is."""

_JSON = "application/json"

Guesses = tuple[Guess, ...]


class Refused(Exception):
    """A request that cannot be answered; says what would be right."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Service:
    """What the application answers with."""

    def __init__(
        self, model: TrainedModel, predictor: Predictor, batching: Batching[Tensor, Guesses], metrics: ServingMetrics
    ) -> None:
        self._model = model
        self._predictor = predictor
        self._batching = batching
        self._metrics = metrics
        self._decoding = asyncio.Semaphore(DECODED_AT_ONCE)

    def application(self) -> Starlette:
        """`POST /v1/predictions`, `GET /v1/model`, `/healthz`, `/metrics`."""
        return Starlette(
            routes=[
                Route("/v1/predictions", self._counted, methods=["POST"]),
                Route("/v1/model", self._describe),
                Route("/healthz", _alive),
                Route("/metrics", self._scrape),
            ]
        )

    async def _counted(self, request: Request) -> Response:
        began = time.perf_counter()
        try:
            body = await _body(request)
            began = time.perf_counter()
            response: Response = JSONResponse(await self._predict(request, body))
        except Refused as refused:
            response = _error(refused.status, str(refused))
        except ClientDisconnect:
            response = _error(400, "the request did not arrive whole")
        except Full:
            response = _error(503, "more is asked for than can be answered in time; ask again in a second")
            response.headers["Retry-After"] = "1"
        except Exception:
            self._metrics.answered(500, time.perf_counter() - began)
            raise
        self._metrics.answered(response.status_code, time.perf_counter() - began)
        return response

    async def _predict(self, request: Request, body: bytes) -> dict[str, Any]:
        files = _images(request.headers.get("Content-Type", ""), body)
        prepared = [await self._prepared(position, packed) for position, packed in enumerate(files)]
        waiting = [asyncio.wrap_future(self._batching.submit(image)) for image in prepared]
        answers: Sequence[Guesses] = await asyncio.gather(*waiting)
        return {
            "run": self._model.header.run,
            "model": self._model.header.settings["model"],
            "predictions": [
                {
                    "class": guesses[0].label,
                    "probability": round(guesses[0].probability, 6),
                    "top": [{"class": guess.label, "probability": round(guess.probability, 6)} for guess in guesses],
                }
                for guesses in answers
            ],
        }

    async def _prepared(self, position: int, packed: bytes) -> Tensor:
        async with self._decoding:
            return await run_in_threadpool(self._prepare, position, packed)

    def _prepare(self, position: int, packed: bytes) -> Tensor:
        try:
            return self._predictor.prepare(packed)
        except UnreadableImage as wrong:
            raise Refused(400, f"image {position} cannot be read: {wrong}") from None

    async def _describe(self, _: Request) -> Response:
        header, data = self._model.header, self._model.data
        return JSONResponse(
            {
                "run": header.run,
                "model": header.settings["model"],
                "epoch": header.epoch,
                "accuracy": header.accuracy,
                "dataset": data.dataset,
                "synthetic": data.synthetic,
                "classes": list(data.classes),
                "image_size": data.image_size,
                "device": str(self._model.device),
            }
        )

    async def _scrape(self, request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(self._metrics.registry), media_type=content_type)


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Refused(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def _images(content_type: str, body: bytes) -> list[bytes]:
    """The image files of a request: the body itself, or those in its JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _JSON:
        return _listed(body)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return [body]
    raise Refused(
        415,
        f"Content-Type {kind or 'is missing'}: send an image file as image/png or the like, or several as {_JSON},"
        ' {"images": ["base64", …]}',
    )


def _listed(body: bytes) -> list[bytes]:
    try:
        images = json.loads(body)["images"]
        if not 1 <= len(images) <= MAX_IMAGES:
            raise Refused(400, f"images: {len(images)} do not fit: 1 to {MAX_IMAGES}")
        return [base64.b64decode(image, validate=True) for image in images]
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise Refused(400, 'the body is not {"images": ["base64", …]}') from None


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"status": status, "message": message}}, status_code=status)
