"""Questions of which some are never answered: real threads, and answers that a test holds back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from support.programs import wait_for
from taximeter_exporter.devices.nvml.asking import Asker
from taximeter_exporter.devices.reading import ReadError


class Held:
    """A question that is not answered before the test says so."""

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.asked = 0
        self.returned = 0

    def __call__(self) -> str:
        self.asked += 1
        assert self.answer.wait(120)
        self.returned += 1
        return "late"


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.answer.set()


def say(what: str) -> Callable[[], str]:
    return lambda: what


def fail() -> str:
    raise ReadError("lost")


def test_answers_and_errors_come_back_and_nobody_waits_for_nothing() -> None:
    # with so much patience a test that waited for it would not end
    asker: Asker[int, str] = Asker(patience_seconds=10**6)
    assert asker.ask({}) == {}
    answers = asker.ask({0: say("zero"), 1: fail, 2: say("two")})
    assert (answers[0], answers[2]) == ("zero", "two")
    assert isinstance(answers[1], ReadError)


def test_the_others_are_asked_while_one_does_not_answer_wherever_it_stands(held: Held) -> None:
    asker: Asker[int, str] = Asker(patience_seconds=2)
    assert asker.ask({0: say("zero"), 1: held, 2: say("two"), 3: say("three")}) == {0: "zero", 2: "two", 3: "three"}


def test_what_has_not_answered_is_not_asked_again_before_it_has(held: Held) -> None:
    asker: Asker[int, str] = Asker(patience_seconds=0.1)
    questions: dict[int, Callable[[], str]] = {0: say("zero"), 1: held}
    for _ in range(3):
        assert 1 not in asker.ask(questions)
    assert held.asked == 1
    held.answer.set()
    # what it answered then is too late, and may not be so any more
    wait_for(lambda: asker.ask(questions).get(1) == "late", "it is not asked again")
    assert held.asked == held.returned == 2


def test_one_question_is_answered_or_fails_or_is_given_up(held: Held) -> None:
    asker: Asker[str, str] = Asker(patience_seconds=0.1)
    assert Asker[str, str](patience_seconds=10**6).ask_one("a", say("it")) == "it"
    with pytest.raises(ReadError, match="lost"):
        asker.ask_one("b", fail)
    for _ in range(2):
        with pytest.raises(ReadError, match=r"^the NVIDIA driver has not answered within 0\.1 s: a call to it hangs"):
            asker.ask_one("c", held)
    assert held.asked == 1
