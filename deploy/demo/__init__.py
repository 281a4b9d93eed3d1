"""The whole stack on one machine, without Docker and without root: `PYTHONPATH=deploy python -m demo`."""
