"""promtool's notation for the series of a test, as its documentation has it."""

from __future__ import annotations

import pytest
from fire.series import NotationError, parse_duration, parse_series


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 2.5 1e3", (1, 2.5, 1000)),
        ("0x2", (0, 0, 0)),
        ("1+2x3", (1, 3, 5, 7)),
        ("-2-0.5x2", (-2, -2.5, -3)),
        ("_ 1 _x2 stale 4", (None, 1, None, None, None, 4)),
    ],
)
def test_values(text: str, values: tuple[float | None, ...]) -> None:
    assert parse_series("up", text, 60).values == values


def test_labels_are_read_and_written_with_quotes_in_them() -> None:
    series = parse_series(r"""a:b:sum{ run="r\"1" , host='x, {y}'}""", "1", 60)
    assert (series.name, series.labels) == ("a:b:sum", {"run": 'r"1', "host": "x, {y}"})
    assert series.selector() == r'a:b:sum{host="x, {y}",run="r\"1"}'


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("1m30s", 90), ("2d1h", 176400), ("500ms", 0.5)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1m 30s", "1y"])
def test_what_is_no_duration_is_named(text: str) -> None:
    with pytest.raises(NotationError, match=repr(text)):
        parse_duration(text)


@pytest.mark.parametrize(("series", "values"), [("up{a}", "1"), ("1up", "1"), ("up", "1 x2"), ("up", "one")])
def test_what_is_no_series_is_named(series: str, values: str) -> None:
    with pytest.raises(NotationError, match="is not a"):
        parse_series(series, values, 60)


def test_a_value_holds_until_the_next_sample_and_what_rises_goes_on_to_it() -> None:
    counter = parse_series("seconds_total", "10 70 70 0", 60)
    assert [counter.at(second) for second in (0, 59, 60, 240)] == [10, 10, 70, None]
    assert [counter.slope(second) for second in (0, 60, 120, 180)] == [1, 0, 0, 0]
    assert parse_series("celsius", "10 70", 60).slope(0) == 0
    spent = parse_series("spent", "0+6x3 18 90", 60)
    assert [spent.slope(second) for second in (0, 60, 120, 180, 240)] == [0, 0.1, 0.1, 0, 0]
