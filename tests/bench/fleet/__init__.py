"""A made-up fleet of machines as blocks that Prometheus can be started on.

`template` runs one simulated exporter and its training loops for a few seconds, and keeps what they expose; `hosts`
says the same of many hosts over time; `lookback` reads from queries how far back they look for which series; `blocks`
has promtool make blocks of samples; `recorded` adds the history of recording rules; `making` puts all that together;
`prometheus` starts the real one on it. Names and labels are the programs' own. **All values are made up**, and every
series of the exporter says simulated.
"""
