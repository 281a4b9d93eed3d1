"""Generates the Grafana dashboards: typed Python in, classic dashboard JSON out.

``layer`` is a thin layer over Grafana's own SDK, ``promql`` the fragments that queries share, and each dashboard is a
package or module of its own, listed in ``catalogue``.
"""

import warnings

with warnings.catch_warnings():
    # The SDK recommends its newest schema when it is imported; Grafana provisions files of the classic schema only.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.builders.timeseries  # noqa: F401
