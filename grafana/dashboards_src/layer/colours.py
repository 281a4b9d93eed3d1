"""Colours that a colour-blind reader can tell apart, each with one meaning on every dashboard.

The palette is Okabe and Ito's ("Color Universal Design", 2008), readable on Grafana's dark and light themes.
"""

BLUE = "#0072B2"
SKY = "#56B4E9"
GREEN = "#009E73"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8E8E8E"
PALE = "#BBBBBB"

# Where those do not suffice: of Tol's muted scheme (Paul Tol, "Colour Schemes", 2021), made for the same readers.
SAND = "#DDCC77"
WINE = "#882255"
OLIVE = "#999933"

GOOD = BLUE
WARNING = ORANGE
BAD = VERMILLION
SIMULATED = PURPLE

SHARES = {"active": BLUE, "idle": ORANGE, "unattributed": SKY, "gap": GREY}

PHASES = {
    "startup": GREY,
    "data_wait": ORANGE,
    "transfer": SAND,
    "compile": WINE,
    "forward_backward": BLUE,
    "optimizer": SKY,
    "evaluation": GREEN,
    "checkpoint": OLIVE,
    "other": PALE,
}

LOST = BAD
"""Work that a kill undid, paid for in vain."""

SEVERITIES = {"info": GOOD, "warning": WARNING, "critical": BAD}
"""The gravest last."""
