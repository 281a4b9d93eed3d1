"""Who a run is: arguments before the environment, and a wrong one is named."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from taximeter.names import check_run, default_run
from taximeter.settings import Address, resolve


def test_arguments_go_before_the_environment() -> None:
    environ = {
        "TAXIMETER_RUN": "from-env",
        "TAXIMETER_PROJECT": "env",
        "TAXIMETER_TEAM": "research",
        "TAXIMETER_USER": "",
        "TAXIMETER_EXPORTER": "https://gpu-box:9999/taximeter/",
    }
    settings = resolve(project="vision", environ=environ)
    assert (settings.run, settings.project, settings.team, settings.user) == ("from-env", "vision", "research", None)
    assert settings.exporter == "https://gpu-box:9999/taximeter"


def test_defaults() -> None:
    settings = resolve(environ={})
    assert settings.project == "default"
    assert settings.exporter == "http://127.0.0.1:9877"
    assert settings.listen == Address(host="127.0.0.1", port=9878)


def test_a_run_without_a_name_gets_one_that_the_exporter_takes() -> None:
    name = default_run("My project / ünïts", datetime(2026, 11, 21, 20, 59, 34, tzinfo=UTC))
    assert re.fullmatch(r"My-project-n-ts-20261121T205934Z-[0-9a-f]{4}", name)
    assert check_run(name) == name
    assert check_run(default_run("ü" * 128)).startswith("run-")


def test_only_the_first_rank_is_the_run() -> None:
    first = resolve(run="r", environ={"RANK": "0", "LOCAL_RANK": "0"})
    other = resolve(run="r", environ={"RANK": "9", "LOCAL_RANK": "1"})
    assert (first.takes_lease, first.listen.port) == (True, 9878)
    assert (other.takes_lease, other.listen.port, other.rank) == (False, 9879, 9)


def test_how_many_processes_train_one_model() -> None:
    assert resolve(environ={}).world == 1
    assert resolve(run="r", environ={"RANK": "0", "WORLD_SIZE": "8"}).world == 8


def test_a_rank_that_has_to_invent_the_runs_name_says_so(caplog: pytest.LogCaptureFixture) -> None:
    resolve(environ={"RANK": "1"})
    assert "TAXIMETER_RUN" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "environ", "complaint"),
    [
        ({"run": "two words"}, {}, "run: 'two words' is not a run's name"),
        ({}, {"TAXIMETER_RUN": "-x"}, "TAXIMETER_RUN: '-x' is not a run's name"),
        ({"project": ""}, {}, "project: '' does not fit"),
        ({"team": "a\nb"}, {}, "team: "),
        ({}, {"WORLD_SIZE": "0"}, "WORLD_SIZE: '0' is not a whole number from 1, as torchrun sets it"),
        ({}, {"TAXIMETER_USER": "x" * 129}, "TAXIMETER_USER: "),
        ({"devices": [""]}, {}, "devices: '' does not fit"),
        ({"exporter": "localhost:9877"}, {}, "exporter: 'localhost:9877' is not an address like http"),
        ({"exporter": "http://x:99999"}, {}, "exporter: "),
        ({}, {"TAXIMETER_EXPORTER": "ftp://x"}, "TAXIMETER_EXPORTER: "),
        ({"listen": "9878"}, {}, "listen: '9878' is not host:port"),
        ({"listen": "0.0.0.0:70000"}, {}, "listen: "),
        ({}, {"RANK": "one"}, "RANK: 'one' is not a whole number"),
    ],
)
def test_what_is_wrong_is_named(arguments: dict[str, str], environ: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}"):
        resolve(**arguments, environ=environ)  # type: ignore[arg-type]


def test_ipv6_addresses() -> None:
    assert resolve(listen="[::1]:9878", environ={}).listen == Address(host="::1", port=9878)
