"""Columns that tables of several dashboards have."""

from dashboards_src.layer import colours
from dashboards_src.layer.fields import words
from dashboards_src.layer.tables import Column

SIMULATED = Column("simulated", "Simulated", mappings=words({"true": ("simulated", colours.SIMULATED)}), width=95)
