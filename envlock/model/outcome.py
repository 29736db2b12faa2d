"""What a check comes to: it passed, it failed, or it was not run. A missing GPU is never a pass."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Obligation(StrEnum):
    """What must hold of an environment, in the order in which it is looked at."""

    ARTIFACTS = "artifacts"
    """The environment is what the lock says, file by file."""
    DRIVER = "driver"
    """Driver and GPU meet the floor of the lock."""
    LIBRARIES = "libraries"
    """What the process loaded comes from the environment, or from the host where it may."""
    FRAMEWORK = "framework"
    """The framework is a build for the device, and sees it."""
    KERNELS = "kernels"
    """The framework brings machine code for the GPU."""
    NUMBERS = "numbers"
    """Products and convolutions agree with float64."""
    GRADIENTS = "gradients"
    """Analytic gradients agree with numeric ones."""
    TRAINING = "training"
    """It learns, and the device did the work."""
    REPEAT = "repeat"
    """The same seed gives the same weights, where the framework promises it."""
    DEVICE = "device"
    """The device that trained is one that the driver knows, joined on its UUID or PCI id."""
    SPEED = "speed"
    """Rates beside the data sheet's."""
    COLLECTIVES = "collectives"
    """Several GPUs add up what they hold."""
    COMPILER = "compiler"
    """The framework's compiler gives the same numbers."""
    CONTROLS = "controls"
    """What must fail does fail."""


class Passed(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """It was looked at, and it holds."""

    said: str
    """In words, with the numbers that decide."""


class Failed(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """It was looked at, and it does not hold."""

    said: str
    """What was expected and what was found."""
    hint: str = ""


class NotRun(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """It was not looked at."""

    reason: str


Outcome = Passed | Failed | NotRun


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at, and what came of it."""

    obligation: Obligation
    name: str
    """Stable and one of its kind in a verification: `pytorch.training.cnn-sgd`."""
    outcome: Outcome
    on_gpu: bool = False
    """Whether it says something of a GPU; such a check never runs without one."""
    numbers: dict[str, float] = {}
    """What was measured, by name with its unit; what varies from run to run is in `varying`."""
    varying: dict[str, float] = {}
    """Times, rates and memory: the same check measures others the next time."""


class Level(StrEnum):
    """How much is looked at."""

    SMOKE = "smoke"
    """Seconds: driver, libraries, the framework sees the device, one product."""
    TRAIN = "train"
    """And: numbers in float32, gradients, the two small convolutional networks."""
    FULL = "full"
    """And: every precision, recurrent network, transformer, a second run, several GPUs, rates."""


class WantedDevice(StrEnum):
    """Where the checks are to run."""

    AUTO = "auto"
    """On the GPU where the lock is for one and there is one, else on the CPU."""
    GPU = "gpu"
    CPU = "cpu"
