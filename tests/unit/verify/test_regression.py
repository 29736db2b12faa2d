"""Whether a training is as good as the good environment's own."""

from __future__ import annotations

from math import inf, nan

import pytest
from msgspec.structs import replace

from envlock.model.bisect import Grade, Measure
from envlock.model.probe import BrokeLine, Ending, ProbeRun, TrainingLine
from envlock.verify.regression import (
    TOLERANCES,
    frameworks_in,
    grade_against,
    grade_reference,
)
from verify_lines import probed, training

REFERENCE = grade_reference([probed(training())]).numbers


def test_the_good_environment_has_to_learn_and_its_numbers_are_the_reference():
    graded = grade_reference([probed(training())])

    assert graded.grade is Grade.GOOD
    assert graded.said == "pytorch trained"
    assert graded.numbers == {
        "pytorch.cnn-sgd.first-loss": 2.3,
        "pytorch.cnn-sgd.loss": 0.3,
        "pytorch.cnn-sgd.accuracy": 0.9,
        "pytorch.cnn-sgd.speed": 1000.0,
    }
    assert frameworks_in(graded.numbers) == ("pytorch",)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (probed(training(losses=(2.3, 2.2), accuracy=0.1)), "pytorch: cnn-sgd: it did not learn: "),
        (
            probed(training(losses=(2.3, nan))),
            "pytorch: a `training` line makes no sense: losses is nan",
        ),
        (probed(training(losses=())), "pytorch: a `training` line makes no sense: 0 losses"),
        (
            replace(probed(training()), request=replace(probed().request, device="gpu")),
            "pytorch: cnn-sgd: the weights lay on the cpu, and the gpu was asked for",
        ),
        (probed(), "pytorch: it trained nothing"),
        (
            probed(training(), ending=Ending.CRASHED, said="ended by SIGSEGV\nmore"),
            "pytorch: the probe was cut short: ended by SIGSEGV",
        ),
        (
            probed(BrokeLine(check="import", error="ImportError: no torch\nmore")),
            "pytorch: import raised ImportError: no torch",
        ),
        (
            probed(training(), BrokeLine(check="training.cnn-adam", error="ValueError: x")),
            "pytorch: training.cnn-adam raised ValueError: x",
        ),
    ],
)
def test_what_does_not_train_is_not_good_and_bad_beside_a_good_one(run: ProbeRun, said: str):
    reference = grade_reference([run])

    assert reference.grade is Grade.BAD
    assert reference.said.startswith(said)
    if "learn" not in said:
        assert grade_against([run], REFERENCE, Measure.SPEED, 0.2) == reference


def test_without_a_framework_there_is_nothing_to_hold_anything_against():
    graded = grade_reference([])

    assert (graded.grade, graded.said) == (
        Grade.BAD,
        "it has no framework that envlock can train",
    )


@pytest.mark.parametrize(
    ("measure", "line", "grade"),
    [
        (Measure.LOSS, training(losses=(2.3, 0.3)), Grade.GOOD),
        (Measure.LOSS, training(losses=(2.3, 0.49)), Grade.GOOD),
        (Measure.LOSS, training(losses=(2.3, 0.51)), Grade.BAD),
        (Measure.LOSS, training(losses=(9.9, 0.01)), Grade.GOOD),
        (Measure.LOSS, training(losses=(2.3, nan)), Grade.BAD),
        (Measure.LOSS, training(losses=(2.3, inf)), Grade.BAD),
        (Measure.ACCURACY, training(accuracy=0.86), Grade.GOOD),
        (Measure.ACCURACY, training(accuracy=0.84), Grade.BAD),
        (Measure.ACCURACY, training(accuracy=nan), Grade.BAD),
        (Measure.SPEED, training(speed=801.0), Grade.GOOD),
        (Measure.SPEED, training(speed=799.0), Grade.BAD),
        (Measure.SPEED, training(speed=1e6), Grade.GOOD),
    ],
)
def test_worse_is_what_lies_beyond_the_tolerance(
    measure: Measure, line: TrainingLine, grade: Grade
):
    assert grade_against([probed(line)], REFERENCE, measure, TOLERANCES[measure]).grade is grade


def test_only_what_was_asked_for_decides():
    slow_and_wrong = probed(training(accuracy=0.2, speed=1.0))

    assert grade_against([slow_and_wrong], REFERENCE, Measure.LOSS, 0.1).grade is Grade.GOOD


def test_the_grounds_are_the_number_and_its_limit():
    graded = grade_against([probed(training(losses=(2.3, 1.0)))], REFERENCE, Measure.LOSS, 0.1)

    assert graded.said == "pytorch.cnn-sgd: loss 1, good has 0.3 (at most 0.5)"


def test_a_network_that_is_no_longer_trained_is_worse():
    other = probed(training(model="cnn-adam"))

    graded = grade_against([other], REFERENCE, Measure.LOSS, 0.1)

    assert graded.grade is Grade.BAD
    assert graded.said == "pytorch.cnn-sgd: no loss that is a number"


def test_controls_and_second_runs_are_no_trainings():
    lines = training(), training(control="shuffled-labels", losses=(2.3, 2.3)), training(run=2)

    assert grade_reference([probed(*lines)]).numbers == REFERENCE
