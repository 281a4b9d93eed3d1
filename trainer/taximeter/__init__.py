"""The meter for any PyTorch training loop.

meter = taximeter.Meter(project="vision")
for batch in meter.steps(loader):
    ...
"""

from taximeter.bill import Bill
from taximeter.meter import Meter

__all__ = ["Bill", "Meter"]
