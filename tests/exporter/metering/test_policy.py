"""How several runs share a device."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.metered import process
from taximeter_exporter.metering.observation import SeenProcess
from taximeter_exporter.metering.policy import SplitPolicy, owner, split, weigh
from taximeter_exporter.metering.run import Run

NAMES = st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True)


def run(name: str, *pids: int) -> Run:
    return Run(
        name=name, project="p", lease="l", start_time_ns=1, boot_id="b", start_ns=1, renewed_ns=1, renewed_time_ns=1,
        pids=pids,
    )  # fmt: skip


@given(ns=st.integers(1, 10**18), runs=NAMES, weights=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0)))
def test_shares_add_up_and_none_is_off_by_a_nanosecond(ns: int, runs: list[str], weights: dict[str, int]) -> None:
    shares = split(ns, runs, weights)
    assert sum(shares.values()) == ns
    assert set(shares) == set(runs)
    if all(run in weights for run in runs) and any(weights[run] for run in runs):
        total = sum(weights[run] for run in runs)
        assert all(abs(shares[run] * total - ns * weights[run]) < total for run in runs)
    else:
        assert max(shares.values()) - min(shares.values()) <= 1


def test_what_does_not_divide_goes_by_the_largest_remainder_then_by_name() -> None:
    assert split(11, ["a", "b", "c"], {"a": 1, "b": 1, "c": 3}) == {"a": 2, "b": 2, "c": 7}
    assert split(11, ["a", "b"], {}) == {"a": 6, "b": 5}


def test_weights_are_the_sums_over_the_processes_of_a_run() -> None:
    seen = (
        process("a", pid=1, memory_bytes=3, sm_percent=50),
        process("a", pid=2, memory_bytes=4, sm_percent=0),
        process("b", pid=3, memory_bytes=5),
        process(None, pid=4, memory_bytes=6, sm_percent=7),
    )
    run_of = owner([run("a"), run("b")], seen)
    assert weigh(SplitPolicy.EQUAL, seen, run_of) == {}
    assert weigh(SplitPolicy.MEMORY, seen, run_of) == {"a": 7, "b": 5}
    assert weigh(SplitPolicy.SM, seen, run_of) == {"a": 50}  # b cannot be weighed


def test_a_process_belongs_to_the_run_that_it_names_or_that_registered_its_pid() -> None:
    named, by_pid, stranger = process("a", pid=1), process(None, pid=2), process("other", pid=3)
    run_of = owner([run("a"), run("b", 1, 2)], (named, by_pid, stranger))
    assert [run_of(seen) for seen in (named, by_pid, stranger)] == ["a", "b", None]


def test_a_pid_of_a_container_counts_where_it_is_the_only_one() -> None:
    one, other = SeenProcess(pids=(501, 7)), SeenProcess(pids=(502, 8))
    assert owner([run("a", 7)], (one, other))(one) == "a"
    twin = SeenProcess(pids=(503, 7))
    assert owner([run("a", 7)], (one, twin))(one) is None
    # two runs that claim one process
    assert owner([run("a", 501), run("b", 7)], (one,))(one) is None
