"""What a probe saw becomes outcomes: a pass needs proof, and what was not seen is not run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envlock.compat.fit import judge as judge_fit
from envlock.model.outcome import Check, Failed, Level, NotRun, Obligation, Passed
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
    GradientLine,
    NumbersLine,
    SpeedLine,
    TrainingLine,
)
from envlock.model.receipt import Verdict, verdict_of
from envlock.model.tree import Difference, EntryDifference
from envlock.model.verdict import Workload
from envlock.model.verifying import Integrity, Observed
from envlock.model.version import CudaLine
from envlock.verify.judge import judge
from recorded_probes import (
    GPU_HOST,
    H100,
    NO_GPU_HOST,
    SAMPLE,
    framework_line,
    lines,
    observed,
    run,
    training,
)

LINE = CudaLine(12, 1)


def outcomes(seen: Observed) -> dict[str, object]:
    return {check.name: check.outcome for check in judge(seen)}


def verdict(seen: Observed) -> Verdict:
    return verdict_of(judge(seen))


def with_line(level: Level, old: type, new: object, *, on_gpu: bool = False) -> Observed:
    """All goes well, but for the first line of a kind."""
    said = lines(level, on_gpu=on_gpu)
    place = next(i for i, line in enumerate(said) if isinstance(line, old))
    said[place] = new
    return observed(run(said, level=level, on_gpu=on_gpu), on_gpu=on_gpu)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("on_gpu", [False, True])
def test_all_that_goes_well_passes(level: Level, on_gpu: bool):
    seen = observed(run(level=level, on_gpu=on_gpu), on_gpu=on_gpu)

    assert [each for each in judge(seen) if isinstance(each.outcome, Failed)] == []
    assert verdict(seen) is Verdict.PASSED


def test_checks_come_in_the_order_of_their_obligations():
    found = [check.obligation for check in judge(observed(run(level=Level.FULL, on_gpu=True)))]

    assert found == sorted(found, key=list(Obligation).index)


def test_no_two_checks_have_one_name():
    for on_gpu in (False, True):
        names = [each.name for each in judge(observed(run(level=Level.FULL, on_gpu=on_gpu)))]
        assert len(names) == len(set(names))


# --- without a GPU --------------------------------------------------------------------------------


def test_without_a_driver_the_gpus_checks_are_not_run_and_the_cpus_are():
    seen = observed(run(), wants_gpu=True, gpu_problem="no NVIDIA driver")
    checks = judge(seen)
    of_gpu = [check for check in checks if check.on_gpu]

    assert len(of_gpu) >= 8
    assert {check.outcome for check in of_gpu} == {NotRun(reason="no NVIDIA driver")}
    assert isinstance(outcomes(seen)["pytorch.cpu.training.cnn-sgd"], Passed)
    assert verdict(seen) is Verdict.INCOMPLETE


def test_a_gpu_stack_that_is_verified_on_the_cpu_when_asked_passes():
    workload = Workload(name="torch", platform=NO_GPU_HOST.platform, line=LINE)
    said = [
        framework_line(on_gpu=True, devices=()) if line == framework_line() else line
        for line in lines()
    ]
    seen = observed(run(said), workload=workload, fit=judge_fit(workload, NO_GPU_HOST))

    assert verdict(seen) is Verdict.PASSED
    assert outcomes(seen)["machine.driver"] == NotRun(reason="the CPU was asked for")


# --- negative controls of the machine -------------------------------------------------------------


def test_a_cpu_wheel_that_poses_as_a_gpu_build_fails_with_and_without_a_gpu():
    workload = Workload(name="torch", platform=NO_GPU_HOST.platform, line=LINE)
    for changes in ({}, {"wants_gpu": True, "gpu_problem": "no NVIDIA driver"}):
        seen = observed(run(), workload=workload, **changes)
        assert outcomes(seen)["pytorch.build"] == Failed(
            said="pytorch 2.13.0+cpu is a CPU build, and the lock is for CUDA 12.1",
            hint="solve again: `envlock solve` takes GPU builds only",
        )
        assert verdict(seen) is Verdict.FAILED


def test_a_silent_fallback_to_the_cpu_fails():
    work = DeviceWork(weights_on="cpu", device=Device(kind="cpu"))
    seen = with_line(
        Level.TRAIN, TrainingLine, training("cnn-sgd", on_gpu=True, work=work), on_gpu=True
    )

    assert outcomes(seen)["pytorch.gpu.training.cnn-sgd"] == Failed(
        said="the weights lay on the cpu, and the gpu was asked for: a silent fallback"
    )


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (
            DeviceWork(weights_on="gpu", device=H100, kernel_seconds=0.1),
            "nothing was ever allocated on the GPU",
        ),
        (
            DeviceWork(weights_on="gpu", device=H100, memory_bytes=1),
            "the GPU ran no kernel while it trained, by profiler and by driver",
        ),
    ],
)
def test_weights_on_the_gpu_are_no_proof_that_it_worked(work: DeviceWork, said: str):
    line = training("cnn-sgd", on_gpu=True, work=work)
    idle = replace(SAMPLE, utilisation_percent=0)
    said_lines = [line if isinstance(each, TrainingLine) else each for each in lines(on_gpu=True)]
    seen = observed(run(said_lines, on_gpu=True, gpus=(idle,)), on_gpu=True)

    assert outcomes(seen)["pytorch.gpu.training.cnn-sgd"] == Failed(said=said)


def test_a_framework_that_sees_no_gpu_where_the_driver_does_fails():
    blind = framework_line(on_gpu=True, devices=(), problem="CUDA driver is a stub library")
    seen = with_line(Level.SMOKE, type(blind), blind, on_gpu=True)

    assert outcomes(seen)["pytorch.devices"] == Failed(
        said="it sees no GPU, and the driver sees NVIDIA H100 80GB HBM3: "
        "CUDA driver is a stub library"
    )


def test_a_framework_without_code_for_the_gpu_fails():
    old = framework_line(on_gpu=True, architectures=("sm_50", "sm_60"))
    seen = with_line(Level.SMOKE, type(old), old, on_gpu=True)

    assert isinstance(outcomes(seen)["pytorch.kernels"], Failed)


def test_a_version_that_is_not_the_locks_fails():
    seen = observed(versions={"pytorch": "2.12.0"})

    assert outcomes(seen)["pytorch.import"] == Failed(
        said="the lock has 2.12.0, and 2.13.0+cpu was imported",
        hint="another copy stands before it on the path: `envlock why` tells who brings it",
    )
    local = observed(versions={"pytorch": "2.13.0+cu121"})
    assert isinstance(outcomes(local)["pytorch.import"], Passed)


# --- the device that trained ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "sample", "kind"),
    [
        (H100, SAMPLE, Passed),
        (replace(H100, uuid=""), SAMPLE, Passed),
        (replace(H100, pci_id=""), SAMPLE, Passed),
        (replace(H100, uuid=H100.uuid.upper()), SAMPLE, Passed),
        (replace(H100, uuid="", pci_id=""), SAMPLE, NotRun),
        (replace(H100, uuid="GPU-other", pci_id="0000:af:00.0"), SAMPLE, Failed),
    ],
)
def test_the_device_is_joined_on_its_uuid_or_pci_id(
    device: Device, sample: DriverSample, kind: type
):
    line = training("cnn-sgd", on_gpu=True)
    line = replace(line, work=replace(line.work, device=device))
    seen = observed(run([*lines(on_gpu=True)[:-3], line], on_gpu=True, gpus=(sample,)), on_gpu=True)

    assert isinstance(outcomes(seen)["pytorch.gpu.device"], kind)


def test_without_nvml_the_device_is_not_joined_and_the_verdict_stays_open():
    seen = observed(run(on_gpu=True, gpus=()), on_gpu=True)

    assert isinstance(outcomes(seen)["pytorch.gpu.device"], NotRun)
    assert verdict(seen) is Verdict.INCOMPLETE


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("precision", "error", "kind"),
    [
        ("float32", 1e-6, Passed),
        ("float32", 1e-3, Failed),
        ("bf16", 1e-2, Passed),
        ("bf16", 0.1, Failed),
        ("int8", 0.0, Passed),
        ("int8", 1e-9, Failed),
    ],
)
def test_a_precision_has_its_own_tolerance(precision: str, error: float, kind: type):
    line = NumbersLine(operation="matmul", precision=precision, device="cpu", relative_error=error)
    seen = observed(run([*lines(Level.FULL), line], level=Level.FULL))

    assert isinstance(outcomes(seen)[f"pytorch.cpu.numbers.matmul.{precision}"], kind)


def test_a_result_on_another_device_fails():
    line = NumbersLine(operation="matmul", precision="float32", device="cpu", relative_error=0.0)
    seen = with_line(Level.SMOKE, NumbersLine, line, on_gpu=True)

    assert isinstance(outcomes(seen)["pytorch.gpu.numbers.matmul.float32"], Failed)


def test_a_wrong_gradient_fails_and_as_a_control_passes():
    wrong = GradientLine(device="cpu", relative_error=1e-2)
    control = replace(wrong, control=Control.WRONG_GRADIENT)
    controls = (Control.WRONG_GRADIENT,)

    assert isinstance(
        outcomes(with_line(Level.TRAIN, GradientLine, wrong))["pytorch.cpu.gradients"], Failed
    )
    found = outcomes(observed(run([*lines(), control]), controls=controls))
    assert isinstance(found["pytorch.cpu.control.wrong-gradient"], Passed)
    unseen = replace(control, relative_error=1e-9)
    found = outcomes(observed(run([*lines(), unseen]), controls=controls))
    assert isinstance(found["pytorch.cpu.control.wrong-gradient"], Failed)


# --- training -------------------------------------------------------------------------------------


def test_what_does_not_learn_fails():
    for losses, accuracies in (
        ((2.3, 2.3), (0.1, 0.1)),
        ((2.3, 2.29), (0.1, 0.9)),
        ((2.3, 0.1), (0.1, 0.2)),
    ):
        line = training("cnn-sgd", losses=losses, accuracies=accuracies)
        found = outcomes(with_line(Level.TRAIN, TrainingLine, line))["pytorch.cpu.training.cnn-sgd"]
        assert isinstance(found, Failed)
        assert found.said.startswith("it did not learn: loss 2.300 to")


def test_shuffled_labels_must_not_teach():
    controls = (Control.SHUFFLED_LABELS,)
    for accuracy, kind in ((0.11, Passed), (0.6, Failed)):
        line = training("cnn-sgd", accuracies=(0.1, accuracy), control=Control.SHUFFLED_LABELS)
        found = outcomes(observed(run([*lines(), line]), controls=controls))
        assert isinstance(found["pytorch.cpu.control.shuffled-labels"], kind)


def test_a_control_that_was_asked_for_and_did_not_come_is_not_run():
    found = outcomes(observed(controls=(Control.SHUFFLED_LABELS,)))

    assert isinstance(found["pytorch.cpu.control.shuffled-labels"], NotRun)


@pytest.mark.parametrize(
    ("digest", "is_deterministic", "kind"),
    [("ab" * 32, True, Passed), ("cd" * 32, True, Failed), ("cd" * 32, False, Passed)],
)
def test_the_same_seed_gives_the_same_weights_where_that_is_promised(
    digest: str, is_deterministic: bool, kind: type
):
    said = [
        replace(line, weights_sha256=digest, is_deterministic=is_deterministic, spread=0.01)
        if isinstance(line, TrainingLine) and line.run == 2
        else line
        for line in lines(Level.FULL)
    ]
    found = outcomes(observed(run(said, level=Level.FULL)))

    assert isinstance(found["pytorch.cpu.repeat.cnn-sgd"], kind)


# --- rates, several GPUs, compilers ---------------------------------------------------------------


def test_a_rate_stands_beside_the_data_sheets_and_a_recalled_figure_never_fails():
    for rate, strict, kind in (
        (6e14, False, Passed),
        (1e14, False, NotRun),
        (1e14, True, Failed),
    ):
        line = SpeedLine(measure="bf16-matmul", device=H100, per_second=rate)
        said = [
            line if isinstance(each, SpeedLine) else each for each in lines(Level.FULL, on_gpu=True)
        ]
        seen = observed(run(said, level=Level.FULL, on_gpu=True), on_gpu=True, is_strict=strict)
        assert isinstance(outcomes(seen)["pytorch.gpu.speed.bf16-matmul"], kind)


def test_a_gpu_without_a_data_sheet_is_told():
    line = SpeedLine(measure="copy", device=replace(H100, name="NVIDIA Z9"), per_second=1e12)
    seen = observed(run([*lines(Level.FULL, on_gpu=True), line], level=Level.FULL, on_gpu=True))

    assert outcomes(seen)["pytorch.gpu.speed.copy"] == NotRun(
        reason="1,000.0 GB/s; no data sheet of `NVIDIA Z9` is known"
    )


def test_a_sum_over_gpus_must_be_right():
    for error, kind in ((1e-7, Passed), (0.5, Failed)):
        line = CollectiveLine(gpus=8, relative_error=error, bytes_per_second=3e11)
        seen = with_line(Level.FULL, CollectiveLine, line, on_gpu=True)
        assert isinstance(outcomes(seen)["pytorch.gpu.collectives"], kind)


def test_a_compiled_step_must_give_the_same_numbers():
    for error, kind in ((1e-6, Passed), (1.0, Failed)):
        line = CompilerLine(compiler="torch.compile", device="cpu", relative_error=error, seconds=9)
        seen = observed(run([*lines(), line]), is_compiled=True)
        assert isinstance(outcomes(seen)["pytorch.cpu.compiler"], kind)


# --- what went wrong ------------------------------------------------------------------------------


def test_a_check_that_raises_fails_and_the_others_stand():
    said = [each for each in lines() if not isinstance(each, GradientLine)]
    seen = observed(run([*said, BrokeLine(check="gradients", error="RuntimeError: no kernel")]))
    found = outcomes(seen)

    assert found["pytorch.cpu.gradients"] == Failed(said="it raised RuntimeError: no kernel")
    assert isinstance(found["pytorch.cpu.training.cnn-sgd"], Passed)


def test_a_framework_that_cannot_be_imported_fails():
    said = [lines()[0], BrokeLine(check="import", error="ImportError: no libfoo.so")]
    seen = observed(run([*said, FinishedLine(seconds={})]))

    assert outcomes(seen)["pytorch.import"] == Failed(
        said="it could not be imported: ImportError: no libfoo.so"
    )
    assert verdict(seen) is Verdict.FAILED


@pytest.mark.parametrize("ending", [each for each in Ending if each is not Ending.WHOLE])
def test_a_probe_that_was_cut_short_fails_and_what_it_did_not_say_is_not_run(ending: Ending):
    seen = observed(run(lines()[:3], ending=ending, said="it crashed: SIGSEGV"))
    found = outcomes(seen)

    assert isinstance(found["pytorch.process"], Failed)
    assert "it crashed: SIGSEGV" in found["pytorch.process"].said
    assert found["pytorch.cpu.training.cnn-sgd"] == NotRun(
        reason="the probe was cut short before it"
    )
    assert verdict(seen) is Verdict.FAILED


def test_every_prefix_of_a_probes_lines_can_be_judged():
    said = lines(Level.FULL, on_gpu=True)
    for length in range(len(said)):
        cut = run(said[:length], level=Level.FULL, on_gpu=True, ending=Ending.TIMED_OUT)
        assert verdict(observed(cut, on_gpu=True)) is Verdict.FAILED


def test_an_environment_without_a_framework_proves_nothing():
    seen = observed(frameworks=(), runs=())

    assert isinstance(outcomes(seen)["framework"], NotRun)


# --- bytes and machine ----------------------------------------------------------------------------


def test_a_tampered_environment_fails():
    difference = EntryDifference(
        path="lib/a.py", difference=Difference.CONTENT, expected="aa", found="bb"
    )
    found = outcomes(observed(integrity=Integrity(differences=(difference,))))

    assert found["environment.bytes"] == Failed(
        said="not as it was sealed: lib/a.py: expected sha256 aa, found bb",
        hint="`envlock store repair` puts back what was there",
    )


def test_an_environment_that_envlock_did_not_build_is_held_against_nothing():
    seen = observed()
    seen = replace(seen, integrity=None, place=replace(seen.place, is_built=False))

    assert isinstance(outcomes(seen)["environment.bytes"], NotRun)
    assert verdict(seen) is Verdict.PASSED


def test_a_driver_below_the_floor_fails():
    old = replace(GPU_HOST, driver="470.57.02")
    workload = Workload(name="torch", platform=old.platform, line=LINE)
    seen = observed(
        run(on_gpu=True), on_gpu=True, host=old, workload=workload, fit=judge_fit(workload, old)
    )

    assert isinstance(outcomes(seen)["machine.driver"], Failed)


def test_numbers_that_vary_stand_apart_from_those_that_do_not():
    check: Check = next(
        each for each in judge(observed()) if each.name == "pytorch.cpu.training.cnn-sgd"
    )

    assert check.numbers["accuracy"] == 0.93
    assert set(check.varying) == {
        "seconds",
        "first_step_seconds",
        "examples_per_second",
        "peak_memory_bytes",
    }
