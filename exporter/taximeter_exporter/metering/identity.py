"""Whose a process is, from what its environment and its control group say; nothing of the training has to change.

The first of these that names the run counts:

- `TAXIMETER_RUN`: the name as it stands.
- Slurm (`SLURM_JOB_ID`): `slurm-4711`, or `slurm-4711-train` with `SLURM_JOB_NAME` where that can be part of a name.
- torchrun (`TORCHELASTIC_RUN_ID`): `torchrun-…`. Its default, `none`, names nothing.
- Kubernetes (`KUBERNETES_SERVICE_HOST` is there): `pod-<namespace>.<pod>` or `pod-<pod>` from `POD_NAME` and
  `POD_NAMESPACE`, which Kubernetes does not set by itself: they are the usual names for them in the downward API.
  Without them `pod-<uid>`, from the control group.

Labels: `TAXIMETER_PROJECT`, else `SLURM_JOB_ACCOUNT`, else `POD_NAMESPACE`; `TAXIMETER_TEAM`; `TAXIMETER_USER`, else
`SLURM_JOB_USER`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+=-]{0,127}")
_LABEL_LENGTH = 128
_POD_UID = re.compile(r"kubepods\S*pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")
_NO_RENDEZVOUS = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which run a process belongs to, and who and what that is."""

    run: str
    project: str = ""
    team: str = ""
    user: str = ""


class IdentityRefused(ValueError):
    """A process names a run or a label that cannot be; says which variable and why."""


def identify(environ: Mapping[str, str], *, cgroup: Callable[[], str]) -> Identity | None:
    """The identity, `None` if nothing names a run. `cgroup` gives the text of the process's `/proc/PID/cgroup`.

    Raises `IdentityRefused`.
    """
    run = _taximeter(environ) or _slurm(environ) or _torchrun(environ) or _kubernetes(environ, cgroup)
    if run is None:
        return None
    return Identity(
        run=run,
        project=_label(environ, "TAXIMETER_PROJECT", "SLURM_JOB_ACCOUNT", "POD_NAMESPACE"),
        team=_label(environ, "TAXIMETER_TEAM"),
        user=_label(environ, "TAXIMETER_USER", "SLURM_JOB_USER"),
    )


def _taximeter(environ: Mapping[str, str]) -> str | None:
    run = environ.get("TAXIMETER_RUN")
    return _named("TAXIMETER_RUN", run) if run else None


def _slurm(environ: Mapping[str, str]) -> str | None:
    job = environ.get("SLURM_JOB_ID")
    if not job:
        return None
    run = _named("SLURM_JOB_ID", f"slurm-{job}")
    longer = f"{run}-{environ.get('SLURM_JOB_NAME', '')}"
    return longer if environ.get("SLURM_JOB_NAME") and _NAME.fullmatch(longer) else run


def _torchrun(environ: Mapping[str, str]) -> str | None:
    run = environ.get("TORCHELASTIC_RUN_ID")
    return _named("TORCHELASTIC_RUN_ID", f"torchrun-{run}") if run and run != _NO_RENDEZVOUS else None


def _kubernetes(environ: Mapping[str, str], cgroup: Callable[[], str]) -> str | None:
    if "KUBERNETES_SERVICE_HOST" not in environ:
        return None
    pod, namespace = environ.get("POD_NAME"), environ.get("POD_NAMESPACE")
    if pod:
        return _named("POD_NAME", f"pod-{namespace}.{pod}" if namespace else f"pod-{pod}")
    found = _POD_UID.search(cgroup())
    # systemd's names of control groups have underscores where the UID has hyphens
    return f"pod-{found[1].replace('_', '-')}" if found else None


def _named(variable: str, run: str) -> str:
    if not _NAME.fullmatch(run):
        raise IdentityRefused(
            f"{variable} gives the run name {run[:40]!r}, which cannot be; use letters, digits and . _ : @ + = -"
            " (at most 128, a letter or a digit first)"
        )
    return run


def _label(environ: Mapping[str, str], *variables: str) -> str:
    for variable in variables:
        value = environ.get(variable)
        if value:
            if len(value) > _LABEL_LENGTH or not value.isprintable():
                raise IdentityRefused(
                    f"{variable} is {value[:40]!r}, which cannot be a label; use printable text, at most 128 characters"
                )
            return value
    return ""
