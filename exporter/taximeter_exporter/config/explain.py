"""Says a validation error of the schema in words: the field, what is wrong with it, and what would be right."""

from __future__ import annotations

import difflib
import re

import msgspec

from taximeter_exporter.config.schema import BudgetSection, ConfigFile, HostSection, PriceSection, ScopeSection
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.pricing.price import PricingModel

_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "": ConfigFile,
    "host": HostSection,
    "prices[]": PriceSection,
    "budgets[]": BudgetSection,
    "budgets[].scope": ScopeSection,
}
_CHOICES: dict[str, list[str]] = {"pricing_model": [*PricingModel], "period": [*Period], "gap_policy": ["bill", "skip"]}
_AT = re.compile(r"^(?P<message>.*?)(?: - at `\$\.?(?P<field>.*)`)?$", re.DOTALL)
_NAMED = re.compile(r"^Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)
_REMEDIES = (
    (re.compile(r"Invalid decimal string"), "is not a number; write for instance 12.50"),
    (re.compile(r"Invalid .*date"), "is not a date; write for instance 2026-01-31"),
    (re.compile(r"\[A-Z\]\{3\}"), "is not a currency; write its ISO 4217 code, for instance USD"),
    (
        re.compile(r"matching regex"),
        "is not a name; use letters, digits and . _ : @ + = - (at most 128, a letter or a digit first)",
    ),
)


def explain(error: msgspec.ValidationError) -> tuple[str, str]:
    """The field at fault, such as `prices[0].gpus`, and the message for a person."""
    match = _AT.match(str(error))
    message, field = (match["message"], match["field"] or "") if match else (str(error), "")
    named = _NAMED.match(message)
    if named and named["what"] == "missing required":
        return f"{field}.{named['name']}".lstrip("."), "is missing; " + _fields(field)
    if named:
        return f"{field}.{named['name']}".lstrip("."), "is not a field; " + _fields(field, named["name"])
    name = field.rpartition(".")[2]
    if name in _CHOICES and "enum" in message:
        return field, f"must be one of: {', '.join(_CHOICES[name])}"
    for pattern, remedy in _REMEDIES:
        if pattern.search(message):
            return field, remedy
    return field, message[:1].lower() + message[1:].replace("`", "")


def _fields(section: str, near: str = "") -> str:
    names = _SECTIONS[re.sub(r"\[\d+\]", "[]", section)].__struct_fields__
    close = difflib.get_close_matches(near, names, n=1)
    return f"did you mean {close[0]}" if close else f"the fields are: {', '.join(names)}"
