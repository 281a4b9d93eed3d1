"""What this machine is, asked of services that behave like each cloud's."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from fakes import metadata
from fakes.metadata import Cloud, serve_metadata
from support.programs import wait_for
from support.promptness import within
from taximeter_exporter.pricing.metadata import NoCloudError, detect
from taximeter_exporter.pricing.price import PricingModel


@pytest.mark.parametrize(
    ("cloud", "found"),
    [
        (metadata.aws(), "aws p4d.24xlarge in us-east-1, on_demand"),
        (metadata.aws("p5.48xlarge", "eu-west-1", "spot"), "aws p5.48xlarge in eu-west-1, spot"),
        (metadata.aws(life_cycle="capacity-block"), "aws p4d.24xlarge in us-east-1, capacity_block"),
        (metadata.google(), "google a2-highgpu-1g in us-central1, on_demand"),
        (
            metadata.google("a3-highgpu-8g", "europe-west4-b", {"preemptible": "TRUE"}),
            "google a3-highgpu-8g in europe-west4, spot",
        ),
        (
            metadata.google(scheduling={"preemptible": "FALSE", "provisioningModel": "SPOT"}),
            "google a2-highgpu-1g in us-central1, spot",
        ),
        (metadata.azure(), "azure NC24ads_A100_v4 in eastus, on_demand"),
        (metadata.azure("Standard_ND40rs_v2", "westeurope", "Spot"), "azure ND40rs_v2 in westeurope, spot"),
        (metadata.azure(priority="Regular"), "azure NC24ads_A100_v4 in eastus, on_demand"),
    ],
)
def test_each_cloud_says_what_it_is(cloud: Cloud, found: str) -> None:
    with serve_metadata(cloud) as address:
        assert str(detect(address, timeout_seconds=60)) == found


@pytest.mark.parametrize(
    ("cloud", "words"),
    [
        (metadata.portal, "aws: answers without a token; azure: answers something that is not JSON; google: answers w"),
        (metadata.redirecting, "aws: answers 302; azure: answers 302; google: answers 302"),
        (metadata.nowhere, "aws: answers 404; azure: answers 404; google: answers 404"),
        (metadata.aws(instance_type=""), "aws: answers without instanceType"),
        (metadata.azure(vm_size="two words"), "azure: answers without vmSize"),
        (lambda _: (200, {"Metadata-Flavor": "Google"}, b"[]"), "google: answers something that is not a JSON object"),
        (lambda _: (200, {"Metadata-Flavor": "Google"}, b"\xff"), "azure: answers something that is not text"),
        (lambda _: (200, {}, b"x" * 300_000), "azure: answers without end"),
    ],
)
def test_whoever_else_answers_is_no_cloud(cloud: Cloud, words: str) -> None:
    with serve_metadata(cloud) as address, pytest.raises(NoCloudError) as raised:
        detect(address, timeout_seconds=60)
    assert words in str(raised.value)


def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(NoCloudError, match=r"aws: cannot be reached \(Connection refused\)"):
            detect(address, timeout_seconds=60)


def test_a_service_that_never_answers_is_not_waited_for() -> None:
    with serve_metadata(metadata.silent) as address:
        silence = pytest.raises(NoCloudError, match="aws: does not answer in time; azure: does not answer in time")
        with within(2), silence:
            detect(address, timeout_seconds=0.3)


def _asking() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("metadata-")]


def test_an_answer_that_drips_in_is_not_waited_for() -> None:
    """Each byte comes in time, and the whole never does."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not over.wait(0.05):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threads = []

        def accept() -> None:
            for _ in range(3):
                threads.append(threading.Thread(target=drip, args=(server.accept()[0],)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        with within(2), pytest.raises(NoCloudError, match="aws: does not answer in time"):
            detect(f"127.0.0.1:{server.getsockname()[1]}", timeout_seconds=0.3)
        wait_for(lambda: not _asking(), "somebody still listens to the drip")
        accepting.join()
        over.set()
        for thread in threads:
            thread.join()


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the metadata service says is of this machine; a proxy's would be of another."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serve_metadata(metadata.aws()) as address:
        assert detect(address, timeout_seconds=60).pricing_model is PricingModel.ON_DEMAND
