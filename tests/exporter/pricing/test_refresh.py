"""A catalog of live offers: what gpuhunt has becomes one of ours, without what cannot be right."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.loopback import serving
from support.programs import program
from taximeter_exporter.cli import main
from taximeter_exporter.pricing.catalog_file import Catalog, parse_catalog, read_catalog
from taximeter_exporter.pricing.integrity import Kind
from taximeter_exporter.pricing.refresh import Offers, RefreshError, refreshed

DAY = date(2026, 11, 20)


@dataclass
class Offer:
    """As `gpuhunt.CatalogItem` has it."""

    instance_name: str
    price: float
    gpu_name: str | None = "A100"
    gpu_memory: float | None = 40.0
    gpu_count: int = 8
    location: str = "us-east-1"
    cpu: int = 96
    memory: float = 1152.0
    spot: bool = False


def catalog_of(**offers: list[Offer]) -> Catalog:
    return parse_catalog(refreshed({name: Offers(found, DAY) for name, found in offers.items()}).text, "live")


def test_offers_become_prices_with_their_date_and_source() -> None:
    (price,) = catalog_of(aws=[Offer("p4d.24xlarge", 21.95764)]).prices
    assert (price.per_hour, price.gpu_model, price.gpus) == (Decimal("21.95764"), "A100-40", 8)
    assert (price.vcpus, price.memory_gb) == (96, 1152)
    assert (price.as_of, price.source) == (DAY, "aws by gpuhunt (2026-11-20)")


def test_names_are_those_that_a_machine_says_of_itself() -> None:
    found = catalog_of(
        gcp=[Offer("a2-highgpu-1g", 3.67, gpu_count=1, location="us-central1-a")],
        azure=[Offer("Standard_ND96asr_v4", 27.2, location="eastus")],
    )
    assert [str(price.offer) for price in found.prices] == [
        "azure ND96asr_v4 in eastus, on_demand",
        "google a2-highgpu-1g in us-central1, on_demand",
    ]


def test_of_several_offers_of_the_same_the_cheapest_is_kept() -> None:
    (price,) = catalog_of(runpod=[Offer("x", 9.0), Offer("x", 8.0), Offer("x", 8.5)]).prices
    assert price.per_hour == 8


def test_unknown_gpus_machines_without_any_and_what_cannot_be_right_are_left_out_and_counted() -> None:
    found = refreshed(
        {
            "aws": Offers(
                [
                    Offer("p4d.24xlarge", 21.95764),
                    Offer("p4d.24xlarge", 21.95764, spot=True),
                    Offer("g4ad.xlarge", 0.4, gpu_name="V520", gpu_memory=8.0, gpu_count=1),
                    Offer("m5.large", 0.1, gpu_name=None, gpu_memory=None, gpu_count=0),
                    Offer("p4d.24xlarge", 21.95764, gpu_count=12, location="eu-west-1"),
                ],
                DAY,
            )
        }
    )
    assert (found.prices, found.unknown_gpus) == (1, 1)
    assert dict(found.mistakes) == {Kind.SPOT: 1, Kind.GPU_COUNT: 1}


def test_nothing_usable_is_an_error() -> None:
    with pytest.raises(RefreshError, match="no offer of a known GPU"):
        refreshed({"aws": Offers([Offer("m5.large", 0.1, gpu_count=0)], DAY)})


def test_without_gpuhunt_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "gpuhunt", None)
    path = tmp_path / "live.yaml"
    path.write_text("what was there")
    assert main(["prices", "--refresh", str(path)]) == 2
    assert "needs gpuhunt; install it: pip install './exporter[gpuhunt]'" in capsys.readouterr().err
    assert path.read_text() == "what was there"


@pytest.fixture
def published() -> Iterator[str]:
    """Where gpuhunt finds catalogs: one for AWS, and nothing else."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ROW)
    writer.writeheader()
    writer.writerow(ROW)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("aws.csv", text.getvalue())
    pages = {"/aws/version": b"20261119-7\n", "/aws/20261119-7/catalog.zip": packed.getvalue()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


ROW = {
    "instance_name": "p4d.24xlarge",
    "location": "us-east-1",
    "price": "21.95764",
    "cpu": "96",
    "memory": "1152.0",
    "gpu_count": "8",
    "gpu_name": "A100",
    "gpu_memory": "40.0",
    "spot": "False",
    "disk_size": "",
    "gpu_vendor": "nvidia",
}


@pytest.mark.skipif(find_spec("gpuhunt") is None, reason="gpuhunt is not installed (an extra of the exporter)")
def test_through_the_real_gpuhunt(tmp_path: Path, published: str) -> None:
    """A catalog that gpuhunt downloads has the day of its version, not that of the download."""
    path = tmp_path / "live.yaml"
    # a proxy that refuses keeps the providers that are asked live out of the test
    environ = {
        **os.environ,
        "GPUHUNT_CATALOG_URL": published,
        "NO_PROXY": "127.0.0.1",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    command = [program("taximeter-exporter"), "prices", "--refresh", str(path)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{path}: 1 prices of aws;")
    assert done.stderr == ""
    (price,) = read_catalog(path).prices
    assert (price.as_of, price.source) == (date(2026, 11, 19), "aws by gpuhunt (2026-11-19)")


@pytest.mark.skipif(find_spec("gpuhunt") is None, reason="gpuhunt is not installed (an extra of the exporter)")
def test_without_a_network_it_is_one_line(tmp_path: Path) -> None:
    environ = {**os.environ, "GPUHUNT_CATALOG_URL": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    command = [program("taximeter-exporter"), "prices", "--refresh", str(tmp_path / "live.yaml")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "gpuhunt has no catalog (Failed to load catalogs of all providers)" in done.stderr
