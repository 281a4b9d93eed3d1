"""Tables of several queries joined to one."""

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig


def joined(titles: Mapping[str, str]) -> list[DataTransformerConfig]:
    """Rows that agree in the labels that they share become one; of it the fields of `titles` stay, in that order.

    Args:
        titles: what a field is called then; a field is a label's name, or ``Value #A`` for the value of query A.
    """
    return [
        DataTransformerConfig("merge", options={}),
        DataTransformerConfig("filterFieldsByName", options={"include": {"names": list(titles)}}),
        DataTransformerConfig(
            "organize",
            options={
                "excludeByName": {},
                "indexByName": {field: index for index, field in enumerate(titles)},
                "renameByName": {field: title for field, title in titles.items() if title != field},
            },
        ),
    ]
