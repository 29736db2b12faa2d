"""One training, whatever the framework: who is trained, in how many steps, and what is kept of it.

The loop must cost next to nothing: losses stay on the device, and are fetched for those who watch
(a few times a second) and at the end. An extra wait is made after the first step only, whose time
is told apart.
"""

from __future__ import annotations

import hashlib
import math
import struct
import sys
import time
from array import array
from typing import Any, NamedTuple, Protocol

from .report import NotANumberError, Report

POINTS = 24
"""Of a loss curve; each is the mean over its part of the steps."""
WATCHING = 0.25
"""Seconds between two lines for those who watch."""
BUSY_STEPS = 5
"""What the share of the device is measured over."""


class Trainee(Protocol):
    """A network with its optimiser and examples, on a device."""

    is_deterministic: bool

    def step(self, number: int) -> Any:
        """Take one step; returns its loss, which may still be on its way."""

    def losses(self, some: list[Any]) -> list[float]:
        """Fetch losses."""

    def accuracy(self) -> float:
        """Try it on the held-out examples."""

    def weights(self) -> list[bytes]:
        """Give every weight in a fixed order, float32 as this machine has it."""

    def weights_on(self) -> str:
        """Say where the weights lie: `gpu` or `cpu`."""

    def device(self) -> dict[str, Any]:
        """Name the device that they lie on."""

    def peak_memory(self) -> int:
        """Give the most bytes that the framework had on the device; of the process on a CPU."""

    def busy(self, steps: int) -> tuple[float, float]:
        """Take steps; seconds that a GPU was busy, and seconds that passed. Zeros on a CPU."""


class Course(NamedTuple):
    """How one network is trained."""

    model: str
    steps: int
    batch: int
    classes: int
    data: str = "generated"
    control: str = ""
    run: int = 1


class Curve:
    """Losses of a training: watched while it goes, fetched when it is over."""

    def __init__(self, report: Report, trainee: Trainee, course: Course) -> None:
        self._report, self._trainee, self._course = report, trainee, course
        self._some: list[Any] = []
        self._told = time.perf_counter()

    def add(self, number: int, loss: Any) -> None:
        """Keep one loss; a few times a second fetch it, tell, and stop at one that is no number."""
        self._some.append(loss)
        now = time.perf_counter()
        if now - self._told < WATCHING:
            return
        self._told = now
        value = self._trainee.losses([loss])[0]
        _need_number(value, number)
        name = self._course.model
        self._report.write("step", model=name, step=number, steps=self._course.steps, loss=value)

    def points(self) -> list[float]:
        """Fetch all, and give the mean of each part of the steps."""
        values = self._trainee.losses(self._some)
        for number, value in enumerate(values):
            _need_number(value, number)
        return spread_evenly(values, POINTS)


def train(report: Report, trainee: Trainee, course: Course) -> tuple[dict[str, Any], bytes]:
    """Train; returns the fields of a training line, and the weights.

    Raises `NotANumberError` as soon as a loss is seen to be NaN or infinite.
    """
    before = trainee.accuracy()
    curve = Curve(report, trainee, course)
    started = time.perf_counter()
    loss = trainee.step(0)
    trainee.losses([loss])
    first = time.perf_counter() - started
    curve.add(0, loss)
    for number in range(1, course.steps):
        curve.add(number, trainee.step(number))
    losses = curve.points()
    seconds = time.perf_counter() - started
    after = trainee.accuracy()
    weights = trainee.weights()
    peak = trainee.peak_memory()
    where = trainee.weights_on()
    kernel, wall = trainee.busy(BUSY_STEPS)
    line = {
        **course._asdict(),
        "losses": losses,
        "accuracies": [before, after],
        "seconds": seconds,
        "first_step_seconds": first,
        "examples_per_second": (course.steps - 1) * course.batch / max(seconds - first, 1e-9),
        "peak_memory_bytes": peak,
        "weights_sha256": digest(weights),
        "is_deterministic": trainee.is_deterministic,
        "work": {
            "weights_on": where,
            "device": trainee.device(),
            "memory_bytes": peak if where == "gpu" else 0,
            "kernel_seconds": kernel,
            "wall_seconds": wall,
        },
    }
    return line, b"".join(weights)


def spread_evenly(values: list[float], points: int) -> list[float]:
    """Make the values into at most so many means of neighbouring ones."""
    parts = min(points, len(values))
    bounds = [part * len(values) // parts for part in range(parts + 1)] if parts else [0]
    pairs = zip(bounds, bounds[1:])
    return [math.fsum(values[start:end]) / (end - start) for start, end in pairs]


def digest(weights: list[bytes]) -> str:
    """sha256 over the weights, each with its length before it."""
    taken = hashlib.sha256()
    for each in weights:
        taken.update(struct.pack("<Q", len(each)))
        taken.update(each)
    return taken.hexdigest()


def largest_difference(these: bytes, those: bytes) -> float:
    """Compare float32 weights of two runs."""
    pairs = zip(array("f", these), array("f", those))
    return max((abs(one - other) for one, other in pairs), default=0.0)


def process_peak() -> int:
    """Give the most memory that this process had, in bytes; 0 where the system does not say."""
    try:
        import resource  # noqa: PLC0415  # Windows has none
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def cpu_device() -> dict[str, Any]:
    """Name the CPU by its model."""
    name = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = [line.partition(":")[2] for line in file if line.startswith("model name")]
            name = models[0].strip() if models else ""
    except OSError:
        pass
    return {"kind": "cpu", "name": name}


def _need_number(loss: float, number: int) -> None:
    if not math.isfinite(loss):
        raise NotANumberError("the loss came to {} at step {}".format(loss, number))
