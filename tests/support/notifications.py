"""Messages of all kinds that people are sent, with the words that prometheus/tests/ have the rules write."""

from __future__ import annotations

from support.messages import alert, message, over, told

WARNING = told(
    "TaximeterBudgetThreshold",
    "warning",
    "Budget vision: 401.20 of 500.00 USD spent (80%) this month (simulated)",
    "By forecast the month ends at 812.55 USD. Decide now which runs may go on: what they spend from here on is the"
    " last of this budget.",
    used="80",
    rate="29.64 USD per hour over the last half hour",
    runway="98.80 USD, gone in 3h 20m, at about 15:54 UTC on Wed 7 Oct",
    spenders="vision-7 (ada) 15.92, vision-8 (bo) 9.80, toy_1 3.92 USD per hour (3 of 5 runs on gpu-1:9877)",
)
BURN = told(
    "TaximeterBudgetBurnFast",
    "critical",
    "Budget vision: 29.64 USD per hour over the last hour, 42.7 times what lasts to the end of this month (simulated)",
    "401.20 of 500.00 USD are spent. At the rate of the last half hour the limit is reached in 3h 20m 0s. Look at"
    " which runs spend it, and stop those that were not meant to.",
    used="80",
    rate="29.64 USD per hour over the last half hour",
    runway="98.80 USD, gone in 3h 20m, at about 15:54 UTC on Wed 7 Oct",
    spenders="vision-7 (ada) 15.92, vision-8 (bo) 9.80, toy_1 3.92 USD per hour (3 of 5 runs on gpu-1:9877)",
)
USED_UP = told(
    "TaximeterBudgetThreshold",
    "critical",
    "Budget demo: 12.34 of 10.00 USD spent (123%) today",
    "The limit is used up: stop the runs that are charged to this budget, or raise its limit in taximeter.yaml.",
    used="123",
    rate="7.20 USD per hour over the last minutes",
    runway="used up, 2.34 USD over the limit",
    spenders="no project 5.76, speech 1.44 USD per hour (projects on gpu-1:9877, no run)",
)
OWN_BUDGET = told(
    "TaximeterBudgetRunway",
    "warning",
    "Budget each: what is left, 3.40 EUR, of run r-1 lasts 1h 8m 0s at 3.00 EUR per hour (simulated)",
    "Save what is worth keeping: let the runs write a checkpoint and stop them, or raise the limit in taximeter.yaml.",
    run="r-1",
    used="66",
    rate="3.00 EUR per hour over the last half hour",
    runway="3.40 EUR, gone in 1h 8m, at about 13:42 UTC on Wed 7 Oct",
    spenders="r-1 (ada) 3.00 EUR per hour (runs on gpu-1:9877)",
)
GPUS_LOST = [
    told(
        "TaximeterGpuDown",
        "critical",
        f"GPU {number % 8} of gpu-{number // 8 + 1}:9877, 2.49 USD per hour, does not answer",
        "It goes on costing money and does no work. Look at dmesg for what the driver says; stop the run that has it,"
        " and reset the GPU or have the machine replaced.",
    )
    for number in range(60)
]
# A user's or project's name that the exporter lets through, of all that a service might take for its own.
MARKUP = "<script>alert(1)</script><img src=x>&amp;[a](http://b) *c* _d_ `e` ~f~ ||g|| <!channel> <@1> {{ . }} \"'\\#"
HOSTILE = told(
    "TaximeterSpendUnusual",
    "warning",
    f"Project {MARKUP} costs 12.40 USD per hour; at this hour up to 3.00 is usual (simulated)",
    f"Look at which runs of {MARKUP}\nare new.",
    used='80" onclick="x',
    rate=f"12.40 {MARKUP} per hour",
    runway=f"2.00 {MARKUP}, gone",
    spenders=f"r-1 ({MARKUP}) 8.20, r-2 ({MARKUP}) 3.10, r-3 ({MARKUP}) 1.10 USD per hour (runs on a:9877)",
    dashboard_url='/d/taximeter-cost-now?var-run=a|b>" onclick="x',
    runbook_url="docs/runbooks/<b>.md",
)

NOTIFICATIONS = {
    "budget_warning": message(WARNING),
    "budget_used_up": message(USED_UP),
    "several": message(BURN, over(OWN_BUDGET), over(alert(), "2026-10-07T12:34:59Z"), WARNING),
    "resolved": message(over(USED_UP), status="resolved"),
    "own_budget": message(OWN_BUDGET),
    "gpu_lost": message(GPUS_LOST[0]),
    "hostile": message(HOSTILE, over(HOSTILE)),
    "very_many": message(*GPUS_LOST[:40], *map(over, GPUS_LOST[40:])),
    "somebody_elses": message(alert(labels={"alertname": "NodeDown"}, annotations={})),
}
