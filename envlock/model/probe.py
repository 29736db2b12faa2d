"""What a probe is asked, and the lines that it answers with.

The probe is a script that the environment's own Python runs. It gets one `ProbeRequest` as JSON on
stdin and writes one JSON object on each line; `kind` says which. It observes; what must hold is
judged elsewhere. All sizes are bytes, all times seconds.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from envlock.model.outcome import Level


class Control(StrEnum):
    """A thing done wrong on purpose, which a check must find."""

    SHUFFLED_LABELS = "shuffled-labels"
    WRONG_GRADIENT = "wrong-gradient"


class ProbeRequest(Struct, frozen=True, kw_only=True):
    """What the probe is to do."""

    framework: str
    """`pytorch`, `tensorflow` or `jax`; each has a process of its own."""
    level: Level
    device: str
    """`gpu` or `cpu`; a probe that is asked for a GPU and finds none tells, and goes on."""
    seed: int = 1
    threads: int = 0
    """For the CPU; 0 leaves it to the probe."""
    controls: tuple[Control, ...] = ()
    compiled: bool = False
    """Whether the framework's compiler is tried."""
    data_folder: str = ""
    """Where CIFAR-10 lies, as its own site has it for Python; empty: generated pictures."""


class Device(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device as the framework names it."""

    kind: str
    """`gpu` or `cpu`."""
    name: str = ""
    uuid: str = ""
    """As NVML writes it, `GPU-…`; empty where the framework does not say."""
    pci_id: str = ""
    """As `0000:3b:00.0`."""
    compute: str = ""
    """Compute capability, `9.0`."""
    memory_bytes: int = 0


class StartedLine(Struct, frozen=True, kw_only=True, tag_field="kind", tag="started"):
    """The probe runs."""

    python: str
    """As `3.11.7`."""
    implementation: str
    prefix: str
    """As a real path, without links."""
    base_prefix: str
    """As a real path, without links."""
    machine: str
    threads: int


class FrameworkLine(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="framework", omit_defaults=True
):
    """The framework was imported, and this is what it says of itself."""

    framework: str
    version: str
    import_seconds: float
    is_gpu_build: bool = False
    cuda: str = ""
    """The CUDA version that it was built for."""
    cudnn: str = ""
    """The version of cuDNN that is loaded; empty when none is."""
    nccl: str = ""
    architectures: tuple[str, ...] = ()
    """As the framework lists them: `sm_80`, `compute_90`."""
    devices: tuple[Device, ...] = ()
    """The GPUs that it sees, in its order; none on a CPU build."""
    libraries: dict[str, str] = {}
    """Versions of what stands beside it: numpy, keras, jaxlib."""
    problem: str = ""
    """Why it sees no GPU, in its own words."""


class LoadedLibrary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One shared library in the process."""

    path: str
    build_id: str = ""
    """Of its ELF notes, hex; empty where it has none."""
    soname: str = ""


class LibrariesLine(Struct, frozen=True, kw_only=True, tag_field="kind", tag="libraries"):
    """What the process has loaded, after the checks."""

    libraries: tuple[LoadedLibrary, ...]


class NumbersLine(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="numbers", omit_defaults=True
):
    """One operation in one precision, beside float64 on the CPU."""

    operation: str
    """`matmul` or `conv2d`."""
    precision: str
    """`float32`, `tf32`, `bf16`, `fp16` or `int8`."""
    device: str
    """Where the result lay: `gpu` or `cpu`."""
    relative_error: float = 0.0
    """Largest difference over the largest value; 0 for whole numbers that agree."""
    skipped: str = ""
    """Why there is no number: the framework or the device has no such precision."""


class GradientLine(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="gradient", omit_defaults=True
):
    """Analytic gradients of a small network beside numeric ones, in float64."""

    device: str
    relative_error: float
    control: str = ""
    """`wrong-gradient` when the analytic one was made wrong by 1 %."""


class StepLine(Struct, frozen=True, kw_only=True, tag_field="kind", tag="step"):
    """How training goes, a few times a second; for those who watch."""

    model: str
    step: int
    steps: int
    loss: float


class DeviceWork(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What shows that the device did the work."""

    weights_on: str
    """Where the weights lay after training, `gpu` or `cpu`."""
    device: Device
    """The device that trained, by its name, UUID and PCI id."""
    memory_bytes: int = 0
    """The most that the framework had on the device during training."""
    kernel_seconds: float = 0.0
    """Time that the device was busy for a few steps, by the framework's profiler or events."""
    wall_seconds: float = 0.0
    """Of the same steps."""


class TrainingLine(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="training", omit_defaults=True
):
    """One network was trained."""

    model: str
    """`cnn-sgd`, `cnn-adam`, `rnn` or `transformer`."""
    losses: tuple[float, ...]
    """Of training, evenly spread over its steps."""
    accuracies: tuple[float, ...]
    """On held-out examples, first before training, last after it."""
    classes: int
    steps: int
    batch: int
    seconds: float
    first_step_seconds: float
    """Until the first step was done: compilation and library loading included."""
    examples_per_second: float
    peak_memory_bytes: int
    """Of the device; on a CPU of the process."""
    weights_sha256: str
    is_deterministic: bool
    """Whether the framework promises the same weights for the same seed, here."""
    work: DeviceWork
    data: str = "generated"
    """`generated` or `cifar-10`."""
    control: str = ""
    """`shuffled-labels` when it must not learn."""
    run: int = 1
    """2 for the second run with the same seed."""
    spread: float = 0.0
    """Of run 2: largest difference between its weights and those of run 1."""


class SpeedLine(Struct, frozen=True, kw_only=True, tag_field="kind", tag="speed"):
    """A rate of the device."""

    measure: str
    """`bf16-matmul` in floating-point operations a second, `copy` in bytes read and written."""
    device: Device
    per_second: float


class CollectiveLine(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="collective", omit_defaults=True
):
    """All GPUs added up what each held."""

    gpus: int
    relative_error: float = 0.0
    bytes_per_second: float = 0.0
    """Bus bandwidth: 2 (n - 1) / n of the buffer's size over the time."""
    skipped: str = ""


class CompilerLine(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="compiler", omit_defaults=True
):
    """The framework's compiler did a network's step."""

    compiler: str
    """`torch.compile` or `xla`."""
    device: str
    relative_error: float = 0.0
    """Of loss and gradients, beside the same step without it."""
    seconds: float = 0.0
    skipped: str = ""


class BrokeLine(Struct, frozen=True, kw_only=True, tag_field="kind", tag="broke"):
    """A check raised."""

    check: str
    """`numbers.matmul.bf16`, `training.rnn`, `import`."""
    error: str
    """Kind and message, at most a few lines."""


class FinishedLine(Struct, frozen=True, kw_only=True, tag_field="kind", tag="finished"):
    """Nothing more comes; a probe that ends without this line was cut short."""

    seconds: dict[str, float]
    """Of each check, by its name."""


ProbeLine = (
    StartedLine
    | FrameworkLine
    | LibrariesLine
    | NumbersLine
    | GradientLine
    | StepLine
    | TrainingLine
    | SpeedLine
    | CollectiveLine
    | CompilerLine
    | BrokeLine
    | FinishedLine
)


class Ending(StrEnum):
    """How a probe's process ended."""

    WHOLE = "whole"
    """It said that it had finished, and left with 0."""
    TIMED_OUT = "timed-out"
    OUT_OF_MEMORY = "out-of-memory"
    CRASHED = "crashed"
    """A signal or another exit status, or it left without finishing."""
    GARBLED = "garbled"
    """It wrote what is no line of a probe, or too much."""


class DriverSample(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What NVML said of one GPU while the probe ran."""

    uuid: str
    pci_id: str
    name: str
    utilisation_percent: int = -1
    """The highest that was seen; -1 where the query is not supported."""
    process_memory_bytes: int = -1
    """The most that the probe's processes held; -1 where the query is not supported."""


class ProbeRun(Struct, frozen=True, kw_only=True):
    """One probe from its start to its end."""

    request: ProbeRequest
    lines: tuple[ProbeLine, ...]
    """Without those for watchers."""
    ending: Ending
    said: str = ""
    """How it ended in words, with the last of what it wrote on stderr."""
    seconds: float = 0.0
    gpus: tuple[DriverSample, ...] = ()
