"""Generates the Grafana dashboards: typed Python in, classic dashboard JSON out.

``layer`` is a thin layer over Grafana's own SDK, ``promql`` the fragments that queries share, and each dashboard is a
package or module of its own, listed in ``catalogue``.
"""
