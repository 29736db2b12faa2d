"""JAX: what it says of itself, its numbers and gradients; networks and rates lie beside."""

from __future__ import annotations

import importlib
import os
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
from .reference import TYPES, draw_inputs, flatten, multiply  # noqa: E402
from .training import cpu_device  # noqa: E402
from .versions import (  # noqa: E402
    format_cuda,
    loaded_cuda,
    loaded_cudnn,
    loaded_nccl,
    versions_beside,
)

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
        beside = versions_beside(BESIDE)
        plugin = next((name for name in beside if name.startswith("jax-cuda")), "")
        return {
            "version": jax.__version__,
            "is_gpu_build": bool(plugin) or bool(self._gpus),
            "devices": [self._describe_gpu(each) for each in self._gpus],
            "libraries": beside,
            "problem": self._problem,
            "cuda": read_cuda() if self._gpus else "",
            "cudnn": loaded_cudnn(),
            "nccl": loaded_nccl(),
        }

    def operate(self, operation: str, precision: str) -> dict[str, Any]:
        """Do one operation in one precision, beside float64 of numpy."""
        reason = self._refuse(operation, precision)
        if reason:
            return {"device": self._where, "skipped": reason}
        inputs = draw_inputs(operation, precision, self._seed)
        kind = TYPES[precision]
        placed = [jax.device_put(jnp.asarray(each, kind), self._device) for each in inputs]
        if precision == "int8":
            found = lax.dot(*placed, preferred_element_type=jnp.int32)
        else:
            with jax.default_matmul_precision(
                "tensorfloat32" if precision == "tf32" else "float32"
            ):
                found = placed[0] @ placed[1] if operation == "matmul" else convolve(*placed)
        error = numbers.relative_error(flatten(found), flatten(multiply(operation, *inputs)))
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


def where_is(result: Any) -> str:
    """Where a result lay."""
    kinds = {each.platform for each in result.devices()}
    return "cpu" if "cpu" in kinds else "gpu"


def read_cuda() -> str:
    """Ask the plugin which CUDA it was built for, else the runtime that is loaded."""
    for name in ("jax_cuda13_plugin", "jax_cuda12_plugin"):
        try:
            versions = importlib.import_module(name + "._versions")
            return format_cuda(int(versions.cuda_runtime_build_version()))
        except (ImportError, AttributeError):
            continue
    return loaded_cuda()
