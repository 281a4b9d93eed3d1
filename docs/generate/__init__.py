"""Writes the pages of `docs/` that are made from the programs: what they say is true because they say it."""
