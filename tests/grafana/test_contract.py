"""The reader of the tables reads what a person would."""

from grafana.contract import read_table


def test_short_names_go_on_from_the_first_two_words() -> None:
    labels = read_table().labels
    assert labels["taximeter_gpu_memory_free_bytes"] == {"gpu", "uuid", "job", "instance", "simulated"}
    assert "taximeter_budget_forecast" in labels
    assert "taximeter_collect_last_success_timestamp_seconds" in labels


def test_remarks_are_not_labels() -> None:
    labels = read_table().labels
    assert labels["taximeter_run_active"] == {"run", "job", "instance", "simulated"}
    assert labels["taximeter_training_loss"] == {"split", "run", "rank", "job", "instance", "simulated"}


def test_histograms_are_read_as_their_series() -> None:
    labels = read_table().labels
    assert "le" in labels["taximeter_training_step_seconds_bucket"]
    assert "taximeter_training_step_seconds" not in labels
