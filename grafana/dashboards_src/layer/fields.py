"""How values are shown: thresholds, words for values, and exceptions for single series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    DashboardSpecialValueMapOptions,
    DynamicConfigValue,
    MatcherConfig,
    RangeMap,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from dashboards_src.layer.colours import BAD, GOOD, WARNING

Steps = Sequence[tuple[float | None, str]]
"""Values from which a colour holds; the first is None, from minus infinity."""

SERIES_NAME = "${__series.name}"
"""As a display name: the legend, also where Grafana would leave out the name of a single series."""

NO_THRESHOLD: Steps = ((None, GOOD),)
NO_COLOUR: Steps = ((None, "transparent"),)


@dataclass(frozen=True)
class Override:
    """Properties for the fields that a matcher picks."""

    matcher: MatcherConfig
    properties: Sequence[DynamicConfigValue]


def good_until(warning: float, bad: float) -> Steps:
    """Thresholds for a value where more is worse."""
    return ((None, GOOD), (warning, WARNING), (bad, BAD))


def good_from(warning: float, good: float) -> Steps:
    """Thresholds for a value where less is worse."""
    return ((None, BAD), (warning, WARNING), (good, GOOD))


def watched(warning: float, bad: float) -> Steps:
    """The same for a cell of a table, which keeps the colour of text while all is well."""
    return ((None, "text"), (warning, WARNING), (bad, BAD))


def coloured_from(value: float, colour: str) -> Steps:
    """Thresholds for a value that has no colour while it is less, as where it should be 0."""
    return (*NO_COLOUR, (value, colour))


def thresholds(steps: Steps) -> ThresholdsConfig:
    """The SDK's form of absolute thresholds."""
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value, colour) for value, colour in steps])


def words(texts: Mapping[str, tuple[str, str | None]], missing: str | None = None) -> list[ValueMapping]:
    """Words (and colours) instead of values; `missing` stands for a cell without a value."""
    mappings: list[ValueMapping] = [
        ValueMap(
            {
                value: ValueMappingResult(text=text, color=colour, index=index)
                for index, (value, (text, colour)) in enumerate(texts.items())
            }
        )
    ]
    if missing is not None:
        result = ValueMappingResult(text=missing, index=len(texts))
        mappings.append(SpecialValueMap(DashboardSpecialValueMapOptions(SpecialValueMatch.NULL_AND_NAN, result)))
    return mappings


def beyond(value: float, text: str) -> list[ValueMapping]:
    """A text instead of values that are at least `value`."""
    return [RangeMap(DashboardRangeMapOptions(from_val=value, result=ValueMappingResult(text=text, index=0)))]


def colour_of(pattern: str, colour: str) -> Override:
    """One colour for every series whose name matches a regular expression."""
    return Override(
        MatcherConfig("byRegexp", f"/{pattern}/"),
        [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})],
    )


def colours_of_names(colours: Mapping[str, str]) -> list[Override]:
    """Colours for series whose name starts with a word, such as a share or a phase."""
    return [colour_of(f"^{name.replace('_', ' ')}\\b", colour) for name, colour in colours.items()]


def dashed(pattern: str) -> Override:
    """Dashed, thinner lines for every series whose name matches a regular expression."""
    return _broken(pattern, {"fill": "dash", "dash": [8, 6]}, width=1)


def dotted(pattern: str) -> Override:
    """Dotted lines, to be told from dashed ones."""
    return _broken(pattern, {"fill": "dot", "dash": [0, 6]}, width=2)


def _broken(pattern: str, style: Mapping[str, object], *, width: int) -> Override:
    return Override(
        MatcherConfig("byRegexp", f"/{pattern}/"),
        [DynamicConfigValue("custom.lineStyle", dict(style)), DynamicConfigValue("custom.lineWidth", width)],
    )


def thresholds_of(name: str, steps: Steps) -> Override:
    """Thresholds of one series."""
    return Override(MatcherConfig("byName", name), [DynamicConfigValue("thresholds", thresholds(steps).build())])


def colours_of_counts(colours: Mapping[str, str]) -> list[Override]:
    """Colours of single series by their names, each from 1 on: what is not there has none."""
    return [thresholds_of(name, coloured_from(1, colour)) for name, colour in colours.items()]


def unit_of(pattern: str, unit: str, decimals: int) -> Override:
    """Another unit than the panel's for every series whose name matches a regular expression."""
    return Override(
        MatcherConfig("byRegexp", f"/{pattern}/"),
        [DynamicConfigValue("unit", unit), DynamicConfigValue("decimals", decimals)],
    )
