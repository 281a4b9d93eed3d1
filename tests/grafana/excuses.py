"""Queries that answer nothing where the tests ask them, each with the reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MayBeEmpty:
    """A query that answers nothing on a machine or in a state where that is right.

    Attributes:
        panel: the panel's title, or ``annotation NAME`` or ``variable NAME``.
        ref_id: the query's; empty for annotations and variables.
        reason: why nothing is right.
        everywhere: neither a host nor simulated GPUs in a demo run come into that state.
    """

    panel: str
    ref_id: str
    reason: str
    everywhere: bool = False


may_be_empty = [
    MayBeEmpty("Power", "A", "a host without a GPU reports no power"),
    MayBeEmpty("annotation Simulated devices", "", "the devices are real"),
    MayBeEmpty("annotation Budget stops", "", "no budget stops the run", everywhere=True),
    MayBeEmpty("annotation Run stopped or lost", "", "the run finishes", everywhere=True),
    MayBeEmpty("annotation Out of memory", "", "the memory suffices", everywhere=True),
]
