"""Each framework's checks on the CPU, by a Python that has the framework; none is imported here."""

from __future__ import annotations

import pytest

from envlock.model.outcome import Level
from envlock.model.probe import (
    Control,
    FrameworkLine,
    GradientLine,
    LibrariesLine,
    NumbersLine,
    ProbeLine,
    StartedLine,
    StepLine,
    TrainingLine,
)
from probing import MODULES, broken, need_python, of_kind, probe, run_code

CONTROLS = (Control.WRONG_GRADIENT, Control.SHUFFLED_LABELS)


@pytest.fixture(scope="module", params=sorted(MODULES))
def framework(request: pytest.FixtureRequest) -> str:
    need_python(request.param)
    return str(request.param)


@pytest.fixture(scope="module")
def trained(framework: str) -> list[ProbeLine]:
    return probe(framework, Level.TRAIN, controls=CONTROLS)


def test_the_smoke_level_sees_the_framework_and_one_product(framework: str):
    lines = probe(framework, Level.SMOKE)

    assert broken(lines) == []
    assert [type(line) for line in lines[:3]] == [StartedLine, FrameworkLine, NumbersLine]
    assert of_kind(lines, FrameworkLine)[0].framework == framework
    assert of_kind(lines, FrameworkLine)[0].devices == ()
    assert of_kind(lines, FrameworkLine)[0].problem
    assert 0 < of_kind(lines, NumbersLine)[0].relative_error < 1e-5
    assert not of_kind(lines, TrainingLine)


def test_nothing_breaks_and_numbers_agree_with_float64(trained: list[ProbeLine]):
    assert broken(trained) == []
    found = {line.operation: line for line in of_kind(trained, NumbersLine)}
    assert sorted(found) == ["conv2d", "matmul"]
    assert all(0 < line.relative_error < 1e-5 for line in found.values())
    assert {line.device for line in found.values()} == {"cpu"}


def test_gradients_agree_and_one_that_is_wrong_by_a_percent_does_not(trained: list[ProbeLine]):
    right, wrong = of_kind(trained, GradientLine)

    assert (right.control, wrong.control) == ("", "wrong-gradient")
    assert right.relative_error < 1e-7
    assert wrong.relative_error == pytest.approx(0.01, rel=1e-3)


def test_both_small_networks_learn_and_shuffled_labels_teach_nothing(trained: list[ProbeLine]):
    lines = {(line.model, line.control): line for line in of_kind(trained, TrainingLine)}

    assert sorted(lines) == [("cnn-adam", ""), ("cnn-adam", "shuffled-labels"), ("cnn-sgd", "")]
    for (_, control), line in lines.items():
        before, after = line.accuracies
        assert before < 0.3
        assert after < 0.4 if control else after > 0.8
        assert len(line.losses) == 24
        assert (line.losses[-1] > 2) if control else (line.losses[-1] < 0.8 * line.losses[0])


def test_a_training_says_what_it_cost_and_where_the_weights_lay(trained: list[ProbeLine]):
    for line in of_kind(trained, TrainingLine):
        assert 0 < line.first_step_seconds < line.seconds
        assert line.examples_per_second > 10
        assert line.peak_memory_bytes > 1 << 26
        assert (line.work.weights_on, line.work.device.kind) == ("cpu", "cpu")
        assert len(line.weights_sha256) == 64


def test_those_who_watch_hear_of_steps_but_not_too_often(trained: list[ProbeLine]):
    line = of_kind(trained, TrainingLine)[0]
    steps = [each for each in of_kind(trained, StepLine) if each.model == line.model]

    assert len(steps) <= 5 * line.seconds + 1
    assert all(0 <= each.step < each.steps == line.steps for each in steps)


def test_the_libraries_of_the_framework_are_named(trained: list[ProbeLine], framework: str):
    (line,) = of_kind(trained, LibrariesLine)

    paths = [each.path for each in line.libraries]
    assert paths == sorted(set(paths))
    assert any(f"/{MODULES[framework]}" in path for path in paths)
    assert any(each.soname.startswith("libc.so") and each.build_id for each in line.libraries)


BRIEFLY = """
from envlock_probe import samples, session, training
session._set_environment(1)
checks = session._load(session.Request("{framework}", "train", "cpu", {seed}), 1)
pictures = samples.generate_pictures({seed}, 256, 64)
sequences = samples.generate_sequences({seed}, 256, 64)
batches = samples.draw_batches(256, 4, 64, {seed})
found = {{}}
for model in session.STEPS:
    examples = pictures if model.startswith("cnn") else sequences
    trainee = checks.make_trainee(model, examples, batches)
    for number in range(4):
        trainee.step(number)
    found[model] = training.digest(trainee.weights())
sys.stdout.write(json.dumps(found))
"""


def test_the_same_seed_gives_the_same_weights_in_another_process(framework: str):
    first, again, other = (
        run_code(framework, BRIEFLY.format(framework=framework, seed=seed)) for seed in (1, 1, 2)
    )

    assert sorted(first) == ["cnn-adam", "cnn-sgd", "rnn", "transformer"]
    assert again == first
    assert not set(other.values()) & set(first.values())
