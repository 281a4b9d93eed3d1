"""The contract knows each series by its labels: its own, and those of its target."""

from grafana.contract import TAXIMETER


def test_a_series_may_have_its_own_labels_and_those_of_its_target() -> None:
    assert TAXIMETER["taximeter_gpu_memory_free_bytes"] == {"gpu", "uuid", "job", "instance", "simulated"}
    assert TAXIMETER["taximeter_run_active"] == {"run", "job", "instance", "simulated"}
    assert TAXIMETER["taximeter_training_loss"] == {"split", "run", "rank", "job", "instance", "simulated"}


def test_histograms_are_known_as_their_series() -> None:
    assert "le" in TAXIMETER["taximeter_training_step_seconds_bucket"]
    assert "taximeter_training_step_seconds" not in TAXIMETER
