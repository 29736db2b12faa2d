"""TensorFlow: what it says of itself, its numbers and gradients; networks and rates lie beside."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import tensorflow as tf

from . import numbers, samples
from .driver import describe_gpus
from .reference import TYPES, draw_inputs, flatten, multiply
from .tensorflow_models import TensorFlowTrainee
from .training import cpu_device
from .versions import loaded_cuda, loaded_cudnn, loaded_nccl, versions_beside

BESIDE = ("numpy", "keras", "tf-keras")


def load(device: str, seed: int, threads: int) -> TensorFlowChecks:
    """Set TensorFlow up; a GPU that is asked for and not there leaves the CPU."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU") if device == "gpu" else []
    if device != "gpu":
        tf.config.set_visible_devices([], "GPU")
    for each in gpus:
        tf.config.experimental.set_memory_growth(each, True)
    return TensorFlowChecks(gpus, seed, asked=device)


class TensorFlowChecks:
    """TensorFlow on one device; see `Framework`."""

    def __init__(self, gpus: list[Any], seed: int, asked: str) -> None:
        self._gpus, self._seed, self._asked = gpus, seed, asked
        self._where = "gpu" if gpus else "cpu"
        self._device = "/GPU:0" if gpus else "/CPU:0"

    def describe(self) -> dict[str, Any]:
        """Say what it was built for and what it sees."""
        built = tf.sysconfig.get_build_info()
        is_gpu_build = bool(tf.test.is_built_with_cuda())
        if self._gpus:
            self._wake()
        return {
            "version": tf.__version__,
            "is_gpu_build": is_gpu_build,
            "cuda": str(built.get("cuda_version", "")) or loaded_cuda(),
            "cudnn": loaded_cudnn(),
            "nccl": loaded_nccl(),
            "architectures": [str(each) for each in built.get("cuda_compute_capabilities", ())],
            "devices": [self._describe_gpu(index) for index in range(len(self._gpus))],
            "libraries": versions_beside(BESIDE),
            "problem": "" if self._gpus else self._find_problem(is_gpu_build=is_gpu_build),
        }

    def _wake(self) -> None:
        """Let TensorFlow load cuDNN, which it does when first asked to convolve.

        Whether it can is found, and told, by the numbers that come after this.
        """
        try:
            with tf.device(self._device):
                tf.nn.conv2d(tf.ones((1, 4, 4, 1)), tf.ones((3, 3, 1, 1)), 1, "VALID").numpy()
        except tf.errors.OpError:
            return

    def _find_problem(self, *, is_gpu_build: bool) -> str:
        if not is_gpu_build:
            return "this TensorFlow was built without CUDA"
        if self._asked != "gpu":
            return "the CPU was asked for"
        return "TensorFlow lists no GPU; what it missed stands on stderr"

    def operate(self, operation: str, precision: str) -> dict[str, Any]:
        """Do one operation in one precision, beside float64 of numpy."""
        reason = self._refuse(operation, precision)
        if reason:
            return {"device": self._where, "skipped": reason}
        inputs = draw_inputs(operation, precision, self._seed)
        tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")
        try:
            with tf.device(self._device):
                placed = [tf.cast(tf.constant(each), TYPES[precision]) for each in inputs]
                if operation == "conv2d":
                    found = tf.nn.conv2d(placed[0], placed[1], 1, "VALID")
                elif precision == "int8":
                    found = tf.matmul(placed[0], placed[1], output_type=tf.int32)
                else:
                    found = tf.matmul(placed[0], placed[1])
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(False)
        result = tf.cast(found, tf.float32 if precision != "int8" else tf.int32).numpy()
        error = numbers.relative_error(flatten(result), flatten(multiply(operation, *inputs)))
        return {"device": "gpu" if "GPU" in found.device else "cpu", "relative_error": error}

    def _refuse(self, operation: str, precision: str) -> str:
        if precision == "tf32":
            if self._where == "cpu":
                return "a CPU has no TF32"
            if self._capability() < (8, 0):
                return "TF32 needs compute capability 8.0"
        if precision == "int8" and operation == "conv2d":
            return "TensorFlow has no int8 convolution outside its quantised operations"
        return ""

    def small_network(self) -> tuple[list[float], Any, Any, str]:
        """Make a convolution and a dense layer in float64, over a flat list of parameters."""
        chance = np.random.RandomState(self._seed)
        pictures = tf.constant(chance.standard_normal((4, 6, 6, 1)))
        labels = tf.constant([0, 1, 2, 1])
        at = (chance.standard_normal(2 * 9 + 2 + 32 * 3 + 3) * 0.3).tolist()

        def loss_of(flat: Any) -> Any:
            kernel, bias, dense, last = tf.split(flat, [18, 2, 96, 3])
            hidden = tf.tanh(
                tf.nn.conv2d(pictures, tf.reshape(kernel, (3, 3, 1, 2)), 1, "VALID") + bias
            )
            logits = tf.reshape(hidden, (4, 32)) @ tf.reshape(dense, (32, 3)) + last
            return tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            )

        def slope_of(flat: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(flat)
                loss = loss_of(flat)
            return tape.gradient(loss, flat)

        faster, slope = tf.function(loss_of), tf.function(slope_of)

        def ask(do: Any, values: list[float]) -> Any:
            with tf.device(self._device):
                return do(tf.constant(values, tf.float64)).numpy().tolist()

        return (
            at,
            lambda values: ask(faster, values),
            lambda values: ask(slope, values),
            self._where,
        )

    def make_trainee(
        self, model: str, examples: samples.Examples, batches: list[list[int]]
    ) -> TensorFlowTrainee:
        """Put a network on the device, from the seed."""
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(self._seed)
        return TensorFlowTrainee(model, examples, batches, self._device, self._named())

    def measure_speed(self, measure: str) -> dict[str, Any] | None:
        """Measure a rate of the GPU."""
        if self._where == "cpu":
            return None
        speed = importlib.import_module(".tensorflow_speed", __package__)
        return {"device": self._named(), "per_second": speed.measure_rate(measure, self._device)}

    def add_up(self) -> dict[str, Any]:
        """Let all GPUs add up what each holds."""
        gpus = len(self._gpus)
        if gpus < 2:
            return {"gpus": gpus, "skipped": "needs two GPUs, and sees %d" % gpus}
        speed = importlib.import_module(".tensorflow_speed", __package__)
        return dict(speed.add_up_everywhere(gpus))

    def compile(self) -> dict[str, Any]:
        """Compare a step by XLA with the same step without it."""
        speed = importlib.import_module(".tensorflow_speed", __package__)
        compared = speed.compare_compiled(self._device, self._seed)
        return {"compiler": "xla", "device": self._where, **compared}

    def _named(self) -> dict[str, Any]:
        return self._describe_gpu(0) if self._gpus else cpu_device()

    def _capability(self) -> tuple[int, int]:
        known = tf.config.experimental.get_device_details(self._gpus[0])
        major, minor = known.get("compute_capability", (0, 0))
        return major, minor

    def _describe_gpu(self, index: int) -> dict[str, Any]:
        details = tf.config.experimental.get_device_details(self._gpus[index])
        known = describe_gpus()
        described = {"kind": "gpu", "name": details.get("device_name", "")}
        if "compute_capability" in details:
            described["compute"] = "{}.{}".format(*details["compute_capability"])
        return {**described, **(known[index] if index < len(known) else {})}
