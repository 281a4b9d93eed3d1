"""Whatever fails, in whatever order: what is rented costs what has passed, to the nanosecond."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, FakeInstance
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.rented import Rented, unused
from taximeter_exporter.clock import NS_PER_SECOND

WHOLE, OTHER = unused("GPU-1"), unused("GPU-2")


def divided(*slices: int) -> FakeGpu:
    """GPU-1 in MIG mode."""
    instances = tuple(
        FakeInstance(uuid=f"MIG-{place}-{count}", compute_slices=count) for place, count in enumerate(slices)
    )
    return replace(WHOLE, utilization_percent=None, mig=True, instances=instances)


FIRST = (WHOLE, divided(), divided(7), divided(3, 4), divided(3, 2), divided(1, 4))


@dataclass(frozen=True)
class Spell:
    """How it is for some time."""

    first: FakeGpu
    first_is: str
    second_is: str
    swapped: bool
    driver: str
    hanging: bool
    renewed: bool
    seconds: int
    ns: int

    def gpus(self) -> Sequence[FakeGpu]:
        """What the driver shows."""
        states = ((self.first, self.first_is), (OTHER, self.second_is))
        shown = [replace(gpu, lost=state == "lost") for gpu, state in states if state != "absent"]
        return shown[::-1] if self.swapped else shown


STATES = st.sampled_from(["there", "there", "lost", "absent"])
SPELLS = st.builds(
    Spell,
    first=st.sampled_from(FIRST),
    first_is=STATES,
    second_is=STATES,
    swapped=st.booleans(),
    driver=st.sampled_from(["loaded", "loaded", "unloaded", "loaded anew"]),
    hanging=st.booleans(),
    renewed=st.booleans(),
    seconds=st.integers(1, 6),
    ns=st.integers(-NS_PER_SECOND // 2, NS_PER_SECOND),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(spells=st.lists(SPELLS, min_size=1, max_size=8), leased=st.booleans())
def test_what_is_rented_costs_what_has_passed(fake_nvml: FakeNvml, spells: Sequence[Spell], leased: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rented = Rented(Path(folder), fake_nvml, WHOLE, OTHER)
        run = rented.register() if leased else None
        loads = 1
        for spell in spells:
            loads += spell.driver == "loaded anew"
            rented.show(*spell.gpus(), driver_load=0 if spell.driver == "unloaded" else loads)
            rented.pass_time(
                spell.seconds,
                ns=spell.ns,
                hanging=["GPU-2"] if spell.hanging else [],
                renew=run if spell.renewed and run and run_is_active(rented) else None,
            )
            assert sum(state.device.part for state in rented.meter.state().devices) == 2
            assert rented.meter.state().per_hour == {"USD": 7200}
        # whatever is still waited for has ended then
        rented.show(WHOLE, OTHER, driver_load=loads)
        rented.pass_time(20)
        assert rented.up == {"GPU-1": True, "GPU-2": True}
        instances = {instance.uuid for gpu in FIRST for instance in gpu.instances}
        assert rented.gpu_ns("GPU-1", *instances) == rented.passed_ns
        assert rented.gpu_ns("GPU-2") == rented.passed_ns
        assert rented.spent() == 2 * Fraction(rented.passed_ns, NS_PER_SECOND)
        # and now as it is, not as it was
        before = rented.seconds()
        rented.pass_time(1)
        after = rented.seconds()
        later = {key: after[key] - before.get(key, 0) for key in after}
        assert {key: seconds for key, seconds in later.items() if seconds} == {
            ("GPU-1", "idle"): 1,
            ("GPU-2", "idle"): 1,
        }
        rented.close()


def run_is_active(rented: Rented) -> bool:
    """Whether its lease still lives."""
    state = rented.meter.run("run")
    return state is not None and state.run.active
