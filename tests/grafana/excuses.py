"""Queries that answer nothing on a healthy host with one run, each with the reason.

Each answers on simulated GPUs, or in the full house: that is tested, so that no excuse hides a broken query.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class MayBeEmpty:
    """A query that answers nothing on a machine where that is right.

    Attributes:
        panel: the panel's title, or ``annotation NAME`` or ``variable NAME``.
        ref_id: the query's; empty for annotations and variables.
        reason: why nothing is right.
    """

    panel: str
    ref_id: str
    reason: str


may_be_empty = [
    MayBeEmpty("Power", "A", "a host without a GPU reports no power"),
    MayBeEmpty("annotation Simulated devices", "", "the devices are real"),
    MayBeEmpty("annotation Budget stops", "", "no budget stops the run"),
    MayBeEmpty("annotation Run stopped or lost", "", "the run finishes"),
    MayBeEmpty("annotation Out of memory", "", "the memory suffices"),
]
