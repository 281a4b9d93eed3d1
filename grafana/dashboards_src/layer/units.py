"""Grafana's unit ids.

Money has no currency in its unit: series of several currencies may share a panel, so the currency is in the legend.
"""

MONEY = "none"
MONEY_PER_HOUR = "suffix:/h"
RATIO = "percentunit"
SECONDS = "s"
WATTS = "watt"
JOULES = "joule"
BYTES = "bytes"
BYTES_PER_SECOND = "binBps"
FLOPS_PER_SECOND = "flops"
COUNT = "none"
SCIENTIFIC = "sci"
LOSS = "none"
PER_SECOND = "suffix:/s"
PER_HOUR = "suffix:/h"
TEXT = "string"
MOMENT = "dateTimeAsLocal"  # from milliseconds
DAY_AND_TIME = "time:MMM D, HH:mm"  # the same, short enough for an axis
DAY = "time:YYYY-MM-DD"
CELSIUS = "celsius"
HERTZ = "hertz"
KILOWATT_HOURS = "kwatth"
