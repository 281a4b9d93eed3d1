"""What dashboards have in common: a filter, mark or link is written once and means the same everywhere."""
