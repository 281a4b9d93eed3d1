"""Whose a process is, from its environment alone."""

from __future__ import annotations

import pytest
from taximeter_exporter.metering.identity import Identity, IdentityRefused, identify

SLURM = {
    "SLURM_JOB_ID": "4711",
    "SLURM_JOB_NAME": "train",
    "SLURM_JOB_USER": "ada",
    "SLURM_JOB_ACCOUNT": "vision",
}
POD_CGROUP = "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod%s.slice/cri-containerd-1.scope\n"
UID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def of(environ: dict[str, str], cgroup: str = "0::/\n") -> Identity | None:
    return identify(environ, cgroup=lambda: cgroup)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TAXIMETER_RUN": "resnet@2"}, Identity(run="resnet@2")),
        (
            {"TAXIMETER_RUN": "r", "TAXIMETER_PROJECT": "p", "TAXIMETER_TEAM": "t t", "TAXIMETER_USER": "ü"},
            Identity(run="r", project="p", team="t t", user="ü"),
        ),
        (SLURM, Identity(run="slurm-4711-train", project="vision", user="ada")),
        (SLURM | {"SLURM_JOB_NAME": "my train"}, Identity(run="slurm-4711", project="vision", user="ada")),
        (SLURM | {"SLURM_JOB_NAME": "n" * 128}, Identity(run="slurm-4711", project="vision", user="ada")),
        ({"SLURM_JOB_ID": "4711"}, Identity(run="slurm-4711")),
        # ours counts before Slurm's, and Slurm's stands in for what ours does not say
        (SLURM | {"TAXIMETER_RUN": "r", "TAXIMETER_USER": "bo"}, Identity(run="r", project="vision", user="bo")),
        ({"TORCHELASTIC_RUN_ID": "a-1"}, Identity(run="torchrun-a-1")),
        (SLURM | {"TORCHELASTIC_RUN_ID": "a-1"}, Identity(run="slurm-4711-train", project="vision", user="ada")),
        (
            {"KUBERNETES_SERVICE_HOST": "x", "POD_NAME": "train-0", "POD_NAMESPACE": "ml"},
            Identity(run="pod-ml.train-0", project="ml"),
        ),
        ({"KUBERNETES_SERVICE_HOST": "x", "POD_NAME": "train-0"}, Identity(run="pod-train-0")),
    ],
)
def test_the_environment_names_the_run(environ: dict[str, str], expected: Identity) -> None:
    assert of(environ) == expected


@pytest.mark.parametrize("uid", [UID, UID.replace("-", "_")], ids=["cgroupfs", "systemd"])
def test_a_pod_that_does_not_say_its_name_is_known_by_its_uid(uid: str) -> None:
    assert of({"KUBERNETES_SERVICE_HOST": "x"}, POD_CGROUP % uid) == Identity(run=f"pod-{UID}")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"TAXIMETER_RUN": ""},
        {"TAXIMETER_PROJECT": "p"},
        {"TORCHELASTIC_RUN_ID": "none"},  # torchrun's default: every such run on the machine has it
        {"POD_NAME": "p"},  # not in Kubernetes
        {"KUBERNETES_SERVICE_HOST": "x"},  # and the control group names no pod
    ],
)
def test_nothing_names_a_run(environ: dict[str, str]) -> None:
    assert of(environ) is None


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"TAXIMETER_RUN": "r" * 129}, "TAXIMETER_RUN"),
        ({"TAXIMETER_RUN": "r" * 10_000}, "TAXIMETER_RUN"),
        ({"TAXIMETER_RUN": 'a"b'}, "TAXIMETER_RUN"),
        ({"TAXIMETER_RUN": "a\n"}, "TAXIMETER_RUN"),
        ({"TAXIMETER_RUN": "-a"}, "TAXIMETER_RUN"),
        ({"SLURM_JOB_ID": "1 2"}, "SLURM_JOB_ID"),
        ({"TORCHELASTIC_RUN_ID": "a/b"}, "TORCHELASTIC_RUN_ID"),
        ({"KUBERNETES_SERVICE_HOST": "x", "POD_NAME": "é"}, "POD_NAME"),
        ({"TAXIMETER_RUN": "r", "TAXIMETER_PROJECT": "a\nb"}, "TAXIMETER_PROJECT"),
        ({"TAXIMETER_RUN": "r", "TAXIMETER_TEAM": "t" * 129}, "TAXIMETER_TEAM"),
        ({"TAXIMETER_RUN": "r", "TAXIMETER_USER": "\udcff"}, "TAXIMETER_USER"),
    ],
)
def test_a_name_or_label_that_cannot_be_is_refused_with_its_variable(environ: dict[str, str], variable: str) -> None:
    with pytest.raises(IdentityRefused, match=f"^{variable} .{{1,250}}$"):
        of(environ)
