"""The configuration that comes with the exporter tells of everything that can be written into one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import fields
from taximeter_exporter.config import schema
from taximeter_exporter.metering.periods import Period

SHIPPED = (Path(__file__).parents[3] / "exporter" / "taximeter.yaml").read_text(encoding="utf-8")
SECTIONS = [kind for kind in vars(schema).values() if isinstance(kind, type) and issubclass(kind, Struct)]


@pytest.mark.parametrize("section", [kind for kind in SECTIONS if kind is not Struct], ids=lambda kind: kind.__name__)
def test_every_field_is_named(section: type[Struct]) -> None:
    names = [field.encode_name for field in fields(section)]
    assert [name for name in names if not re.search(rf"\b{name}\b", SHIPPED)] == []


def test_every_period_of_a_budget_is_named() -> None:
    (told,) = re.findall(r"period: month +#(.*)", SHIPPED)
    assert set(re.findall(r"\w+", told)) >= set(Period)
