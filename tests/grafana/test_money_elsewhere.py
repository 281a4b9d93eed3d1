"""What GPUs and runs would cost elsewhere by the dashboard of providers, reckoned by Prometheus from made-up ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from demo.binaries import Tools
from demo.configs import REPOSITORY
from grafana.queries import ALL

from grafana import reckoning

pytestmark = pytest.mark.binaries

Series = Iterator[tuple[str, str]]
"""Names, without what all begin with, and values."""

LONG, GONE = "x30", "x10"
"""For how many minutes a host was there, of thirty."""


def gpus(host: str, model: str, terms: str, parts: Mapping[str, float], more: str = "", there: str = LONG) -> Series:
    """GPUs or MIG instances of a host by index, each with what it costs per hour."""
    for gpu, price in parts.items():
        device = f'instance="{host}", uuid="{host}-{gpu}"{more}'
        yield f'gpu_model_info{{{device}, gpu="{gpu}", gpu_model="{model}"}}', f"1{there}"
        yield f'price_per_hour{{{device}, {_terms(terms)}, currency="USD"}}', f"{price}{there}"


def machine(host: str, model: str, terms: str, more: str = "", there: str = LONG) -> tuple[str, str]:
    """Where a host is, and of which model all its GPUs are, if they are of one."""
    return f'machine_info{{instance="{host}", gpu_model="{model}", {_terms(terms)}{more}}}', f"1{there}"


def offer(host: str, model: str, terms: str, price: float, more: str = "", there: str = LONG) -> tuple[str, str]:
    """What an exporter says that a provider asks for one GPU."""
    labels = f'instance="{host}", gpu_model="{model}", {_terms(terms)}, gpus="1"'
    return f'offer_price_per_hour{{{labels}, {more or USD}, source="made-up", confidence="low"}}', f"{price}{there}"


def _terms(terms: str) -> str:
    provider, pricing_model = terms.split()
    return f'provider="{provider}", region="any", instance_type="made-up", pricing_model="{pricing_model}"'


def run(name: str, host: str, hours: float, cost: float, *, ended: bool = True, there: str = LONG) -> Series:
    """A run of a host, metered for so many hours of a GPU."""
    whose = f'instance="{host}", run="{name}"'
    yield f'run_info{{{whose}, project="lab", model="resnet", dataset="digits"}}', f"1{there}"
    yield f"run_active{{{whose}}}", f"{int(not ended)}{there}"
    yield f"run_device_seconds_total{{{whose}}}", f"{hours * 3600}{there}"
    yield f'run_cost_total{{{whose}, currency="USD"}}', f"{cost}{there}"
    yield f"run_start_timestamp_seconds{{{whose}}}", f"0{there}"
    if ended:
        yield f'run_end_timestamp_seconds{{{whose}, result="finished"}}', f"{hours * 1800}{there}"


USD, EUR, SIMULATED = 'currency="USD"', 'currency="EUR"', 'currency="USD", simulated="true"'
_SMALLER = f'instance="pair", uuid="pair-0", gpu_model="L40S", {_terms("aws on_demand")}, {USD}'

SERIES = {
    f"taximeter_{name}": values
    for name, values in (
        # Two GPUs of a machine that rents out three; one of the offers does not say how much memory it has.
        *gpus("pair", "A100-80", "aws on_demand", {"0": 4, "1": 4}),
        machine("pair", "A100-80", "aws on_demand"),
        offer("pair", "A100-80", "aws on_demand", 4),
        offer("pair", "A100-80", "azure spot", 1),
        offer("pair", "A100-80", "google committed_3y", 1.5),
        offer("pair", "A100", "burn on_demand", 0.8),
        offer("pair", "A100-80", "lambda on_demand", 0.1, EUR),
        # Half the memory: its cheap offer is none for the two above.
        *gpus("single", "A100-40", "azure spot", {"0": 0.5}),
        machine("single", "A100-40", "azure spot"),
        offer("single", "A100-40", "azure spot", 0.25),
        # One GPU in three parts.
        *gpus("divided", "H100", "aws on_demand", {"0": 0.5, "0:1": 1.5, "0:2": 2}),
        machine("divided", "", "aws on_demand"),
        offer("divided", "H100", "vast on_demand", 3),
        # Not real: its offers are none for the real H100.
        *gpus("imagined", "H100", "acme on_demand", {"0": 9}, ', simulated="true"'),
        machine("imagined", "H100", "acme on_demand", ', simulated="true"'),
        offer("imagined", "H100", "acme reserved_1y", 0.5, SIMULATED),
        # Two models in one machine, and a machine that is gone.
        *gpus("mixed", "L4", "aws on_demand", {"0": 2}),
        *gpus("mixed", "T4", "aws on_demand", {"1": 1}),
        machine("mixed", "", "aws on_demand"),
        offer("mixed", "L4", "vast on_demand", 1),
        *gpus("gone", "H200", "aws spot", {"0": 8}, there=GONE),
        machine("gone", "H200", "aws spot", there=GONE),
        offer("gone", "H200", "vast on_demand", 2, there=GONE),
        *run("of-pair", "pair", 2, 8),
        *run("of-pair-too", "pair", 1, 4),
        *run("goes-on", "pair", 5, 20, ended=False),
        *run("goes-on-again", "pair", 3, 12, ended=False),
        ('run_end_timestamp_seconds{instance="pair", run="goes-on-again", result="gone"}', "60x8 stale"),
        *run("of-part", "divided", 1, 2),
        *run("of-mixed", "mixed", 1, 2),
        *run("of-gone", "gone", 1, 8, there=GONE),
        (f"cheaper_gpu_price_per_hour{{{_SMALLER}}}", "1.5x30"),
        (f"cheaper_gpu_relative_throughput{{{_SMALLER}}}", "0.5x30"),
        ('training_seconds_total{run="of-pair", rank="0"}', "200x30"),
        ('training_seconds_total{run="of-pair-too", rank="0"}', "100x30"),
        ('training_accuracy_ratio{run="of-pair", rank="0", split="validation"}', "0.8x30"),
        ('training_accuracy_ratio{run="of-pair-too", rank="0", split="validation"}', "0.6x30"),
        ('training_time_to_accuracy_seconds{run="of-pair", rank="0", accuracy="0.5"}', "100x30"),
        ('training_time_to_accuracy_seconds{run="of-pair-too", rank="0", accuracy="0.5"}', "50x30"),
        ('training_cost_to_accuracy{run="of-pair", rank="0", accuracy="0.5", currency="USD"}', "4x30"),
        ('training_cost_to_accuracy{run="of-pair-too", rank="0", accuracy="0.5", currency="USD"}', "1x30"),
    )
}


def reckon(tools: Tools, folder: Path, by: str, expected: Mapping[tuple[str, str | None], Mapping[str, float]]) -> None:
    """Panels, and columns or parts of them, give these amounts by the labels `by`."""
    reckoning.reckon(
        tools,
        folder,
        SERIES,
        {
            f"round(sum by ({by}) ({reckoning.query('providers', *shown, filters=ALL)}), 1e-6)": {
                labels: round(amount, 6) for labels, amount in amounts.items()
            }
            for shown, amounts in expected.items()
        },
        rules=[REPOSITORY / "prometheus" / "rules" / "recording.yml"],
    )


def test_what_is_here_is_compared_with_offers_of_its_model_currency_and_terms(tools: Tools, tmp_path: Path) -> None:
    pair, single, divided, imagined, l4, t4 = (
        f'{{gpu_model="{model}"}}' for model in ("A100-80", "A100-40", "H100", "H100 simulated", "L4", "T4")
    )
    reckon(
        tools,
        tmp_path,
        "gpu_model",
        {
            ("Paid now", None): {pair: 8, single: 0.5, divided: 4, imagined: 9, l4: 2, t4: 1},
            ("Cheapest on any terms", None): {pair: 1.6, single: 0.25, divided: 3, imagined: 0.5, l4: 1},
            ("Cheapest on the same terms", None): {pair: 1.6, single: 0.25, divided: 3, l4: 1},
            ("Could be saved", None): {pair: 0.8, single: 0.5, divided: 0.25, imagined: 1 - 0.5 / 9, l4: 0.5},
        },
    )


def test_by_kind_of_terms(tools: Tools, tmp_path: Path) -> None:
    pair, single, divided, l4 = (f'{{gpu_model="{model}"}}' for model in ("A100-80", "A100-40", "H100", "L4"))
    imagined = '{gpu_model="H100", simulated="true"}'

    def column(title: str) -> tuple[str, str]:
        return "These GPUs, here and elsewhere", title

    reckon(
        tools,
        tmp_path,
        "gpu_model, simulated",
        {
            column("GPUs"): {pair: 2, single: 1, divided: 1, imagined: 1, l4: 1, '{gpu_model="T4"}': 1},
            column("On demand"): {pair: 1.6, divided: 3, l4: 1},
            column("Spot"): {pair: 2, single: 0.25},
            column("Reserved"): {imagined: 0.5},
            column("Committed"): {pair: 3},
            column("To save"): {pair: 6.4, single: 0.25, divided: 1, imagined: 8.5, l4: 1},
        },
    )


def test_runs_that_ended_where_it_is_known_on_which_gpus_even_if_the_machine_is_gone(
    tools: Tools, tmp_path: Path
) -> None:
    two, one, gone = (f'{{run="{run}"}}' for run in ("of-pair", "of-pair-too", "of-gone"))

    def column(title: str) -> tuple[str, str]:
        return "Runs that ended, here and elsewhere", title

    reckon(
        tools,
        tmp_path,
        "run",
        {
            column("Cost"): {two: 8, one: 4, gone: 8},
            column("Device time"): {two: 7200, one: 3600, gone: 3600},
            column("On demand"): {two: 1.6, one: 0.8, gone: 2},
            column("Spot"): {two: 2, one: 1},
            column("Committed"): {two: 3, one: 1.5},
            column("To save"): {two: 6.4, one: 3.2, gone: 6},
            column("Saved"): {two: 0.8, one: 0.8, gone: 0.75},
        },
    )


def test_these_runs_together_by_each_offer(tools: Tools, tmp_path: Path) -> None:
    pair = {"aws": 12, "azure": 3, "google": 4.5, "burn": 2.4}
    offers = {f'{{offered="{"A100" if at == "burn" else "A100-80"}", provider="{at}"}}': at for at in pair}
    gone = '{offered="H200", provider="vast"}'

    def column(title: str) -> tuple[str, str]:
        return "These runs by each offer", title

    reckon(
        tools,
        tmp_path,
        "offered, provider",
        {
            column("Would cost"): {**{labels: pair[at] for labels, at in offers.items()}, gone: 2},
            column("Did cost"): {**dict.fromkeys(offers, 12), gone: 8},
            column("Difference"): {**{labels: pair[at] / 12 - 1 for labels, at in offers.items()}, gone: -0.75},
        },
    )


def test_a_smaller_gpu_that_takes_twice_as_long_costs_twice_as_much(tools: Tools, tmp_path: Path) -> None:
    smaller = '{gpu_model="A100-80", smaller="L40S"}'

    def column(title: str) -> tuple[str, str]:
        return "A cheaper GPU that would do", title

    reckon(
        tools,
        tmp_path,
        "gpu_model, smaller",
        {
            column("GPUs"): {smaller: 1},
            column("Paid per GPU"): {smaller: 4},
            column("Same work"): {smaller: 3},
            column("To save"): {smaller: 1},
        },
    )


def test_a_model_by_provider_is_the_average_of_the_runs_that_finished_there(tools: Tools, tmp_path: Path) -> None:
    on_demand, spot = (f'{{provider="aws", pricing_model="{terms}"}}' for terms in ("on_demand", "spot"))

    def column(title: str) -> tuple[str, str]:
        return "The same model at different providers", title

    reckon(
        tools,
        tmp_path,
        "provider, pricing_model",
        {
            column("Runs"): {on_demand: 4, spot: 1},
            column("Best accuracy"): {on_demand: 0.8},
            column("Accuracy"): {on_demand: 0.7},
            column("Time"): {on_demand: (3600 + 1800 + 1800 + 1800) / 4, spot: 1800},
            column("Cost"): {on_demand: (8 + 4 + 2 + 2) / 4, spot: 8},
            column("Per point"): {on_demand: (8 / 80 + 4 / 60) / 2},
        },
    )


def test_an_accuracy_by_provider_is_the_average_of_those_that_reached_it(tools: Tools, tmp_path: Path) -> None:
    time, cost = '"resnet, digits, aws, made-up"', '"resnet, digits, aws, made-up, on_demand, USD"'
    reckon(
        tools,
        tmp_path,
        "place, accuracy",
        {
            ("Time to an accuracy, by provider", None): {f'{{place={time}, accuracy="0.5"}}': 75},
            ("Cost of an accuracy, by provider", None): {f'{{place={cost}, accuracy="0.5"}}': 2.5},
        },
    )
