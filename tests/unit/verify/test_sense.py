"""What cannot be is no answer: no value that fits the form of a line makes a pass, or a crash."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect
from msgspec.structs import replace

from envlock.formats.receipt import format_receipt, read_receipt
from envlock.model.outcome import Failed, Level, NotRun
from envlock.model.platform import Platform
from envlock.model.probe import (
    BrokeLine,
    CollectiveLine,
    CompilerLine,
    Control,
    Device,
    DeviceWork,
    DriverSample,
    Ending,
    FinishedLine,
    FrameworkLine,
    GradientLine,
    LibrariesLine,
    NumbersLine,
    ProbeLine,
    SpeedLine,
    StartedLine,
    TrainingLine,
)
from envlock.model.receipt import Subject, Verdict, verdict_of
from envlock.model.verdict import Workload
from envlock.model.version import CudaLine
from envlock.verify.judge import judge
from envlock.verify.seal import Sealing, seal
from recorded_probes import H100, framework_line, lines, observed, run, training

SEALING = Sealing(
    subject=Subject(name="torch"),
    device="gpu",
    cpus=2,
    envlock_version="0",
    verified_at="2026-11-24T10:00:00Z",
    seconds=1.0,
)


def outcomes(*said: ProbeLine, level: Level = Level.FULL, on_gpu: bool = False, **more: object):
    seen = observed(run(said, level=level, on_gpu=on_gpu), on_gpu=on_gpu, **more)
    return {check.name: check.outcome for check in judge(seen)}


def with_line(line: ProbeLine, *, on_gpu: bool = False) -> dict[str, object]:
    return outcomes(*lines(Level.FULL, on_gpu=on_gpu), line, on_gpu=on_gpu)


# --- nonsense -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (training("cnn-sgd", losses=()), "0 losses and 3 accuracies"),
        (training("cnn-sgd", losses=(0.0,)), "1 losses and 3 accuracies"),
        (training("cnn-sgd", accuracies=()), "3 losses and 0 accuracies"),
        (training("cnn-sgd", accuracies=(0.1, 1.5)), "an accuracy of 1.5"),
        (training("cnn-sgd", losses=(-1.0, -2.0)), "losses is -1.0"),
        (training("cnn-sgd", losses=(float("nan"), 0.1)), "losses is nan"),
        (training("cnn-sgd", classes=0), "0 classes in 200 steps"),
        (training("cnn-sgd", steps=10**30), "steps is beyond all measure"),
        (training("cnn-sgd", data="cifar-10"), "nobody gave it `cifar-10`"),
        (training("cnn-sgd", data="mnist"), "nobody gave it `mnist`"),
        (training("cnn-sgd", control="gentle"), "no such control: `gentle`"),
        (training("cnn-sgd", weights_sha256=""), "its weights have no digest"),
        (training("cnn-sgd", run=0), "a run 0"),
        (
            NumbersLine(operation="matmul", precision="fp4", device="cpu"),
            "no such precision: `fp4`",
        ),
        (
            NumbersLine(operation="matmul", precision="float32", device="cpu", relative_error=-1.0),
            "relative_error is -1.0",
        ),
        (GradientLine(device="cpu", relative_error=1.0, control="x"), "no such control: `x`"),
        (SpeedLine(measure="fp4", device=H100, per_second=1.0), "no such measure: `fp4`"),
        (CollectiveLine(gpus=1), "a sum over 1 GPUs"),
        (framework_line(framework="jax"), "it is of `jax`"),
        (
            framework_line(devices=(replace(H100, compute="nine"),)),
            "no such compute capability: `nine`",
        ),
        (BrokeLine(check="x", error="e" * 30_000), "error has 30,000 characters"),
        (FinishedLine(seconds={"x": -1.0}), "seconds.x is -1.0"),
    ],
)
def test_a_probe_that_says_what_cannot_be_has_failed(line: ProbeLine, said: str):
    found = with_line(line)["pytorch.process"]

    assert isinstance(found, Failed)
    assert found.said.endswith(f"line makes no sense: {said}")


def test_an_answer_that_makes_no_sense_is_none():
    said = [
        training("cnn-sgd", losses=()) if isinstance(each, TrainingLine) else each
        for each in lines()
    ]

    assert outcomes(*said, level=Level.TRAIN)["pytorch.cpu.training.cnn-sgd"] == NotRun(
        reason="the probe said what makes no sense"
    )


# --- said twice -----------------------------------------------------------------------------------


def test_a_failure_is_not_made_good_by_saying_it_again():
    bad = NumbersLine(operation="matmul", precision="float32", device="cpu", relative_error=1.0)
    good = replace(bad, relative_error=0.0)

    for said in ((bad, good), (good, bad)):
        assert isinstance(
            outcomes(*said, level=Level.SMOKE)["pytorch.cpu.numbers.matmul.float32"], Failed
        )


def test_a_check_that_raised_has_failed_whatever_else_was_said_of_it():
    found = with_line(BrokeLine(check="gradients", error="ValueError: no"))

    assert found["pytorch.cpu.gradients"] == Failed(said="it raised ValueError: no")


def test_one_training_on_a_device_that_the_driver_does_not_know_fails():
    elsewhere = replace(H100, uuid="GPU-other", pci_id="0000:af:00.0")
    said = lines(on_gpu=True)
    place = next(n for n, line in enumerate(said) if isinstance(line, TrainingLine))
    said[place] = replace(said[place], work=replace(said[place].work, device=elsewhere))

    assert isinstance(outcomes(*said, level=Level.TRAIN, on_gpu=True)["pytorch.gpu.device"], Failed)


# --- another device than the one that was asked for -----------------------------------------------

ON_CPU = DeviceWork(weights_on="cpu", device=Device(kind="cpu"))


def test_a_gradient_of_the_cpu_says_nothing_of_the_gpu():
    for control, name in (("", "gradients"), ("wrong-gradient", "control.wrong-gradient")):
        line = GradientLine(device="cpu", relative_error=1e-2 if control else 0.0, control=control)
        said = [each for each in lines(on_gpu=True) if not isinstance(each, GradientLine)]
        found = outcomes(
            *said, line, level=Level.TRAIN, on_gpu=True, controls=(Control.WRONG_GRADIENT,)
        )
        assert found[f"pytorch.gpu.{name}"] == Failed(
            said="the gradient came from the cpu, and was asked for on the gpu"
        )


def test_a_second_run_or_a_control_on_the_cpu_says_nothing_of_the_gpu():
    said = lines(Level.FULL, on_gpu=True)
    second = training("cnn-sgd", run=2, work=ON_CPU)
    shuffled = training("cnn-adam", control="shuffled-labels", accuracies=(0.1, 0.1), work=ON_CPU)
    found = outcomes(*said, second, shuffled, on_gpu=True, controls=(Control.SHUFFLED_LABELS,))

    for name in ("repeat.cnn-sgd", "control.shuffled-labels"):
        assert found[f"pytorch.gpu.{name}"] == Failed(
            said="the weights lay on the cpu, and the gpu was asked for: a silent fallback"
        )


def test_a_cpu_among_the_devices_is_no_gpu():
    blind = framework_line(on_gpu=True, devices=(Device(kind="cpu"),))

    assert isinstance(outcomes(blind, level=Level.SMOKE, on_gpu=True)["pytorch.devices"], Failed)


# --- what was not said ----------------------------------------------------------------------------


@pytest.mark.parametrize("on_gpu", [False, True])
@pytest.mark.parametrize("kind", [GradientLine, TrainingLine])
def test_a_device_that_was_not_seen_to_train_is_left_open(kind: type, on_gpu: bool):
    said = [each for each in lines(on_gpu=on_gpu) if not isinstance(each, kind)]
    seen = observed(run(said, on_gpu=on_gpu), on_gpu=on_gpu)

    assert verdict_of(judge(seen)) is Verdict.INCOMPLETE


def test_a_gpu_that_was_not_seen_to_compute_is_left_open():
    skipped = NumbersLine(operation="matmul", precision="float32", device="gpu", skipped="no")
    said = [
        skipped if isinstance(each, NumbersLine) else each
        for each in lines(Level.SMOKE, on_gpu=True)
    ]
    seen = observed(run(said, level=Level.SMOKE, on_gpu=True), on_gpu=True)

    assert verdict_of(judge(seen)) is Verdict.INCOMPLETE


@pytest.mark.parametrize("problem", ["", "no NVIDIA driver"])
def test_a_gpu_lock_without_a_framework_is_left_open(problem: str):
    workload = Workload(name="cuda", platform=Platform.LINUX_64, line=CudaLine(12, 1))
    seen = observed(frameworks=(), runs=(), wants_gpu=True, gpu_problem=problem, workload=workload)

    assert verdict_of(judge(seen)) is Verdict.INCOMPLETE


def test_a_probe_that_cannot_say_what_it_loaded_has_failed():
    without = [each for each in lines() if not isinstance(each, LibrariesLine)]
    broke = BrokeLine(check="libraries", error="OSError: no")

    assert outcomes(*without, broke)["pytorch.libraries.origin"] == Failed(
        said="it raised OSError: no"
    )
    assert outcomes(*without)["pytorch.libraries.origin"] == Failed(
        said="the probe came to its end and did not say what it had loaded"
    )


# --- anything at all ------------------------------------------------------------------------------

TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            *("gpu", "cpu", "pytorch", "float32", "bf16", "matmul", "conv2d", "generated"),
            *("cifar-10", "cnn-sgd", "cnn-adam", "rnn", "copy", "bf16-matmul", "12.1", "x; y; z"),
            *("sm_90", "compute_90", "9.0", "1.", "9.0.1", "GPU-x", ":", "0000:3b:00.0"),
            *("shuffled-labels", "wrong-gradient", "import", "libraries", "/opt/libc.so.6"),
            *("ab" * 32, "/store/abc-torch/lib/a.so (deleted)", "\ud800"),
        ]
    ),
)
FLOATS = st.one_of(st.floats(), st.sampled_from([0.0, 0.1, 1.0, 2.3, 1e-7]))
INTS = st.one_of(st.integers(), st.sampled_from([0, 1, 2, 10, 10**400]))
KINDS = (
    StartedLine,
    FrameworkLine,
    LibrariesLine,
    NumbersLine,
    GradientLine,
    TrainingLine,
    SpeedLine,
    CollectiveLine,
    CompilerLine,
    BrokeLine,
    FinishedLine,
)


def anything(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Every value that fits a type, and often one that means something."""
    simple = {
        inspect.StrType: TEXT,
        inspect.FloatType: FLOATS,
        inspect.IntType: INTS,
        inspect.BoolType: st.booleans(),
    }
    if type(kind) in simple:
        return simple[type(kind)]
    match kind:
        case inspect.VarTupleType(item_type=item):
            return st.lists(anything(item), max_size=3).map(tuple)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(anything(key), anything(value), max_size=2)
        case inspect.StructType(cls=made, fields=fields):
            parts = {field.name: anything(field.type) for field in fields}
            return st.fixed_dictionaries(parts).map(lambda given: made(**given))
        case _:
            raise TypeError(kind)


SAID = st.lists(
    st.one_of(
        *(anything(inspect.type_info(kind)) for kind in KINDS),
        st.sampled_from(lines(Level.FULL)),
        st.sampled_from(lines(Level.FULL, on_gpu=True)),
    ),
    max_size=14,
)
SAMPLES = st.lists(anything(inspect.type_info(DriverSample)), max_size=2)


@settings(max_examples=300, deadline=None)
@given(said=SAID, samples=SAMPLES, on_gpu=st.booleans(), strict=st.booleans(), cut=st.booleans())
def test_whatever_a_probe_says_is_judged_and_leaves_a_receipt_that_can_be_read(
    said: list[ProbeLine], samples: list[DriverSample], on_gpu: bool, strict: bool, cut: bool
):
    one = run(
        said,
        level=Level.FULL,
        on_gpu=on_gpu,
        ending=Ending.GARBLED if cut else Ending.WHOLE,
        gpus=tuple(samples),
    )
    seen = observed(
        one,
        on_gpu=on_gpu,
        is_strict=strict,
        is_compiled=True,
        controls=tuple(Control),
        versions={"pytorch": "2.5.1"},
    )

    receipt = seal(seen, SEALING)

    assert read_receipt(format_receipt(receipt), "receipt").verdict is receipt.verdict
    if cut:
        assert receipt.verdict is Verdict.FAILED
