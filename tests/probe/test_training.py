"""The loop around a network, with one that is not trained at all: it says what it is told to."""

from __future__ import annotations

import hashlib
import io
import json
import math
from array import array
from typing import Any

import pytest

from envlock.probe.report import NotANumberError, Report
from envlock.probe.training import (
    Course,
    cpu_device,
    digest,
    largest_difference,
    process_peak,
    spread_evenly,
    train,
)

COURSE = Course("cnn-sgd", steps=100, batch=64, classes=10)


class FakeTrainee:
    """Its losses fall from 2 by a hundredth; it knows what was asked in which order."""

    is_deterministic = True

    def __init__(self, *, where: str = "cpu", bad_at: int = -1) -> None:
        self.where, self.bad_at = where, bad_at
        self.asked: list[str] = []

    def step(self, number: int) -> float:
        self.asked.append("step")
        return math.nan if number == self.bad_at else 2 - number / 100

    def losses(self, some: list[float]) -> list[float]:
        return list(some)

    def accuracy(self) -> float:
        self.asked.append("accuracy")
        return 0.9 if "step" in self.asked else 0.1

    def weights(self) -> list[bytes]:
        self.asked.append("weights")
        return [b"abcd", b"efgh"]

    def weights_on(self) -> str:
        return self.where

    def device(self) -> dict[str, Any]:
        return {"kind": self.where}

    def peak_memory(self) -> int:
        return 1000

    def busy(self, steps: int) -> tuple[float, float]:
        self.asked.append("busy")
        return 0.5, 0.6


def test_a_training_is_told_from_before_its_first_step_to_after_its_last():
    trainee = FakeTrainee()

    line, weights = train(Report(io.StringIO()), trainee, COURSE)

    assert line["accuracies"] == [0.1, 0.9]
    assert len(line["losses"]) == 24
    assert line["losses"][0] == pytest.approx(1.985)
    assert line["losses"][-1] == pytest.approx(1.03)
    assert (line["steps"], line["batch"], line["model"]) == (100, 64, "cnn-sgd")
    assert weights == b"abcdefgh"
    assert 0 <= line["first_step_seconds"] <= line["seconds"]


def test_steps_taken_under_the_profiler_come_after_the_weights_were_kept():
    trainee = FakeTrainee()

    train(Report(io.StringIO()), trainee, COURSE)

    assert trainee.asked == ["accuracy", *["step"] * 100, "accuracy", "weights", "busy"]


@pytest.mark.parametrize(("where", "memory"), [("gpu", 1000), ("cpu", 0)])
def test_the_memory_of_the_process_is_no_proof_that_a_gpu_worked(where: str, memory: int):
    line, _ = train(Report(io.StringIO()), FakeTrainee(where=where), COURSE)

    assert line["work"]["memory_bytes"] == memory
    assert line["work"]["weights_on"] == where
    assert (line["work"]["kernel_seconds"], line["work"]["wall_seconds"]) == (0.5, 0.6)


@pytest.mark.parametrize("number", [1, 57, 99])
def test_a_loss_that_is_no_number_ends_the_training_and_names_its_step(number: int):
    with pytest.raises(NotANumberError, match=f"the loss came to nan at step {number}$"):
        train(Report(io.StringIO()), FakeTrainee(bad_at=number), COURSE)


def test_a_step_is_told_at_most_four_times_a_second(monkeypatch: pytest.MonkeyPatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks) / 100)
    text = io.StringIO()

    line, _ = train(Report(text), FakeTrainee(), COURSE)

    told = [json.loads(each) for each in text.getvalue().splitlines()]
    assert {each["kind"] for each in told} == {"step"}
    assert 2 <= len(told) <= 4 * line["seconds"] + 1
    assert all(each["loss"] == 2 - each["step"] / 100 for each in told)


def test_a_curve_is_made_of_means_and_short_ones_are_kept_whole():
    assert spread_evenly([1.0, 3.0, 5.0, 7.0], 2) == [2.0, 6.0]
    assert spread_evenly([1.0, 2.0], 24) == [1.0, 2.0]
    assert spread_evenly([], 24) == []


def test_a_digest_tells_where_one_weight_ends_and_the_next_begins():
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"])
    expected = hashlib.sha256(b"\x02\0\0\0\0\0\0\0ab").hexdigest()
    assert digest([b"ab"]) == expected


def test_the_spread_of_two_runs_is_their_largest_difference():
    these, those = array("f", [1, 2, 3]).tobytes(), array("f", [1, 2.5, 2]).tobytes()

    assert largest_difference(these, those) == 1.0
    assert largest_difference(these, these) == 0.0


def test_the_process_knows_its_memory_and_its_cpu():
    assert process_peak() > 1 << 20
    assert cpu_device()["kind"] == "cpu"
