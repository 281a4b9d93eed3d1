"""The page that a person without Grafana can leave open, and what it asks for."""
