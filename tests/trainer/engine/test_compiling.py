"""torch.compile: the same results, its time as a phase, and what is said where it cannot be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import taximeter
import torch
from taximeter.phases import Phase
from taximeter.training.config import ConfigError
from taximeter.training.engine.compiling import compilations_metered, compiled
from trainer.engine.tiny import Net, Tiny, some_images


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ConfigError, match=r"--compile: there is no C\+\+ compiler here: install g\+\+"):
        compiled(Net())


def test_what_is_compiled_trains_as_the_model_itself_and_its_time_is_a_phase(
    tiny: Callable[..., Tiny], meter: taximeter.Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched: list[str] = []
    phase = meter.phase

    def noted(name: Phase) -> AbstractContextManager[None]:
        switched.append(name)
        return phase(name)

    monkeypatch.setattr(meter, "phase", noted)
    # Traced and differentiated as ever, but run without generated C++, whose compilation takes most of a minute.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    monkeypatch.setenv("CXX", sys.executable)
    plain, model = Net(norm=False), Net(norm=False)
    model.load_state_dict(plain.state_dict())
    expected, training = tiny(model=plain), tiny(model=model, forward=compiled(model))
    images, labels = some_images(16)
    with compilations_metered(meter):
        for _ in range(2):
            expected.do_step(images, labels)
            training.do_step(images, labels)
            switched.append("step done")
    # Forward and backward pass are compiled in the first step, and nothing in the second one.
    assert switched.count("compile") >= 1
    assert "compile" not in switched[switched.index("step done") :]
    assert torch.allclose(model.fc.weight, plain.fc.weight, atol=1e-5)
