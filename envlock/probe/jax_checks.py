"""JAX: what it says of itself, its numbers and gradients; networks and rates lie beside."""

from __future__ import annotations

import importlib
import os
from importlib import metadata
from typing import Any

FLAGS = os.environ.get("XLA_FLAGS", "")
if "xla_gpu_deterministic_ops" not in FLAGS:
    os.environ["XLA_FLAGS"] = (FLAGS + " --xla_gpu_deterministic_ops=true").strip()

import jax  # noqa: E402  # reads the flags when it is imported
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402

from . import numbers, samples  # noqa: E402
from .driver import describe_gpus  # noqa: E402
from .jax_models import JaxTrainee, convolve, cross_entropy  # noqa: E402
from .libraries import find_library, list_libraries  # noqa: E402
from .training import cpu_device  # noqa: E402

SHAPES = {
    "matmul": ((192, 256), (256, 160)),
    "conv2d": ((4, 20, 20, 8), (3, 3, 8, 16)),
}
TYPES = {"float32": "float32", "tf32": "float32", "bf16": "bfloat16", "fp16": "float16"}
BESIDE = ("jaxlib", "numpy", "jax-cuda12-plugin", "jax-cuda13-plugin")


def load(device: str, seed: int, threads: int) -> JaxChecks:  # noqa: ARG001  # XLA reads NPROC
    """Choose the device; a GPU that is asked for and not there leaves the CPU."""
    problem = ""
    gpus: list[Any] = []
    if device == "gpu":
        try:
            gpus = list(jax.devices("gpu"))
        except RuntimeError as error:
            problem = str(error).strip()
    else:
        jax.config.update("jax_platforms", "cpu")
        problem = "the CPU was asked for"
    return JaxChecks(gpus, seed, problem)


class JaxChecks:
    """JAX on one device; see `Framework`."""

    def __init__(self, gpus: list[Any], seed: int, problem: str) -> None:
        self._gpus, self._seed, self._problem = gpus, seed, problem
        self._device = gpus[0] if gpus else jax.devices("cpu")[0]
        self._where = "gpu" if gpus else "cpu"

    def describe(self) -> dict[str, Any]:
        """Say what it was built for and what it sees."""
        beside = versions_beside()
        plugin = next((name for name in beside if name.startswith("jax-cuda")), "")
        return {
            "version": jax.__version__,
            "is_gpu_build": bool(plugin) or bool(self._gpus),
            "devices": [self._describe_gpu(each) for each in self._gpus],
            "libraries": beside,
            "problem": self._problem,
            **(read_cuda_versions() if self._gpus else {}),
        }

    def operate(self, operation: str, precision: str) -> dict[str, Any]:
        """Do one operation in one precision, beside float64 of numpy."""
        reason = self._refuse(operation, precision)
        if reason:
            return {"device": self._where, "skipped": reason}
        chance = np.random.RandomState(self._seed)
        inputs = [_draw(shape, precision, chance) for shape in SHAPES[operation]]
        expected = multiply(operation, *[np.asarray(each, np.float64) for each in inputs])
        kind = TYPES.get(precision, "int8")
        placed = [jax.device_put(np.asarray(each).astype(kind), self._device) for each in inputs]
        if precision == "int8":
            found = lax.dot(*placed, preferred_element_type=jnp.int32)
        else:
            with jax.default_matmul_precision(
                "tensorfloat32" if precision == "tf32" else "float32"
            ):
                found = placed[0] @ placed[1] if operation == "matmul" else convolve(*placed)
        error = numbers.relative_error(
            np.asarray(found).astype(np.float64).ravel().tolist(), expected.ravel().tolist()
        )
        return {"device": where_is(found), "relative_error": error}

    def _refuse(self, operation: str, precision: str) -> str:
        if precision == "tf32":
            if self._where == "cpu":
                return "a CPU has no TF32"
            if float(getattr(self._device, "compute_capability", "0")) < 8:
                return "TF32 needs compute capability 8.0"
        if precision == "int8" and operation == "conv2d":
            return "XLA promises no int8 convolution on every device"
        return ""

    def small_network(self) -> tuple[list[float], Any, Any, str]:
        """Make a convolution and a dense layer in float64, over a flat list of parameters."""
        chance = np.random.RandomState(self._seed)
        pictures = chance.standard_normal((4, 6, 6, 1))
        labels = np.array([0, 1, 2, 1], np.int32)
        at = (chance.standard_normal(2 * 9 + 2 + 32 * 3 + 3) * 0.3).tolist()

        def loss_of(flat: Any) -> Any:
            kernel, bias, dense, last = jnp.split(flat, [18, 20, 116])
            hidden = jnp.tanh(convolve(pictures, kernel.reshape(3, 3, 1, 2)) + bias)
            return cross_entropy(hidden.reshape(4, 32) @ dense.reshape(32, 3) + last, labels)

        compiled, slope = jax.jit(loss_of), jax.jit(jax.grad(loss_of))

        def put(values: list[float]) -> Any:
            return jax.device_put(np.array(values, np.float64), self._device)

        def in_float64(do: Any, values: list[float]) -> Any:
            jax.config.update("jax_enable_x64", True)
            try:
                return np.asarray(do(put(values))).tolist()
            finally:
                jax.config.update("jax_enable_x64", False)

        return (
            at,
            lambda values: in_float64(compiled, values),
            lambda values: in_float64(slope, values),
            self._where,
        )

    def make_trainee(
        self, model: str, examples: samples.Examples, batches: list[list[int]]
    ) -> JaxTrainee:
        """Put a network on the device, from the seed."""
        return JaxTrainee(model, examples, batches, self._device, self._seed, self._named())

    def measure_speed(self, measure: str) -> dict[str, Any] | None:
        """Measure a rate of the GPU."""
        if self._where == "cpu":
            return None
        speed = importlib.import_module(".jax_speed", __package__)
        return {"device": self._named(), "per_second": speed.measure_rate(measure, self._device)}

    def add_up(self) -> dict[str, Any]:
        """Let all GPUs add up what each holds."""
        if len(self._gpus) < 2:
            gpus = len(self._gpus)
            return {"gpus": gpus, "skipped": "needs two GPUs, and sees %d" % gpus}
        speed = importlib.import_module(".jax_speed", __package__)
        return dict(speed.add_up_everywhere(self._gpus))

    def compile(self) -> dict[str, Any]:
        """Compare a compiled step with the same step, operation by operation."""
        speed = importlib.import_module(".jax_speed", __package__)
        compared = speed.compare_compiled(self._device, self._seed)
        return {"compiler": "xla", "device": self._where, **compared}

    def _named(self) -> dict[str, Any]:
        return self._describe_gpu(self._device) if self._gpus else cpu_device()

    def _describe_gpu(self, device: Any) -> dict[str, Any]:
        known = describe_gpus()
        ordinal = getattr(device, "local_hardware_id", None)
        ordinal = device.id if ordinal is None else ordinal
        described = {"kind": "gpu", "name": device.device_kind}
        if getattr(device, "compute_capability", None):
            described["compute"] = str(device.compute_capability)
        return {**described, **(known[ordinal] if ordinal < len(known) else {})}


def multiply(operation: str, left: Any, right: Any) -> Any:
    """Do the operation in float64 by numpy alone."""
    if operation == "matmul":
        return left @ right
    high, wide = right.shape[:2]
    rows, columns = left.shape[1] - high + 1, left.shape[2] - wide + 1
    return sum(
        left[:, y : y + rows, x : x + columns] @ right[y, x]
        for y in range(high)
        for x in range(wide)
    )


def _draw(shape: tuple[int, ...], precision: str, chance: Any) -> Any:
    """Draw inputs that the precision holds exactly: what differs then is the operation's doing."""
    if precision == "int8":
        return chance.randint(-128, 128, shape).astype(np.int8)
    drawn = chance.standard_normal(shape)
    held = jnp.bfloat16 if precision in {"tf32", "bf16"} else TYPES[precision]
    return np.asarray(drawn.astype(held)).astype(np.float32)


def where_is(result: Any) -> str:
    """Where a result lay."""
    kinds = {each.platform for each in result.devices()}
    return "cpu" if "cpu" in kinds else "gpu"


def versions_beside() -> dict[str, str]:
    """Versions of what is installed beside it."""
    found = {}
    for name in BESIDE:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def read_cuda_versions() -> dict[str, str]:
    """Ask the plugin which CUDA and cuDNN it was built for and has loaded; empty when it hides."""
    for name in ("jax_cuda13_plugin", "jax_cuda12_plugin", "jaxlib"):
        try:
            versions = importlib.import_module(
                name + "._versions" if name != "jaxlib" else "jaxlib.cuda._versions"
            )
        except ImportError:
            continue
        found = {}
        for field, function, write in (
            ("cuda", "cuda_runtime_build_version", format_cuda),
            ("cudnn", "cudnn_get_version", format_cudnn),
        ):
            ask = getattr(versions, function, None)
            if ask is not None:
                found[field] = write(int(ask()))
        return found
    loaded = find_library(list_libraries(), "libcudart.so.")
    return {"cuda": loaded.rpartition(".so.")[2]} if loaded else {}


def format_cuda(number: int) -> str:
    """Write CUDA's number as a version: 12040 is 12.4."""
    return "{}.{}".format(number // 1000, number % 1000 // 10)


def format_cudnn(number: int) -> str:
    """Write cuDNN's number as a version: 8907 is 8.9.7, 90100 is 9.1.0."""
    if number >= 90000:
        return "{}.{}.{}".format(number // 10000, number // 100 % 100, number % 100)
    return "{}.{}.{}".format(number // 1000, number // 100 % 10, number % 100)
