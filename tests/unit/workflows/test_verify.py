"""The story of a verification: which device is asked, what is sealed, what is not claimed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from envlock.compat.fit import judge as judge_fit
from envlock.errors import WorldError
from envlock.formats.receipt import format_receipt, read_receipt, stable_digest
from envlock.model.host import Host, HostProblem, ProblemLevel
from envlock.model.outcome import Level, NotRun, WantedDevice
from envlock.model.probe import LibrariesLine, LoadedLibrary, ProbeRequest, ProbeRun
from envlock.model.receipt import Receipt, Subject, Verdict
from envlock.model.verdict import Workload
from envlock.model.verifying import Integrity, Place
from envlock.model.version import CudaLine
from envlock.ports.runner import ProbeListener
from envlock.workflows.verify import Target, VerifyRequest, VerifyTools, verify
from envlock.workflows.verify_lock import foreign_target
from recorded_probes import GPU_HOST, NO_GPU_HOST, PREFIX, lines, run


class FakeRunner:
    """Answers with recorded runs, and keeps what it was asked. Implements `Runner`."""

    def __init__(self, present: Sequence[str] = ("pytorch",), **changes: object) -> None:
        self.present = tuple(present)
        self.asked: list[ProbeRequest] = []
        self._changes = changes

    def frameworks(self, python: str) -> tuple[str, ...]:
        if not python:
            raise WorldError("it does not run")
        return self.present

    def probe(self, python: str, request: ProbeRequest, listener: ProbeListener) -> ProbeRun:
        self.asked.append(request)
        on_gpu = request.device == "gpu"
        found = run(level=request.level, on_gpu=on_gpu)
        for line in found.lines:
            listener.heard(request.framework, line)
        return replace(found, request=request, **self._changes)


class Nobody:
    def heard(self, framework: str, line: object) -> None: ...

    def step(self, message: str) -> None: ...

    def note(self, message: str) -> None: ...


def tools(runner: FakeRunner, host: Host = NO_GPU_HOST, seconds: float = 0.0) -> VerifyTools:
    clock = iter([seconds, 2 * seconds + 1])
    return VerifyTools(
        runner=runner,
        listener=Nobody(),
        reporter=Nobody(),
        host=host,
        cpus=2,
        library_path="",
        envlock_version="0.1.0",
        now=lambda: "2026-11-28T02:00:00Z",
        seconds=lambda: next(clock),
    )


def target(*, cuda: bool = False, host: Host = NO_GPU_HOST) -> Target:
    line = CudaLine(12, 1) if cuda else None
    workload = Workload(name="torch", platform=host.platform, line=line)
    return Target(
        subject=Subject(name="torch", lock_sha256="aa" * 32, tree_sha256="bb" * 32),
        place=Place(
            name="torch",
            python=f"{PREFIX}/bin/python",
            prefixes=(PREFIX,),
            is_built=True,
            is_hermetic=True,
        ),
        integrity=Integrity(files=1, size_bytes=1),
        workload=workload,
        fit=judge_fit(workload, host),
        versions={"pytorch": "2.5.1" if cuda else "2.13.0"},
    )


def verified(
    device: WantedDevice, *, cuda: bool, host: Host = NO_GPU_HOST
) -> tuple[Receipt, FakeRunner]:
    runner = FakeRunner()
    request = VerifyRequest(device=device, level=Level.TRAIN)
    return verify(target(cuda=cuda, host=host), request, tools(runner, host)), runner


@pytest.mark.parametrize(
    ("device", "cuda", "host", "asked", "verdict"),
    [
        (WantedDevice.AUTO, False, NO_GPU_HOST, "cpu", Verdict.PASSED),
        (WantedDevice.CPU, False, NO_GPU_HOST, "cpu", Verdict.PASSED),
        (WantedDevice.GPU, False, NO_GPU_HOST, "cpu", Verdict.INCOMPLETE),
        (WantedDevice.AUTO, True, GPU_HOST, "gpu", Verdict.PASSED),
        (WantedDevice.GPU, True, GPU_HOST, "gpu", Verdict.PASSED),
        (WantedDevice.AUTO, False, GPU_HOST, "cpu", Verdict.PASSED),
    ],
)
def test_the_device_is_what_the_lock_is_for_unless_another_is_asked_for(
    device: WantedDevice, cuda: bool, host: Host, asked: str, verdict: Verdict
):
    receipt, runner = verified(device, cuda=cuda, host=host)

    assert [request.device for request in runner.asked] == [asked]
    assert receipt.device == asked
    assert receipt.verdict is verdict


def test_without_a_driver_every_check_of_the_gpu_is_not_run_for_that_reason():
    receipt, _ = verified(WantedDevice.GPU, cuda=False)
    of_gpu = [check for check in receipt.checks if check.on_gpu]

    assert of_gpu
    assert {check.outcome for check in of_gpu} == {NotRun(reason="no NVIDIA driver")}


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        (NO_GPU_HOST, "no NVIDIA driver"),
        (replace(GPU_HOST, gpus=()), "no NVIDIA GPU"),
        (
            replace(
                GPU_HOST,
                problems=(
                    HostProblem(code="x", level=ProblemLevel.BROKEN, message="the driver hangs"),
                ),
            ),
            "the driver hangs",
        ),
    ],
)
def test_why_there_is_no_gpu_is_said(host: Host, reason: str):
    runner = FakeRunner()
    request = VerifyRequest(device=WantedDevice.GPU)

    receipt = verify(target(), request, tools(runner, host))

    assert {check.outcome for check in receipt.checks if check.on_gpu} == {NotRun(reason=reason)}


def test_a_framework_of_the_lock_that_python_lacks_is_probed_and_fails():
    class Lacking(FakeRunner):
        def probe(self, python: str, request: ProbeRequest, listener: ProbeListener) -> ProbeRun:
            return run(lines()[:1], said="ModuleNotFoundError: torch")

    receipt = verify(target(), VerifyRequest(), tools(Lacking(present=())))

    assert receipt.verdict is Verdict.FAILED
    assert "pytorch.import" in {check.name for check in receipt.failed}


def test_two_receipts_of_one_observation_differ_in_time_only():
    first = verify(target(), VerifyRequest(), tools(FakeRunner(), seconds=1))
    second = verify(target(), VerifyRequest(), tools(FakeRunner(seconds=99.0), seconds=50))

    assert format_receipt(first) != format_receipt(second)
    assert stable_digest(first) == stable_digest(second)
    assert read_receipt(format_receipt(first), "r.json") == first


def test_a_receipt_names_no_serial_number_of_a_gpu():
    receipt, _ = verified(WantedDevice.GPU, cuda=True, host=GPU_HOST)
    text = format_receipt(receipt).decode()

    assert "NVIDIA H100 80GB HBM3" in text
    assert "GPU-6a1b2c3d" not in text
    assert "3b:00.0" not in text


def test_what_comes_from_the_host_is_written_down_with_why():
    receipt, _ = verified(WantedDevice.GPU, cuda=True, host=GPU_HOST)

    assert [(each.path.rpartition("/")[2], each.role) for each in receipt.host_libraries] == [
        ("ld-linux-x86-64.so.2", "loader"),
        ("libc.so.6", "glibc"),
        ("libcuda.so.535.183.06", "driver"),
        ("libnvidia-ml.so.535.183.06", "driver"),
    ]


def test_every_training_leaves_its_curve():
    receipt = verify(target(), VerifyRequest(level=Level.FULL), tools(FakeRunner()))

    assert [curve.name for curve in receipt.curves] == [
        "pytorch.cpu.training.cnn-sgd",
        "pytorch.cpu.training.cnn-adam",
        "pytorch.cpu.training.rnn",
        "pytorch.cpu.training.transformer",
        "pytorch.cpu.repeat.cnn-sgd",
        "pytorch.cpu.repeat.cnn-adam",
        "pytorch.cpu.repeat.rnn",
        "pytorch.cpu.repeat.transformer",
    ]


def test_of_an_environment_that_envlock_did_not_build_less_is_claimed():
    foreign = foreign_target("module", "/opt/module/bin/python", "/opt/module")
    receipt = verify(foreign, VerifyRequest(), tools(FakeRunner()))

    assert receipt.subject == Subject(name="module", is_hermetic=False, python="cpython 3.11.7")
    assert receipt.checks[0].outcome == NotRun(
        reason="envlock did not build this environment, so there is no lock to hold it against"
    )
    assert receipt.verdict is Verdict.PASSED


def test_a_python_that_does_not_run_is_an_error():
    foreign = foreign_target("nothing", "", None)

    with pytest.raises(WorldError, match="does not run"):
        verify(foreign, VerifyRequest(), tools(FakeRunner()))


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/usr/lib/libssl.so.3", "interpreter"),
        ("/usr/lib/libstdc++.so.6", "manylinux"),
        (
            "/usr/local/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so",
            "interpreter",
        ),
        ("/usr/local/cuda/lib64/libcudart.so.12", ""),
        ("/opt/other/libfoo.so", ""),
    ],
)
def test_an_environment_on_the_machines_python_may_take_more_from_the_host(path: str, role: str):
    said = [
        LibrariesLine(libraries=(LoadedLibrary(path=path),))
        if isinstance(line, LibrariesLine)
        else line
        for line in lines()
    ]
    built = target()
    built = Target(
        subject=built.subject,
        place=replace(built.place, is_hermetic=False),
        integrity=built.integrity,
        versions=built.versions,
    )
    receipt = verify(built, VerifyRequest(), tools(FakeRunner(lines=tuple(said))))

    assert [each.role for each in receipt.host_libraries] == [role]
    assert (receipt.verdict is Verdict.FAILED) is (role == "")
