"""What is rendered is byte for byte what prometheus_client says of the same metrics, in both formats."""

from __future__ import annotations

import gzip
import string
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest as as_text
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics
from prometheus_client.registry import Collector
from taximeter_exporter.web.metrics import ALL, MetricSpec, Samples
from taximeter_exporter.web.process import Process
from taximeter_exporter.web.rendering import Renderer, number

Metrics = Sequence[tuple[MetricSpec, Samples]]
"""Some metrics of one moment."""

# No value of ours is minus zero, which is rendered as zero.
FLOATS = st.floats().map(lambda value: value + 0.0)
VALUES = st.one_of(FLOATS, st.integers(min_value=0, max_value=2**63), st.sampled_from([0, 1, 1e6, 1e7, 1e16]))
TEXT = st.text(st.one_of(st.sampled_from('\\"\n{}, é'), st.sampled_from(string.ascii_letters)), max_size=6)


class Reference(Collector):
    """The same metrics for prometheus_client."""

    def __init__(self, metrics: Metrics, *, simulated: bool) -> None:
        self._metrics = metrics
        self._simulated = simulated

    def collect(self) -> Iterable[Metric]:
        for spec, samples in self._metrics:
            more = {"simulated": "true"} if self._simulated and not spec.own else {}
            kind = CounterMetricFamily if spec.counter else GaugeMetricFamily
            family = kind(f"{spec.prefix}{spec.name}", spec.help, labels=[*spec.labels, *more])
            for values, value in samples:
                family.add_metric([*values, *more.values()], value)
            if samples:
                yield family


def samples_of(spec: MetricSpec) -> st.SearchStrategy[Samples]:
    """Some series of a metric."""
    values = st.tuples(*(TEXT for _ in spec.labels))
    return st.lists(st.tuples(values, VALUES), max_size=3, unique_by=lambda sample: sample[0])


METRICS = st.lists(st.sampled_from(ALL), max_size=4, unique=True).flatmap(
    lambda specs: st.tuples(*(st.tuples(st.just(spec), samples_of(spec)) for spec in specs))
)


@settings(max_examples=300)
@given(moments=st.lists(METRICS, min_size=1, max_size=3), simulated=st.booleans())
def test_moment_after_moment_is_what_prometheus_client_says(moments: list[Metrics], simulated: bool) -> None:
    renderer = Renderer()
    for metrics in moments:
        rendered = renderer.render(metrics, simulated=simulated)
        reference = Reference(metrics, simulated=simulated)
        for openmetrics, encode in ((False, as_text), (True, as_openmetrics)):
            plain = rendered.body(openmetrics=openmetrics, compressed=False)
            assert plain == encode(reference)
            assert gzip.decompress(rendered.body(openmetrics=openmetrics, compressed=True)) == plain


def test_help_and_label_values_are_escaped() -> None:
    spec = MetricSpec("odd", 'A "help"\\\n.', "test", ("b", "a"), counter=True)
    metrics: Metrics = [(spec, [(('"\\\n', "é"), 1.5)])]
    rendered = Renderer().render(metrics, simulated=True)
    assert rendered.body(openmetrics=False, compressed=False).decode() == (
        '# HELP taximeter_odd_total A "help"\\\\\\n.\n'
        "# TYPE taximeter_odd_total counter\n"
        'taximeter_odd_total{a="é",b="\\"\\\\\\n",simulated="true"} 1.5\n'
    )
    reference = as_openmetrics(Reference(metrics, simulated=True))  # type: ignore[no-untyped-call]
    assert rendered.body(openmetrics=True, compressed=False) == reference


def test_what_turns_simulated_says_so_from_then_on() -> None:
    renderer, metrics = Renderer(), [(MetricSpec("up", "Up.", "test", ("gpu",)), [(("0",), 1.0)])]
    for simulated in (False, True, False):
        body = renderer.render(metrics, simulated=simulated).body(openmetrics=False, compressed=False)
        assert (b"simulated" in body) is simulated


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0"),
        (-0.0, "0.0"),
        (999999, "999999.0"),
        (10_000_000, "1e+07"),
        (1234567.25, "1.23456725e+06"),
        (-12345678.0, "-12345678.0"),
        (1e-9, "1e-09"),
        (1e300, "1e+300"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_are_written_as_go_does(value: float, text: str) -> None:
    assert number(value) == text


def test_the_process_is_told_as_prometheus_client_tells_it() -> None:
    ours = {
        spec.series_name: (spec.help, "counter" if spec.counter else "gauge", samples[0][1])
        for spec, samples in Process().samples()
    }
    theirs = {
        family.samples[0].name: (family.documentation, family.type, family.samples[0].value)
        for family in ProcessCollector(registry=None).collect()
    }
    assert {name: told[:2] for name, told in ours.items()} == {name: told[:2] for name, told in theirs.items()}
    # what both have read one after the other may have changed a little in between
    assert {name: told[2] for name, told in ours.items()} == pytest.approx(
        {name: told[2] for name, told in theirs.items()}, rel=0.1, abs=0.05
    )
