"""What the training tells the meter, and a person."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import taximeter
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.metering import Metering
from taximeter.training.callbacks.progress import Progress
from taximeter.training.engine.state import TrainState
from trainer.engine.tiny import Tiny
from trainer.test_meter import key, scrape

Make = Callable[..., Tiny]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_meter_is_told_where_the_training_stands(
    tiny: Make, meter: taximeter.Meter, exporter: FakeExporter, ticks: Ticks
) -> None:
    class Slow(Callback):
        def step_end(self, _state: TrainState) -> None:
            ticks.advance(0.5)

    training = tiny()
    state = training.run(Metering(meter, training.parts, image=(1, 8, 8)), Slow())
    bill = meter.end()
    assert state.validation is not None
    assert state.loss is not None
    assert (bill.epochs, bill.steps, bill.samples, bill.accuracy) == (2, 6, 96, state.best_accuracy)
    # Two convolutions of 3×3 over 8×8 pixels, from 1 to 4 channels and from 4 to 4, and 4 × 4 weights; backward as much
    # again for the weights, and for what goes in but at the first convolution.
    forward = 2 * (64 * 9 * (1 * 4 + 4 * 4) + 4 * 4)
    first = 2 * 64 * 9 * 1 * 4
    assert bill.flops_per_second == pytest.approx(16 * (3 * forward - first) / 0.5)
    assert exporter.runs["r"].progress == {
        "epoch": 2,
        "step": 6,
        "samples": 96,
        "bytes": 2 * (48 + 20) * 64,
        "accuracy": state.validation.accuracy,
        "loss": state.loss.item(),
    }


def test_of_a_run_without_a_step_there_is_nothing_to_tell(tiny: Make, meter: taximeter.Meter) -> None:
    training = tiny()
    training.run(Metering(meter, training.parts, image=(1, 8, 8)), stop_after=0)
    assert meter.end().steps == 0
    assert key("learning_rate") not in scrape(meter)


@pytest.mark.parametrize("simulated", [True, False])
def test_the_bar_shows_accuracy_and_money(
    tiny: Make, meter: taximeter.Meter, exporter: FakeExporter, ticks: Ticks, simulated: bool
) -> None:
    exporter.simulated = simulated
    ticks.advance(2)
    before = exporter.count("/renew")
    while exporter.count("/renew") < before + 2:
        pass  # so that the meter has heard what the exporter says now
    terminal = Terminal()
    tiny(images=32).run(Progress(meter, terminal))
    shown = terminal.getvalue().split("\r")[-1]
    assert "4/4" in shown
    assert "accuracy " in shown
    assert "cost 2.00 USD" in shown
    assert ("(simulated)" in shown) == simulated


def test_without_a_terminal_there_is_a_line_for_each_epoch(tiny: Make, meter: taximeter.Meter) -> None:
    stream = io.StringIO()
    tiny().run(Progress(meter, stream))
    first, second = stream.getvalue().splitlines()
    assert first.startswith("epoch 1/2: loss ")
    assert second.startswith("epoch 2/2: loss ")
    assert second.endswith("cost 0.000000 USD")


def test_a_bar_that_goes_on_begins_where_it_was(tiny: Make, meter: taximeter.Meter) -> None:
    stopped = tiny()
    stopped.run(stop_after=4)
    resumed = tiny()
    resumed.resume(stopped.saved())
    terminal = Terminal()
    resumed.run(Progress(meter, terminal))
    assert "6/6" in terminal.getvalue().split("\r")[-1]
