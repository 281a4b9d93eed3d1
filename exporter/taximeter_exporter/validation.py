"""Says in words where a value does not have the shape it should: which field, what is wrong, and what is right."""

from __future__ import annotations

import difflib
import re

import msgspec
from msgspec import inspect

_AT = re.compile(r"^(?P<message>.*?)(?: - at `\$\.?(?P<field>.*)`)?$", re.DOTALL)
_NAMED = re.compile(r"^Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)
_STEP = re.compile(r"\[[^\]]*\]|[^.\[\]]+")
_REMEDIES = (
    (re.compile(r"Invalid decimal string"), "is not a number; write for instance 12.50"),
    (re.compile(r"Invalid .*date"), "is not a date; write for instance 2026-01-31"),
    (re.compile(r"matching regex '\^\[A-Z\]\{3\}"), "is not a currency; write its ISO 4217 code, for instance USD"),
    (
        re.compile(r"matching regex '\^\[A-Za-z0-9\]"),
        "is not a name; use letters, digits and . _ : @ + = - (at most 128, a letter or a digit first)",
    ),
    (re.compile(r"matching regex '\^\[\^"), "has a control character, such as a line break; leave it out"),
)


def explain(error: msgspec.ValidationError, root: type[msgspec.Struct]) -> tuple[str, str]:
    """The field at fault, such as `prices[0].gpus`, and the message for a person, of an error in decoding a `root`."""
    match = _AT.match(str(error))
    message, field = (match["message"], match["field"] or "") if match else (str(error), "")
    found = _resolve(root, field)
    named = _NAMED.match(message)
    if named and isinstance(found, inspect.StructType):
        inner = f"{field}.{named['name']}".lstrip(".")
        names = [entry.encode_name for entry in found.fields]
        if named["what"] == "missing required":
            return inner, f"is missing; the fields are: {', '.join(names)}"
        close = difflib.get_close_matches(named["name"], names, n=1)
        hint = f"did you mean {close[0]}" if close else f"the fields are: {', '.join(names)}"
        return inner, f"is not a field; {hint}"
    expected = _expected(found)
    if expected:
        return field, f"must be {expected}"
    for pattern, remedy in _REMEDIES:
        if pattern.search(message):
            return field, remedy
    return field, message[:1].lower() + message[1:].replace("`", "")


def _expected(found: inspect.Type | None) -> str:
    """What a value must be, where that can be listed; else nothing."""
    if isinstance(found, inspect.StructType):
        return f"fields: {', '.join(entry.encode_name for entry in found.fields)}"
    if isinstance(found, inspect.EnumType):
        return f"one of: {', '.join(str(choice.value) for choice in found.cls)}"
    if isinstance(found, inspect.LiteralType):
        return f"one of: {', '.join(map(str, found.values))}"
    return ""


def _resolve(root: type[msgspec.Struct], field: str) -> inspect.Type | None:
    """The type at a path like `budgets[0].scope`; `None` where the path leaves what is known."""
    found: inspect.Type | None = inspect.type_info(root)
    for step in _STEP.findall(field):
        found = _plain(found)
        if step.startswith("["):
            found = getattr(found, "item_type", None)
        elif isinstance(found, inspect.StructType):
            found = next((entry.type for entry in found.fields if entry.encode_name == step), None)
        else:
            return None
    return _plain(found)


def _plain(found: inspect.Type | None) -> inspect.Type | None:
    """What a choice is about: a struct rather than a word in its place, and anything rather than nothing."""
    if not isinstance(found, inspect.UnionType):
        return found
    options = [option for option in found.types if not isinstance(option, inspect.NoneType)]
    return next((option for option in options if isinstance(option, inspect.StructType)), options[0])
