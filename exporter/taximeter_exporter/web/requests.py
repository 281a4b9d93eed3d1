"""The bodies that the API takes."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@+=-]{0,127}\Z")]
Text = Annotated[str, Meta(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Pid = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Register(Struct, forbid_unknown_fields=True, kw_only=True):
    """`POST /api/v1/runs`."""

    run: Name
    project: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
    team: Text = ""
    user: Text = ""
    model: Text = ""
    dataset: Text = ""
    devices: Annotated[list[Text], Meta(min_length=1, max_length=1024)] | None = None
    pids: Annotated[list[Pid], Meta(max_length=1024)] = []
    resume: bool = False


class Progress(Struct, forbid_unknown_fields=True, kw_only=True):
    """How far a run is; what is left out keeps its last value."""

    epoch: Annotated[float, Meta(ge=0)] | None = None
    step: Count | None = None
    samples: Count | None = None
    bytes: Count | None = None
    accuracy: Annotated[float, Meta(ge=0, le=1)] | None = None
    loss: float | None = None

    def given(self) -> dict[str, float]:
        """What was said."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in values if value is not None}


class Renew(Struct, forbid_unknown_fields=True, kw_only=True):
    """`POST /api/v1/runs/{run}/renew`."""

    lease: str
    progress: Progress | None = None


class End(Struct, forbid_unknown_fields=True, kw_only=True):
    """`POST /api/v1/runs/{run}/end`."""

    lease: str
    result: Literal["finished", "failed", "stopped", "budget"]
    progress: Progress | None = None
