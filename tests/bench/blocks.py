"""Make the blocks of a fleet in a folder, and say how to look at them: for all rules, and for Cost now over days.

Run with `tests` and `deploy` on PYTHONPATH: `python -m bench.blocks FOLDER [--hosts 100] [--days 30]`.
All values are made up.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from bench.fleet.hosts import DAY
from bench.fleet.making import Asked, Fleet, Size, of_rules
from demo import binaries
from demo.configs import REPOSITORY
from demo.interrupts import Interrupts
from grafana.queries import dashboard_queries

COST_NOW = REPOSITORY / "grafana" / "dashboards" / "cost-now.json"


def cost_now(seconds: float) -> list[Asked]:
    """All queries of Cost now over a time range, of everything."""
    variables = json.loads(COST_NOW.read_text(encoding="utf-8"))["templating"]["list"]
    everything = {variable["name"]: ".*" for variable in variables} | {"__range": f"{seconds:.0f}s"}
    queries = dashboard_queries(COST_NOW, variables=everything)
    return [
        Asked([query.expr for query in queries if query.instant]),
        Asked([query.expr for query in queries if not query.instant], seconds),
    ]


def main() -> int:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="is made, and must not be there")
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--days", type=float, default=30)
    options = parser.parse_args()
    tools = binaries.find(REPOSITORY / ".tools", Interrupts(), print)
    options.folder.mkdir(parents=True)
    began = time.monotonic()
    fleet = Fleet(tools, Size(options.hosts, with_budgets=options.hosts))
    made = fleet.blocks(options.folder / "tsdb", [Asked(of_rules()), *cost_now(options.days * DAY)], recent=0)
    sys.stdout.write(
        f"{made.samples:,} samples for {made.scraped_series:,} series in {time.monotonic() - began:.0f} s."
        f" They end at {made.end:.0f}: ask at that time.\n"
        f"Fewer than there would be of: {', '.join(sorted(made.thinned)) or 'none'}\n"
        f"Only the last of: {', '.join(sorted(made.left_out)) or 'none'}\n"
        f"{tools.prometheus} --config.file=/dev/null --storage.tsdb.path={options.folder / 'tsdb'}"
        " --storage.tsdb.retention.time=10y --web.listen-address=127.0.0.1:9090\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
