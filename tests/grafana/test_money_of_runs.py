"""What the dashboards of runs say of money, reckoned by Prometheus from made-up runs of which every number is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from dashboards_src.shared import runs
from demo.binaries import Tools
from taximeter.phases import PROGRESS

from grafana import reckoning

pytestmark = pytest.mark.binaries

FILTERS = {"project": "lab", "run": ".*", "currency": ".*", "__range": "1h", "__rate_interval": "4m"}
ANEW = 0.05
"""How far a quantity may be off that was counted by a program started anew."""

SERIES = {
    # Two ranks, ended after 20 minutes. 35 of the 70 seconds in which rank 0 learned were lost at a kill.
    'run_info{run="ledger", project="lab"}': "1x20",
    'run_cost_total{run="ledger", currency="USD"}': "0+0.5x20",
    'training_phase_seconds_total{run="ledger", rank="0", phase="startup"}': "10x20",
    'training_phase_seconds_total{run="ledger", rank="0", phase="data_wait"}': "0+1x20",
    'training_phase_seconds_total{run="ledger", rank="0", phase="forward_backward"}': "0+3x20",
    'training_phase_seconds_total{run="ledger", rank="0", phase="optimizer"}': "0+0.5x20",
    'training_phase_seconds_total{run="ledger", rank="1", phase="startup"}': "10x20",
    'training_phase_seconds_total{run="ledger", rank="1", phase="forward_backward"}': "0+4x20",
    'training_phase_seconds_total{run="ledger", rank="1", phase="optimizer"}': "0+0.5x20",
    'training_seconds_total{run="ledger", rank="0"}': "10+4.5x20",
    'training_seconds_total{run="ledger", rank="1"}': "10+4.5x20",
    'training_lost_seconds_total{run="ledger", rank="0"}': "35x20",
    'training_samples_total{run="ledger", rank="0"}': "0+100x20",
    'training_samples_total{run="ledger", rank="1"}': "0+100x20",
    'training_epochs_total{run="ledger", rank="0"}': "0+0.2x20",
    'training_epochs_total{run="ledger", rank="1"}': "0+0.2x20",
    'training_accuracy_ratio{run="ledger", rank="0", split="validation"}': "0.8x10 0.5x9",
    'training_accuracy_ratio{run="ledger", rank="0", split="train"}': "0.9x20",
    'training_goodput_ratio{run="ledger", rank="0"}': "0.35x20",
    # No exporter knows this one; it has the price given by hand.
    'training_cost{run="hand", rank="0", currency="USD"}': "0+0.2x30",
    'training_phase_seconds_total{run="hand", rank="0", phase="startup"}': "6x30",
    'training_phase_seconds_total{run="hand", rank="0", phase="forward_backward"}': "0+0.6x30",
    'training_seconds_total{run="hand", rank="0"}': "6+0.6x30",
    'training_lost_seconds_total{run="hand", rank="0"}': "0x30",
    'training_samples_total{run="hand", rank="0"}': "0+100x30",
    'training_epochs_total{run="hand", rank="0"}': "0+0.1x30",
    'training_goodput_ratio{run="hand", rank="0"}': "0.75x30",
    # Killed after ten minutes and resumed in the next: its counters begin anew.
    'run_info{run="resumed", project="lab"}': "1x30",
    'run_cost_total{run="resumed", currency="USD"}': "0+1x30",
    'training_steps_total{run="resumed", rank="0"}': "0+10x10 0+10x19",
    'training_samples_total{run="resumed", rank="0"}': "0+100x10 0+100x19",
    'training_cost_forecast{run="resumed", rank="0", currency="USD"}': "50x30",
    'training_goodput_ratio{run="resumed", rank="0"}': "0.5x30",
    # Of a project that is not chosen.
    'run_info{run="theirs", project="another"}': "1x30",
    'run_cost_total{run="theirs", currency="USD"}': "0+9x30",
    'training_goodput_ratio{run="theirs", rank="0"}': "1x30",
    # Two servers, each at 10 predictions a second.
    'run_info{run="server", project="lab"}': "1x30",
    'run_cost_total{run="server", currency="EUR"}': "0+0.6x30",
    'serving_predictions_total{run="server"}': "0+600x30",
    'serving_cost_per_1000_predictions{run="server", currency="EUR"}': "1x30",
    'serving_predictions_total{run="hand-server"}': "0+600x30",
    'serving_cost_per_1000_predictions{run="hand-server", currency="CHF"}': "1x30",
}

Amounts = Mapping[tuple[str, str], float]
"""By run (empty where it is a sum) and currency."""


def query(dashboard: str, panel: str, part: str | None = None) -> str:
    """The PromQL of a panel, or of a column or part of it."""
    return reckoning.query(dashboard, panel, part, filters=FILTERS)


def reckoned(tools: Tools, folder: Path, expected: Mapping[str, Amounts]) -> None:
    """Let promtool check what each expression gives, to six places."""
    reckoning.reckon(
        tools,
        folder,
        {f"taximeter_{name}": values for name, values in SERIES.items()},
        {
            f"round(sum by (run, currency) ({expr}), 1e-6)": {
                _labels(*whose): amount for whose, amount in amounts.items()
            }
            for expr, amounts in expected.items()
        },
    )


def _labels(run: str, currency: str) -> str:
    labels = {"run": run, "currency": currency}
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items() if value) + "}"


def test_the_head_sums_what_trains_by_currency(tools: Tools, tmp_path: Path) -> None:
    training = "training-run"
    progress = (0.35 * 10 + 0.75 * 6 + 0.5 * 30) / (10 + 6 + 30)
    reckoned(
        tools,
        tmp_path,
        {
            query(training, "Cost"): {("", "USD"): 10 + 6 + 30},
            query(training, "Per hour now"): {("", "USD"): 60 + 12},
            query(training, "Cost to finish"): {("", "USD"): 50 - 30},
            query(training, "Progress"): {("", "USD"): progress},
            query(training, "Lost"): {("", "USD"): 3.5},
            query(training, "Most accurate"): {("ledger", ""): 0.8},
        },
    )


def test_a_run_costs_the_same_by_epoch_sample_and_point_whether_by_ledger_or_by_hand(
    tools: Tools, tmp_path: Path
) -> None:
    def column(title: str) -> str:
        return f"({query('training-run', 'Runs compared', title)}) and on (run) {known}"

    known = "group by (run) (last_over_time(taximeter_training_epochs_total[1h]))"
    ledger, hand = ("ledger", "USD"), ("hand", "USD")
    reckoned(
        tools,
        tmp_path,
        {
            column("Cost"): {ledger: 10, hand: 6},
            column("Per epoch"): {ledger: 10 / 4, hand: 6 / 3},
            column("Per 1k samples"): {ledger: 10 / 4, hand: 6 / 3},
            column("Per point"): {ledger: 10 / 80},
            column("Lost"): {ledger: 3.5, hand: 0},
        },
    )


def test_the_parts_of_the_money_add_up_to_it(tools: Tools, tmp_path: Path) -> None:
    parts = {
        "startup": {"ledger": 10 * 10 / 100, "hand": 6 * 6 / 24},
        "data wait": {"ledger": 10 * 20 / 100},
        "forward backward": {"ledger": 10 * 60 / 100 / 2, "hand": 6 * 18 / 24},
        "optimizer": {"ledger": 10 * 10 / 100 / 2},
        "lost": {"ledger": 10 * 70 / 100 / 2, "hand": 0},
    }
    assert sum(part.get("ledger", 0) for part in parts.values()) == 10
    assert sum(part.get("hand", 0) for part in parts.values()) == 6
    reckoned(
        tools,
        tmp_path,
        {
            query("training-run", "Where the money went", part): {(run, "USD"): share for run, share in shares.items()}
            for part, shares in parts.items()
        },
    )


def test_what_can_be_lost_is_what_the_trainer_calls_progress() -> None:
    assert runs.PROGRESS == PROGRESS


def test_a_resumed_run_is_measured_by_all_that_it_trained(tools: Tools, tmp_path: Path) -> None:
    right = 30 / ((1000 + 1900) / 1000)
    measured = query("training-run", "Runs compared", "Per 1k samples")
    within = f'abs(({measured}) - {right}) < bool {right * ANEW} and on (run) taximeter_run_info{{run="resumed"}}'
    reckoned(tools, tmp_path, {within: {("resumed", "USD"): 1}})


def test_what_serves_costs_the_same_by_ledger_and_by_hand(tools: Tools, tmp_path: Path) -> None:
    server, by_hand = ("server", "EUR"), ("hand-server", "CHF")
    reckoned(
        tools,
        tmp_path,
        {
            query("serving", "Cost per hour, by run"): {server: 36, by_hand: 36},
            query("serving", "Cost per 1,000 predictions, by run"): {server: 1, by_hand: 1},
            # Together 72,000 an hour for 36 EUR and 36 CHF.
            query("serving", "Cost per 1,000 predictions"): {("", "EUR"): 0.5, ("", "CHF"): 0.5},
            query("serving", "What serves", "Per 1,000 so far"): {server: 1},
        },
    )
