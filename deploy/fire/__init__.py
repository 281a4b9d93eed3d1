"""Makes an alert fire on purpose, with made-up data: `PYTHONPATH=deploy python -m fire ALERT`."""
