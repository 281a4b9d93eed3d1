"""Whether a cloud is about to take a spot machine back, asked of services that behave like each cloud's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes import metadata
from fakes.manual_clock import ManualClock
from fakes.metadata import Cloud, serve_metadata
from hypothesis import given, settings
from hypothesis import strategies as st
from support.metered import time_ns
from support.programs import RunningExporter, exporter, wait_for, write_config
from support.promptness import within
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.pricing.metadata.reclaim import Reclaim, ReclaimWatch

NOW = "2026-11-21T12:00:00"
ACTION, REBALANCE = "spot/instance-action", "events/recommendations/rebalance"


class Watch:
    """A watch of one cloud, on a clock that a test moves."""

    def __init__(self, provider: str, address: str) -> None:
        self.clock = ManualClock(time_ns=time_ns(NOW))
        self.address = address
        self._provider = provider
        self._watch = ReclaimWatch(self.clock)

    def look(self, *, timeout_seconds: float = 60) -> Reclaim:
        found = self._watch.look(self._provider, self.address, timeout_seconds=timeout_seconds)
        assert found is not None
        return found

    def left(self) -> float | None:
        """In how many seconds the machine is taken."""
        found = self.look()
        return None if found.at_ns is None else (found.at_ns - self.clock.time_ns()) / NS_PER_SECOND


@contextmanager
def watching(provider: str, cloud: Cloud) -> Iterator[Watch]:
    with serve_metadata(cloud) as address:
        yield Watch(provider, address)


@pytest.fixture(scope="module")
def clouds() -> Iterator[dict[str, tuple[dict[str, object], str]]]:
    """What AWS and Azure announce, to be changed, and where each answers."""
    aws: dict[str, object] = {}
    azure: dict[str, object] = {}
    with serve_metadata(metadata.aws(announced=aws)) as at, serve_metadata(metadata.azure(announced=azure)) as there:
        yield {"aws": (aws, at), "azure": (azure, there)}


@pytest.mark.parametrize(
    ("provider", "cloud"), [("aws", metadata.aws()), ("azure", metadata.azure()), ("google", metadata.google())]
)
def test_nothing_is_announced(provider: str, cloud: Cloud) -> None:
    with watching(provider, cloud) as watch:
        assert watch.look() == Reclaim(provider=provider, answered=True)


@pytest.mark.parametrize("action", ["terminate", "stop", "hibernate"])
def test_aws_says_what_will_happen_and_when(action: str) -> None:
    announced: dict[str, object] = {}
    with watching("aws", metadata.aws(announced=announced)) as watch:
        assert watch.look().action is None
        announced[ACTION] = {"action": action, "time": "2026-11-21T12:02:00Z"}
        assert (watch.look().action, watch.left()) == (action, 120)
        announced.clear()
        assert watch.look() == Reclaim(provider="aws", answered=True)


def test_aws_says_that_it_has_become_more_likely() -> None:
    with watching("aws", metadata.aws(announced={REBALANCE: {"noticeTime": "2026-11-21T11:59:00Z"}})) as watch:
        found = watch.look()
        assert (found.action, found.rebalance_ns) == (None, time_ns("2026-11-21T11:59:00"))


@pytest.mark.parametrize(
    ("announced", "action", "seconds"),
    [
        ({"preempted": "TRUE"}, "preempt", 30),
        ({"maintenance-event": "TERMINATE_ON_HOST_MAINTENANCE"}, "maintenance", 60),
    ],
)
def test_google_says_that_it_happens_and_the_moment_stays_where_it_was_first_put(
    announced: dict[str, str], action: str, seconds: int
) -> None:
    with watching("google", metadata.google(announced=announced)) as watch:
        assert (watch.look().action, watch.left()) == (action, seconds)
        watch.clock.advance(seconds=12)
        assert watch.left() == seconds - 12


def test_a_migration_of_google_takes_no_machine() -> None:
    with watching("google", metadata.google(announced={"maintenance-event": "MIGRATE_ON_HOST_MAINTENANCE"})) as watch:
        assert watch.look().action is None


def event(kind: str = "Preempt", machine: str = "trainer_0", not_before: str = "Sat, 21 Nov 2026 12:00:35 GMT") -> Any:
    status = "Scheduled" if not_before else "Started"
    return {
        "EventId": "1",
        "EventType": kind,
        "Resources": ["other_3", machine],
        "EventStatus": status,
        "NotBefore": not_before,
    }


def test_azure_says_when_and_once_it_has_begun_it_is_now() -> None:
    announced: dict[str, object] = {"Events": [event("Freeze"), event()]}
    with watching("azure", metadata.azure(announced=announced)) as watch:
        assert (watch.look().action, watch.left()) == ("preempt", 35)
        watch.clock.advance(seconds=36)
        announced["Events"] = [event(not_before="")]
        assert watch.left() == 0
        watch.clock.advance(seconds=5)
        assert watch.left() == -5


@pytest.mark.parametrize(
    ("found", "action"),
    [
        (event(machine="TRAINER_0"), "preempt"),
        (event("Terminate"), "terminate"),
        (event(machine="trainer_1"), None),
        (event("Reboot"), None),
        (event("Redeploy"), None),
    ],
)
def test_azure_tells_every_machine_of_a_scale_set_about_all(found: Any, action: str | None) -> None:
    with watching("azure", metadata.azure(announced={"Events": [found]})) as watch:
        assert watch.look().action == action


@pytest.mark.parametrize("provider", ["aws", "azure", "google"])
@pytest.mark.parametrize("cloud", [metadata.portal, metadata.redirecting, metadata.nowhere, lambda _: (200, {}, b"{}")])
def test_whoever_else_answers_says_nothing(provider: str, cloud: Cloud) -> None:
    with watching(provider, cloud) as watch:
        assert watch.look() == Reclaim(provider=provider, answered=False)


@pytest.mark.parametrize(
    ("provider", "cloud"),
    [
        ("aws", metadata.aws(announced={ACTION: {"action": "stop", "time": "soon"}})),
        ("aws", metadata.aws(announced={ACTION: {"action": "stop", "time": "2026-11-21T12:02:00"}})),
        ("aws", metadata.aws(announced={ACTION: {"time": "2026-11-21T12:02:00Z"}})),
        ("aws", metadata.aws(announced={ACTION: []})),
        ("azure", metadata.azure(announced={"Events": [event(not_before="soon")]})),
        ("azure", metadata.azure(announced={"Events": None})),
    ],
)
def test_what_cannot_be_understood_is_no_notice(provider: str, cloud: Cloud) -> None:
    with watching(provider, cloud) as watch:
        assert watch.look() == Reclaim(provider=provider, answered=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=6,
)
EVENT = st.fixed_dictionaries(
    {"EventType": st.just("Preempt") | JSON, "Resources": st.just(["trainer_0"]) | JSON, "NotBefore": JSON}
)


@settings(max_examples=150, deadline=None)
@given(action=JSON, rebalance=JSON, events=JSON | st.lists(EVENT | JSON, max_size=3))
def test_whatever_a_service_answers_is_a_notice_or_none(
    clouds: dict[str, tuple[dict[str, object], str]], action: object, rebalance: object, events: object
) -> None:
    clouds["aws"][0].update({ACTION: action, REBALANCE: rebalance})
    clouds["azure"][0]["Events"] = events
    for provider, (_, address) in clouds.items():
        found = ReclaimWatch(ManualClock(time_ns=time_ns(NOW))).look(provider, address, timeout_seconds=60)
        assert found is not None
        assert (found.action is None) == (found.at_ns is None)


def test_who_does_not_answer_is_not_waited_for_and_what_was_announced_holds_until_its_moment() -> None:
    with watching("google", metadata.google(announced={"preempted": "TRUE"})) as watch:
        assert watch.left() == 30
        real = watch.address
        with serve_metadata(metadata.silent) as watch.address:
            watch.clock.advance(seconds=29)
            with within(2):
                assert watch.look(timeout_seconds=1).action == "preempt"
            watch.clock.advance(seconds=1)
            assert watch.look(timeout_seconds=1) == Reclaim(provider="google", answered=False)
        watch.address = real
        assert watch.left() == 30


def test_where_no_cloud_can_tell_nobody_is_asked() -> None:
    with serve_metadata(metadata.aws()) as address:
        assert ReclaimWatch(ManualClock()).look("vast", address) is None


CONFIG = """\
listen: 127.0.0.1:0
sample_interval: 100ms
host: {provider: aws, region: us-east-1, instance_type: p5.48xlarge, pricing_model: TERMS}
"""


def shown(running: RunningExporter) -> set[str]:
    return {name for name, _ in running.metrics() if name.startswith("taximeter_host_re")}


def test_a_spot_machine_as_prometheus_sees_it(tmp_path: Path) -> None:
    announced: dict[str, object] = {}
    with serve_metadata(metadata.aws(announced=announced)) as address:
        environ = {"TAXIMETER_DEVICES": "host", "TAXIMETER_METADATA_ADDRESS": address}
        config = write_config(tmp_path, CONFIG.replace("TERMS", "spot"))
        with exporter(config, environ=environ) as running:
            watched = "taximeter_host_reclaim_watched"
            wait_for(lambda: watched in shown(running), "nothing is watched")
            assert (running.value(watched, provider="aws"), shown(running)) == (1, {watched})
            at = datetime(2026, 11, 21, 12, 2, tzinfo=UTC)
            announced[REBALANCE] = {"noticeTime": "2026-11-21T12:00:00Z"}
            announced[ACTION] = {"action": "terminate", "time": at.isoformat()}
            reclaim = "taximeter_host_reclaim_timestamp_seconds"
            wait_for(lambda: reclaim in shown(running), "the notice is not shown")
            assert running.value(reclaim, provider="aws", action="terminate") == at.timestamp()
            assert running.value("taximeter_host_rebalance_timestamp_seconds") == at.timestamp() - 120
            # no longer spot: nobody is asked
            write_config(tmp_path, CONFIG.replace("TERMS", "on_demand"))
            assert running.call("POST", "/-/reload").status == 200
            wait_for(lambda: shown(running) == set(), "a machine that is not spot is watched")
