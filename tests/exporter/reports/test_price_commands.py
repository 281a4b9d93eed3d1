"""`prices`, `compare` and what `check` says of a price, as they are typed."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fakes import metadata
from fakes.metadata import serve_metadata
from support.programs import exporter, wait_for, write_config
from taximeter_exporter.cli import main

P4D = "host: {provider: aws, region: us-east-1, instance_type: p4d.24xlarge}\n"


def typed(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    status = main(list(args))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def answered(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    status, out, err = typed(capsys, *args, "--format", "json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_the_three_a100_prices_that_the_project_starts_from(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "compare", "--gpu", "A100", "--hours", "1")
    started = {
        entry["provider"]: entry
        for entry in found["elsewhere"]
        if entry["same_gpu"] and entry["gpu_model"] == "A100" and entry["provider"] != "vast"
    }
    costs = {provider: entry["cost"] for provider, entry in started.items()}
    assert costs == {"burncloud": {"USD": "0.800000"}, "google": {"USD": "2.500000"}, "azure": {"USD": "2.400000"}}
    for entry in started.values():
        assert (entry["confidence"], entry["as_of"], entry["stale"]) == ("low", None, True)
        assert "a blog post without a date" in entry["source"]


def test_compare_puts_the_same_gpu_first_and_says_how_fast_the_others_are(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "compare", "--gpu", "A100-80", "--gpus", "8", "--hours", "2.5")["elsewhere"]
    same = [entry["same_gpu"] for entry in found]
    assert same == sorted(same, reverse=True)
    assert {entry["gpu_model"] for entry in found if entry["same_gpu"]} == {"A100-80"}
    (p4de,) = (e for e in found if e["instance_type"] == "p4de.24xlarge" and e["pricing_model"] == "on_demand")
    assert Decimal(p4de["cost"]["USD"]) == Decimal("27.44705") * Decimal("2.5") == Decimal(p4de["whole_cost"]["USD"])
    (h200,) = (entry for entry in found if entry["instance_type"] == "p5en.48xlarge")
    assert h200["throughput_ratio"] == f"{989 / 312:.4f}"
    status, out, _ = typed(capsys, "compare", "--gpu", "A100-80")
    assert status == 0
    assert out.startswith("1 x A100-80 for 1 h\n")
    assert "[1] the shipped catalog: " in out


def test_compare_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, P4D + "discounts:\n  - {provider: aws, percent: 50}\n")
    found = answered(capsys, "compare", "--config", str(config), "--hours", "10")
    assert (found["of"], found["gpus"]) == ("aws p4d.24xlarge in us-east-1, on_demand", "8")
    assert found["cost"] == {"USD": "109.788200"}
    (here,) = (
        entry
        for entry in found["elsewhere"]
        if entry["instance_type"] == "p4d.24xlarge" and entry["pricing_model"] == "on_demand"
    )
    assert (here["cost"], here["discount_percent"]) == (found["cost"], "50")


def test_compare_a_run_while_the_exporter_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path)
    with exporter(config, "--simulate") as running:
        run = running.call("POST", "/api/v1/runs", {"run": "a", "project": "demo"}).json()

        def renewed() -> bool:
            running.call("POST", "/api/v1/runs/a/renew", {"lease": run["lease"]})
            return bool(running.get("/api/v1/runs/a").json()["device_seconds"] > 1)

        wait_for(renewed, "the run has no time")
        ended = running.call("POST", "/api/v1/runs/a/end", {"lease": run["lease"], "result": "finished"}).json()
        found = answered(capsys, "compare", "--run", "a", "--gpu", "H100", "--config", str(config))
        status, _, err = typed(capsys, "compare", "--run", "b", "--gpu", "H100", "--config", str(config))
        assert (status, "the ledger has no time of a run 'b'" in err) == (2, True)
        status, _, err = typed(capsys, "compare", "--run", "a", "--config", str(config))
        assert (status, "say with --gpu which it was" in err) == (2, True)
    assert (found["cost"], found["gpus"], found["simulated"]) == (ended["cost"], "8", True)
    hours = Fraction(found["hours"]) * 8
    assert abs(hours - Fraction(ended["device_seconds"]) / 3600) < Fraction(1, 10**4)


def test_prices_are_searched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "prices", "--provider", "aws", "--gpu", "a100", "--pricing-model", "on_demand")
    assert [(entry["gpu_model"], entry["per_hour"]) for entry in found] == [
        ("A100-40", {"USD": "21.95764"}),
        ("A100-80", {"USD": "27.44705"}),
    ]
    found = answered(capsys, "prices", "--region", "us-south", "--gpu", "V100")
    assert [(entry["vcpus"], entry["memory_gb"], entry["confidence"]) for entry in found] == [(8, 64, "as_stated")]
    status, out, _ = typed(capsys, "prices", "--provider", "ibm", "--gpu", "T4")
    assert (status, out) == (1, "No price matches all of that.\n")
    config = write_config(tmp_path, P4D + "discounts:\n  - {provider: aws, percent: 50}\n")
    status, out, _ = typed(capsys, "prices", "--provider", "aws", "--gpu", "A100-40", "--config", str(config))
    assert status == 0
    assert "10.9788" in out
    assert "; less 50%" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("prices", "--gpu", "A1000"), "--gpu: 'A1000' is not a known GPU; there are: V100-16, V100-32"),
        (("prices", "--provider", "asw"), "--provider: no price is for 'asw' (did you mean 'aws')"),
        (("prices", "--region", "us-east"), "--region: no price is for 'us-east' (did you mean"),
        (("prices", "--config", "/absent"), "/absent: cannot be read"),
        (("compare", "--gpu", "A1000"), "--gpu: 'A1000' is not a known GPU"),
        (("compare", "--run", "a", "--hours", "1"), "--run: has its own GPUs and hours; leave out --gpus and --hours"),
        (("compare", "--config", "/absent"), "/absent: cannot be read"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    args: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = typed(capsys, *args)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.parametrize("option", [("--hours", "0"), ("--hours", "nan"), ("--hours", "x"), ("--gpus", "1.5")])
def test_numbers_that_cannot_be(option: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["compare", "--gpu", "A100", *option])
    assert raised.value.code == 2
    assert f"argument {option[0]}: " in capsys.readouterr().err


def test_terms_that_nobody_offers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["prices", "--pricing-model", "spott"])
    assert raised.value.code == 2
    assert "--pricing-model: 'spott' is none of: on_demand, spot, reserved_1y," in capsys.readouterr().err


def test_a_machine_whose_price_names_no_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = typed(capsys, "compare", "--config", str(write_config(tmp_path)))
    assert status == 2
    assert "names no known GPU (none); set its `gpu_model` and `gpus`" in err


def test_check_says_why_this_price(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = str(write_config(tmp_path, "host: auto\ndiscounts:\n  - {provider: aws, percent: 50}\n"))
    with serve_metadata(metadata.aws()) as address:
        monkeypatch.setenv("TAXIMETER_METADATA_ADDRESS", address)
        status, out, _ = typed(capsys, "check", "--config", config)
        found = answered(capsys, "check", "--config", config)
    assert status == 0
    assert "machine   aws p4d.24xlarge in us-east-1, on_demand (as the cloud says)" in out
    assert "because   the shipped catalog says so: SkyPilot catalog v8" in out
    assert "because   a discount of 50% is taken off, as configured" in out
    assert "because   it is of 2026-01-01" in out
    assert found["detected"] is True
    assert (found["price"]["origin"], found["price"]["discount_percent"]) == ("the shipped catalog", "50")


@pytest.mark.parametrize("command", ["prices", "compare", "check"])
def test_help_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main([command, "--help"])
    assert raised.value.code == 0
    assert "usage: taximeter-exporter" in capsys.readouterr().out
