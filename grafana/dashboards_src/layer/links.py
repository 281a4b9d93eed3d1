"""Ways from one dashboard to another, which keep the time range and the filters."""

from grafana_foundation_sdk.builders.dashboard import DashboardLink as Builder
from grafana_foundation_sdk.models.dashboard import DashboardLink, DashboardLinkType

from dashboards_src.layer.queries import DATASOURCE_VARIABLE


def to_all(tag: str, *, title: str) -> DashboardLink:
    """A menu at the top of all dashboards that have the tag."""
    return (
        Builder(title)
        .type(DashboardLinkType.DASHBOARDS)
        .tags([tag])
        .as_dropdown(True)
        .keep_time(True)
        .include_vars(True)
        .build()
    )


def address(uid: str, **variables: str) -> str:
    """The address of a dashboard for a link in a panel: same data source and time range, and filters set anew.

    Args:
        uid: the dashboard's.
        variables: by name, what Grafana fills in there, such as ``${__value.text}``.
    """
    filters = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return f"/d/{uid}?${{__url_time_range}}&${{{DATASOURCE_VARIABLE}:queryparam}}{filters}"
