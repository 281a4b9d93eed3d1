"""A configuration is written as YAML and read back equal; what is wrong in a file is named by file, section and key."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from taximeter.training.config.error import ConfigError
from taximeter.training.config.file import assemble, dump, from_plain, load, to_plain
from taximeter.training.config.limits import Limits
from taximeter.training.config.schema import GROUPS, SECTION_OF, TrainConfig
from taximeter.training.config.values import forms


def numbers(kind: type, limits: Limits | None) -> st.SearchStrategy[Any]:
    bounds = limits or Limits()
    low = bounds.least if bounds.least is not None else bounds.above
    high = bounds.most if bounds.most is not None else bounds.below
    if kind is int:
        return st.integers(low, high)  # type: ignore[arg-type]
    if kind is float:
        return st.floats(
            None if low is None else float(low),
            None if high is None else float(high),
            exclude_min=bounds.above is not None,
            exclude_max=bounds.below is not None,
            allow_nan=False,
            allow_infinity=False,
        )
    amounts = st.decimals(low, high, allow_nan=False, allow_infinity=False)
    return amounts.filter(lambda amount: bounds.above is None or amount > bounds.above)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
PATHS = TEXT.filter(lambda text: "\0" not in text).map(Path)
SPECIAL = {"currency": st.from_regex("[A-Z]{3}", fullmatch=True), "profile_steps": st.sampled_from(["1-1", "10-20"])}


def values(name: str, limits: Limits | None) -> st.SearchStrategy[Any]:
    form = forms()[name]
    kinds: list[st.SearchStrategy[Any]] = [st.sampled_from(form.words)] if form.words else []
    for kind in form.kinds:
        if name in SPECIAL:
            kinds.append(SPECIAL[name])
        elif kind in (int, float, Decimal):
            kinds.append(numbers(kind, limits))
        else:
            kinds.append({bool: st.booleans(), str: TEXT, Path: PATHS}[kind])
    return st.one_of([*kinds, st.none()] if form.optional else kinds)


EVERY_SETTING = st.fixed_dictionaries(
    {},
    optional={
        each.name: values(each.name, each.metadata["limits"]) for group in GROUPS.values() for each in fields(group)
    },
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(EVERY_SETTING)
def test_what_is_written_is_read_back_equal(tmp_path: Path, given_settings: dict[str, Any]) -> None:
    kept: dict[str, Any] = {}
    for name, value in given_settings.items():  # those that go together
        try:
            TrainConfig.of(**kept, **{name: value})
        except ConfigError:
            continue
        kept[name] = value
    config = TrainConfig.of(**kept)
    file = tmp_path / "config.yaml"
    file.write_text(dump(config), encoding="utf-8")
    assert load(file) == config
    assert from_plain(json.loads(json.dumps(to_plain(config)))) == config
    assert all(getattr(getattr(config, SECTION_OF[name]), name) == value for name, value in kept.items())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.yaml"


def complaint(file: Path, text: str | bytes, **options: Any) -> str:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as wrong:
        assemble(file, options)
    said = str(wrong.value)
    assert "\n" not in said
    return said.replace(f"{file}", "run.yaml")


def test_options_beat_the_file_and_the_file_beats_the_defaults(file: Path) -> None:
    file.write_text("optim:\n  learning_rate: 3e-1\nloop: {epochs: 5, batch_size: 32}\nsave:\n")
    config = assemble(file, {"epochs": 7})
    assert (config.loop.epochs, config.loop.batch_size, config.optim.learning_rate) == (7, 32, 0.3)
    assert config.loop.seed == TrainConfig().loop.seed


def test_amounts_stay_exact_and_words_stay_words(file: Path) -> None:
    file.write_text("money: {price: 3600.10, budget: null}\ndata: {resident: no, download: no, workers: ~}\n")
    config = load(file)
    assert str(config.money.price) == "3600.10"
    assert (config.data.resident, config.data.download, config.data.workers) == ("no", False, None)


def test_an_empty_file_changes_nothing(file: Path) -> None:
    file.write_text("# nothing yet\n")
    assert load(file) == TrainConfig()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loop: {epoch: 3}", "run.yaml: loop.epoch: there is no such setting; did you mean epochs?"),
        (
            "loop: {learning_rat: 3}",
            "run.yaml: loop.learning_rat: there is no such setting; did you mean learning_rate?",
        ),
        ("loop: {learning_rate: 3}", "run.yaml: loop.learning_rate: belongs into the section optim"),
        ("loop: {batch-size: 3}", "run.yaml: loop.batch-size: is written batch_size here"),
        ("optimizer: sgd", "run.yaml: optimizer: belongs into the section optim:  optim: {optimizer: …}"),
        ("optm: {}", "run.yaml: optm: there is no such section; did you mean optim? (sections: data, augment, "),
        ("loop: {epochs: many}", "run.yaml: loop.epochs: 'many' is not a whole number"),
        ("loop: {epochs: 1.5}", "run.yaml: loop.epochs: '1.5' is not a whole number"),
        ("loop: {epochs: 0}", "run.yaml: loop.epochs: 0 does not fit: 1 or more"),
        ("loop: {epochs: }", "run.yaml: loop.epochs: '' is not a whole number"),
        ("loop: {epochs: [1, 2]}", "run.yaml: loop.epochs: takes one value, not a list or a section"),
        ("loop: {compile: 2}", "run.yaml: loop.compile: '2' is neither true nor false"),
        (
            "optim: {optimizer: adamm}",
            "run.yaml: optim.optimizer: 'adamm' is none of sgd, adam, adamw; did you mean adam?",
        ),
        ("save: {checkpoint_every: often}", "run.yaml: save.checkpoint_every: 'often' is not a number, nor epoch"),
        ("money: {price: .nan}", "run.yaml: money.price: '.nan' is not an amount, as 2.50"),
        ("money: {price: nan}", "run.yaml: money.price: NaN does not fit: 0 or more"),
        ("optim: {learning_rate: inf}", "run.yaml: optim.learning_rate: inf does not fit: above 0"),
        ("loop: 3", "run.yaml: loop: there must be settings, as  loop: {KEY: VALUE}"),
        ("loop: []", "run.yaml: loop: there must be settings, as  loop: {KEY: VALUE}"),
        ("- 3", "run.yaml: line 1: there must be sections with settings, as  loop: {epochs: 3}"),
        ("loop: {epochs: 3}\nloop: {seed: 1}", "run.yaml: line 2: loop is there twice; keep one of them"),
        ("loop: {epochs: 3", "run.yaml: line 1: is not YAML: expected ',' or '}', but got '<stream end>'"),
        ("a: 1\n---\nb: 2", "run.yaml: line 2: is not YAML: but found another document"),
        ("a: \x01", "run.yaml: YAML: is not YAML: unacceptable character #x0001"),
        (b"\xff", "--config: run.yaml is not UTF-8 text (byte 0)"),
        ("? [1]\n: 2", "run.yaml: line 1: the key is not a word"),
        ("data: {dataset: folder}", "--data-dir: is needed for --dataset folder"),
        ("optim: {accumulate: 65}", "run.yaml: optim.accumulate: 65 does not fit: at most the batch size, 64"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(file: Path, text: str | bytes, said: str) -> None:
    assert complaint(file, text).startswith(said)


def test_what_is_wrong_with_an_option_is_not_the_files_fault(file: Path) -> None:
    assert complaint(file, "loop: {epochs: 3}", epochs=0) == "--epochs: 0 does not fit: 1 or more"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--config: .*none.yaml cannot be read: No such file or directory$"):
        load(tmp_path / "none.yaml")
