"""What the exporter shows over HTTP: metrics, an API, health and a page for a person."""
