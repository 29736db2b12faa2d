"""Probe runs as values: what a probe says on a CPU, and in the same shape on a GPU.

The CPU's figures are such as were seen; no GPU was there to be recorded, so the GPU's are made up
within what its interfaces give.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from envlock.model.host import Host, HostGpu
from envlock.model.outcome import Level
from envlock.model.platform import Platform
from envlock.model.probe import (
    CollectiveLine,
    Device,
    DeviceWork,
    DriverSample,
    Ending,
    FinishedLine,
    FrameworkLine,
    GradientLine,
    LibrariesLine,
    LoadedLibrary,
    NumbersLine,
    ProbeLine,
    ProbeRequest,
    ProbeRun,
    SpeedLine,
    StartedLine,
    TrainingLine,
)
from envlock.model.verifying import Integrity, Observed, Place

PREFIX = "/store/abc-torch"
CPU = Device(kind="cpu")
H100 = Device(
    kind="gpu",
    name="NVIDIA H100 80GB HBM3",
    uuid="GPU-6a1b2c3d-0000-1111-2222-333344445555",
    pci_id="0000:3b:00.0",
    compute="9.0",
    memory_bytes=85_520_809_984,
)
STARTED = StartedLine(
    python="3.11.7",
    implementation="cpython",
    prefix=PREFIX,
    base_prefix="/usr/local",
    machine="x86_64",
    threads=2,
)
LIBRARIES = LibrariesLine(
    libraries=(
        LoadedLibrary(path="/lib/x86_64-linux-gnu/libc.so.6", build_id="aa"),
        LoadedLibrary(path="/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", build_id="bb"),
        LoadedLibrary(path=f"{PREFIX}/lib/libtorch.so", build_id="cc"),
    )
)
DRIVER_LIBRARIES = LibrariesLine(
    libraries=(
        *LIBRARIES.libraries,
        LoadedLibrary(path="/usr/lib/x86_64-linux-gnu/libcuda.so.535.183.06", build_id="dd"),
        LoadedLibrary(path="/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.535.183.06"),
        LoadedLibrary(path=f"{PREFIX}/lib/libcudnn.so.9"),
        LoadedLibrary(path=f"{PREFIX}/lib/libcudnn_ops.so.9"),
    )
)
NO_GPU_HOST = Host(name="this machine", platform=Platform.LINUX_64, glibc="2.36", kernel="6.1")
GPU_HOST = Host(
    name="this machine",
    platform=Platform.LINUX_64,
    driver="535.183.06",
    driver_cuda="12.2",
    gpus=(HostGpu(name="NVIDIA H100 80GB HBM3", compute="9.0", memory_bytes=85_520_809_984),),
    glibc="2.35",
    kernel="5.15",
)
SAMPLE = DriverSample(
    uuid=H100.uuid,
    pci_id="00000000:3B:00.0",
    name=H100.name,
    utilisation_percent=61,
    process_memory_bytes=900_000_000,
)


def framework_line(*, on_gpu: bool = False, **changes: object) -> FrameworkLine:
    """What PyTorch says of itself."""
    line = FrameworkLine(
        framework="pytorch", version="2.5.1+cu121" if on_gpu else "2.13.0+cpu", import_seconds=2.1
    )
    if on_gpu:
        line = replace(
            line,
            is_gpu_build=True,
            cuda="12.1",
            cudnn="9.1.0",
            nccl="2.21.5",
            architectures=("sm_80", "sm_90"),
            devices=(H100,),
        )
    return replace(line, **changes)


def training(model: str, *, on_gpu: bool = False, **changes: object) -> TrainingLine:
    """A network that learnt."""
    line = TrainingLine(
        model=model,
        losses=(2.31, 1.2, 0.4),
        accuracies=(0.09, 0.8, 0.93),
        classes=10,
        steps=200,
        batch=64,
        seconds=4.0,
        first_step_seconds=0.2,
        examples_per_second=3200.0,
        peak_memory_bytes=500_000_000,
        weights_sha256="ab" * 32,
        is_deterministic=True,
        work=DeviceWork(weights_on="cpu", device=CPU),
    )
    if on_gpu:
        work = DeviceWork(
            weights_on="gpu",
            device=H100,
            memory_bytes=70_000_000,
            kernel_seconds=0.4,
            wall_seconds=0.5,
        )
        line = replace(line, work=work)
    return replace(line, **changes)


def lines(level: Level = Level.TRAIN, *, on_gpu: bool = False) -> list[ProbeLine]:
    """All that a probe says which goes well."""
    device = "gpu" if on_gpu else "cpu"
    said: list[ProbeLine] = [
        STARTED,
        framework_line(on_gpu=on_gpu),
        NumbersLine(operation="matmul", precision="float32", device=device, relative_error=3e-7),
    ]
    if level is not Level.SMOKE:
        said += [
            NumbersLine(
                operation="conv2d", precision="float32", device=device, relative_error=4e-7
            ),
            GradientLine(device=device, relative_error=2e-9),
            training("cnn-sgd", on_gpu=on_gpu),
            training("cnn-adam", on_gpu=on_gpu),
        ]
    if level is Level.FULL:
        said += [
            *(
                NumbersLine(operation=operation, precision=precision, device=device, **error)
                for operation in ("matmul", "conv2d")
                for precision, error in (
                    ("tf32", {"relative_error": 1e-3} if on_gpu else {"skipped": "not on a CPU"}),
                    ("bf16", {"relative_error": 8e-3}),
                    ("fp16", {"relative_error": 9e-4}),
                    ("int8", {"relative_error": 0.0}),
                )
            ),
            training("rnn", on_gpu=on_gpu),
            training("transformer", on_gpu=on_gpu),
            *(
                training(model, on_gpu=on_gpu, run=2)
                for model in ("cnn-sgd", "cnn-adam", "rnn", "transformer")
            ),
        ]
        if on_gpu:
            said += [
                SpeedLine(measure="bf16-matmul", device=H100, per_second=6.0e14),
                SpeedLine(measure="copy", device=H100, per_second=2.6e12),
                CollectiveLine(gpus=1, skipped="one GPU: nothing to add up"),
            ]
    return [*said, DRIVER_LIBRARIES if on_gpu else LIBRARIES, FinishedLine(seconds={"x": 1.0})]


def run(
    said: Iterable[ProbeLine] | None = None,
    /,
    *,
    level: Level = Level.TRAIN,
    on_gpu: bool = False,
    ending: Ending = Ending.WHOLE,
    **changes: object,
) -> ProbeRun:
    """A probe of PyTorch from its start to its end."""
    found = ProbeRun(
        request=ProbeRequest(framework="pytorch", level=level, device="gpu" if on_gpu else "cpu"),
        lines=tuple(lines(level, on_gpu=on_gpu) if said is None else said),
        ending=ending,
        seconds=20.0,
        gpus=(SAMPLE,) if on_gpu else (),
    )
    return replace(found, **changes)


def observed(*runs: ProbeRun, on_gpu: bool = False, **changes: object) -> Observed:
    """A hermetic environment of envlock's, and what probes said in it."""
    found = Observed(
        place=Place(
            name="torch",
            python=f"{PREFIX}/bin/python",
            prefixes=(PREFIX,),
            is_built=True,
            is_hermetic=True,
        ),
        host=GPU_HOST if on_gpu else NO_GPU_HOST,
        level=runs[0].request.level if runs else Level.TRAIN,
        wants_gpu=on_gpu,
        integrity=Integrity(files=12, size_bytes=3456),
        frameworks=("pytorch",),
        runs=runs or (run(on_gpu=on_gpu),),
    )
    return replace(found, **changes)
