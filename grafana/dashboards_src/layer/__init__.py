"""A thin layer over grafana-foundation-sdk that sets what the SDK leaves out.

The SDK types the dashboard model but gives panels no id, queries no refId, and leaves unit, description, legend,
calculation and data source to the caller. Here these are required or have one default for all dashboards.
"""
