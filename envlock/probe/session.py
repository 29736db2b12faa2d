"""One request from its start to its end: which checks, in which order, and their lines.

What a framework can do is behind `Framework`; each framework's own modules are imported only when
it is asked for, and one process holds one framework.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from functools import partial
from typing import Any, NamedTuple, Protocol, TextIO

from . import numbers, samples
from .libraries import list_libraries
from .report import Report, describe_error
from .training import Course, Trainee, largest_difference, train

PRECISIONS = ("float32", "tf32", "bf16", "fp16", "int8")
OPERATIONS = ("matmul", "conv2d")
MOST_THREADS = 8
"""Small networks gain nothing from more."""
BATCH = 64
STEPS = {"cnn-sgd": 250, "cnn-adam": 40, "rnn": 200, "transformer": 200}
CIFAR_STEPS = {"cnn-sgd": 1500, "cnn-adam": 800}
NEVER_WRITTEN = ("not implemented", "unimplemented", "no opkernel")
CONTROL_MODEL = "cnn-adam"
"""What is trained on shuffled labels: it learns soonest."""


class Request(NamedTuple):
    """The request as it came; `ProbeRequest` says what its fields mean."""

    framework: str
    level: str
    device: str
    seed: int = 1
    threads: int = 0
    controls: tuple[str, ...] = ()
    compiled: bool = False
    data_folder: str = ""


class Framework(Protocol):
    """One framework, imported, with its device chosen."""

    def describe(self) -> dict[str, Any]:
        """Give the fields of a framework line, without the seconds."""

    def operate(self, operation: str, precision: str) -> dict[str, Any]:
        """Give the fields of a numbers line: `device`, and `relative_error` or `skipped`."""

    def small_network(self) -> tuple[list[float], Any, Any, str]:
        """Give parameters, loss and gradient of a small network in float64, and where it runs."""

    def make_trainee(
        self, model: str, examples: samples.Examples, batches: list[list[int]]
    ) -> Trainee:
        """Put a network, its examples and its optimiser on the device."""

    def measure_speed(self, measure: str) -> dict[str, Any] | None:
        """Give the fields of a speed line; None on a CPU."""

    def add_up(self) -> dict[str, Any]:
        """Give the fields of a collective line."""

    def compile(self) -> dict[str, Any]:
        """Give the fields of a compiler line."""


def answer(text: str, lines: TextIO) -> None:
    """Do what is asked, and write what is seen; nothing raised by a framework gets out."""
    asked = json.loads(text)
    asked["controls"] = tuple(asked.get("controls", ()))
    request = Request(**{name: asked[name] for name in Request._fields if name in asked})
    threads = request.threads or min(_count_cpus(), MOST_THREADS)
    report = Report(lines)
    report.write(
        "started",
        python="%d.%d.%d" % sys.version_info[:3],
        implementation=sys.implementation.name,
        prefix=os.path.realpath(sys.prefix),  # as the kernel names what is loaded from there
        base_prefix=os.path.realpath(sys.base_prefix),
        machine=platform.machine(),
        threads=threads,
    )
    _set_environment(threads)
    framework = report.check("import", lambda: _load(request, threads))
    if framework is not None:
        _Session(request, report, framework).run(report.seconds["import"])
    report.check("libraries", lambda: report.write("libraries", libraries=list_libraries()))
    report.write("finished", seconds=report.seconds)


class _Session:
    """The checks of one request."""

    def __init__(self, request: Request, report: Report, framework: Framework) -> None:
        self._request, self._report, self._framework = request, report, framework
        self._weights: dict[str, bytes] = {}

    def run(self, import_seconds: float) -> None:
        """Do them in the order of the obligations; controls last."""
        level = self._request.level
        self._report.check("framework", lambda: self._describe(import_seconds))
        if level == "smoke":
            self._operate("matmul", "float32")
        else:
            for operation in OPERATIONS:
                for precision in PRECISIONS if level == "full" else PRECISIONS[:1]:
                    self._operate(operation, precision)
            self._report.check("gradients", lambda: self._differentiate(""))
            self._train_all()
        if level == "full":
            self._measure()
        self._control()
        if self._request.compiled:
            self._write("compiler", "compiler", self._framework.compile)

    def _write(self, check: str, kind: str, ask: Any) -> None:
        """Do a check whose answer is one line."""
        self._report.check(check, lambda: self._report.write(kind, **ask()))

    def _describe(self, import_seconds: float) -> None:
        fields = {"framework": self._request.framework, "import_seconds": import_seconds}
        self._report.write("framework", **fields, **self._framework.describe())

    def _operate(self, operation: str, precision: str) -> None:
        check = "numbers.{}.{}".format(operation, precision)
        self._write(check, "numbers", partial(self._operate_or_skip, operation, precision))

    def _operate_or_skip(self, operation: str, precision: str) -> dict[str, Any]:
        """Do an operation; one that a framework never wrote for the CPU is no fault.

        On a GPU it is: `UNIMPLEMENTED` is also what XLA says when it finds no cuDNN.
        """
        fields = {"operation": operation, "precision": precision}
        try:
            return {**fields, **self._framework.operate(operation, precision)}
        except Exception as error:
            words = describe_error(error).lower()
            is_asked_of_cpu = self._request.device == "cpu" and precision != "float32"
            if is_asked_of_cpu and any(each in words for each in NEVER_WRITTEN):
                return {**fields, "device": "cpu", "skipped": describe_error(error)}
            raise

    def _differentiate(self, control: str) -> None:
        at, loss, gradient, device = self._framework.small_network()
        analytic = gradient(at)
        if control:
            analytic = numbers.spoil_gradient(analytic)
        error = numbers.relative_error(analytic, numbers.central_differences(loss, at))
        self._report.write("gradient", device=device, relative_error=error, control=control)

    def _train_all(self) -> None:
        is_full = self._request.level == "full"
        for model in STEPS if is_full else ("cnn-sgd", "cnn-adam"):
            self._report.check("training." + model, partial(self._train, model))
            if is_full:
                self._report.check("repeat." + model, partial(self._train, model, run=2))

    def _train(self, model: str, control: str = "", run: int = 1) -> None:
        seed = self._request.seed
        examples = self._examples(model)
        if control:
            examples = samples.shuffle_labels(examples, seed)
        steps = (CIFAR_STEPS if examples.data == "cifar-10" else STEPS)[model]
        batches = samples.draw_batches(len(examples.learn_labels), steps, BATCH, seed)
        course = Course(model, steps, BATCH, samples.CLASSES, examples.data, control, run)
        trainee = self._framework.make_trainee(model, examples, batches)
        line, weights = train(self._report, trainee, course)
        if run == 1:
            self._weights[model + control] = weights
        elif model in self._weights:
            line["spread"] = largest_difference(self._weights[model], weights)
        self._report.write("training", **line)

    def _examples(self, model: str) -> samples.Examples:
        if not model.startswith("cnn"):
            return samples.generate_sequences(self._request.seed)
        if self._request.data_folder:
            return samples.read_cifar(self._request.data_folder)
        return samples.generate_pictures(self._request.seed)

    def _measure(self) -> None:
        for measure in ("bf16-matmul", "copy"):
            self._report.check("speed." + measure, partial(self._measure_one, measure))
        self._write("collectives", "collective", self._framework.add_up)

    def _measure_one(self, measure: str) -> None:
        fields = self._framework.measure_speed(measure)
        if fields is not None:
            self._report.write("speed", measure=measure, **fields)

    def _control(self) -> None:
        for control in self._request.controls:
            if control == "wrong-gradient":
                self._report.check("control." + control, partial(self._differentiate, control))
            else:
                self._report.check(
                    "control." + control, partial(self._train, CONTROL_MODEL, control)
                )


def _load(request: Request, threads: int) -> Any:
    module = importlib.import_module("." + request.framework + "_checks", __package__)
    return module.load(request.device, request.seed, threads)


def _count_cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _set_environment(threads: int) -> None:
    """Set what frameworks read when they are imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["NPROC"] = str(threads)  # XLA's pools
    os.environ["OMP_WAIT_POLICY"] = "passive"  # spinning threads starve each other on a busy CPU
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # cuBLAS repeats itself only with it
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
