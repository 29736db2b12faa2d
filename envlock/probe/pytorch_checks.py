"""PyTorch: what it says of itself, its numbers and gradients; networks and rates lie beside."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch.nn import functional

from . import numbers, samples
from .driver import describe_gpus, format_pci
from .pytorch_models import TorchTrainee
from .training import cpu_device
from .versions import format_cudnn, versions_beside

TYPES = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
BESIDE = ("numpy", "triton", "torchvision")


def load(device: str, seed: int, threads: int) -> TorchChecks:
    """Set PyTorch up; a GPU that is asked for and not there leaves the CPU."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    is_gpu = device == "gpu" and torch.cuda.is_available()
    return TorchChecks(torch.device("cuda", 0) if is_gpu else torch.device("cpu"), seed)


class TorchChecks:
    """PyTorch on one device; see `Framework`."""

    def __init__(self, device: Any, seed: int) -> None:
        self._device, self._seed = device, seed
        self._where = "gpu" if device.type == "cuda" else "cpu"

    def describe(self) -> dict[str, Any]:
        """Say what it was built for and what it sees."""
        sees = torch.cuda.is_available()
        is_gpu_build = torch.version.cuda is not None
        cudnn = torch.backends.cudnn.version() if is_gpu_build else None
        return {
            "version": torch.__version__,
            "is_gpu_build": is_gpu_build,
            "cuda": torch.version.cuda or "",
            "cudnn": format_cudnn(cudnn) if cudnn else "",
            "nccl": read_nccl() if is_gpu_build else "",
            "architectures": torch.cuda.get_arch_list() if sees else read_architectures(),
            "devices": self._devices() if sees else [],
            "libraries": versions_beside(BESIDE),
            "problem": "" if sees else find_problem(),
        }

    def operate(self, operation: str, precision: str) -> dict[str, Any]:
        """Do one operation in one precision, beside float64 on the CPU."""
        reason = self._refuse(operation, precision)
        if reason:
            return {"device": self._where, "skipped": reason}
        operate = _matmul if operation == "matmul" else _convolve
        generator = torch.Generator().manual_seed(self._seed)
        inputs = [_draw(shape, precision, generator) for shape in SHAPES[operation]]
        expected = operate(*[each.double() for each in inputs])
        set_tf32(is_on=precision == "tf32")
        if precision == "int8":
            found = torch._int_mm(*[each.to(self._device) for each in inputs])
        else:
            kind = TYPES[precision]
            found = operate(*[each.to(self._device, kind) for each in inputs])
        set_tf32(is_on=False)
        error = numbers.relative_error(
            found.cpu().double().flatten().tolist(), expected.flatten().tolist()
        )
        return {"device": "gpu" if found.device.type == "cuda" else "cpu", "relative_error": error}

    def _refuse(self, operation: str, precision: str) -> str:
        if precision == "tf32":
            if self._where == "cpu":
                return "a CPU has no TF32"
            if torch.cuda.get_device_capability(self._device) < (8, 0):
                return "TF32 needs compute capability 8.0"
        if precision == "int8":
            if operation == "conv2d":
                return "PyTorch has no int8 convolution outside its quantised backends"
            if not hasattr(torch, "_int_mm"):
                return "this PyTorch has no int8 product"
        return ""

    def small_network(self) -> tuple[list[float], Any, Any, str]:
        """Make a convolution and a dense layer in float64, over a flat list of parameters."""
        generator = torch.Generator().manual_seed(self._seed)

        def draw(*shape: int) -> Any:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        pictures = draw(4, 1, 6, 6).to(self._device)
        labels = torch.tensor([0, 1, 2, 1], device=self._device)
        at = (draw(2 * 9 + 2 + 32 * 3 + 3) * 0.3).tolist()

        def loss_of(flat: Any) -> Any:
            kernel, bias, dense, last = flat.split([18, 2, 96, 3])
            hidden = functional.conv2d(pictures, kernel.view(2, 1, 3, 3), bias).tanh()
            logits = hidden.flatten(1) @ dense.view(32, 3) + last
            return functional.cross_entropy(logits, labels)

        def put(values: list[float]) -> Any:
            return torch.tensor(values, dtype=torch.float64, device=self._device)

        def loss(values: list[float]) -> float:
            with torch.no_grad():
                return float(loss_of(put(values)))

        def gradient(values: list[float]) -> list[float]:
            flat = put(values).requires_grad_()
            loss_of(flat).backward()
            return [float(each) for each in flat.grad.tolist()]

        return at, loss, gradient, self._where

    def make_trainee(
        self, model: str, examples: samples.Examples, batches: list[list[int]]
    ) -> TorchTrainee:
        """Put a network on the device, from the seed."""
        torch.manual_seed(self._seed)
        return TorchTrainee(model, examples, batches, self._device, self._named())

    def measure_speed(self, measure: str) -> dict[str, Any] | None:
        """Measure a rate of the GPU."""
        if self._where == "cpu":
            return None
        speed = importlib.import_module("." + "pytorch_speed", __package__)
        return {"device": self._named(), "per_second": speed.measure_rate(measure, self._device)}

    def add_up(self) -> dict[str, Any]:
        """Let all GPUs add up what each holds."""
        if self._where == "cpu" or torch.cuda.device_count() < 2:
            gpus = torch.cuda.device_count() if self._where == "gpu" else 0
            return {"gpus": gpus, "skipped": "needs two GPUs, and sees %d" % gpus}
        speed = importlib.import_module("." + "pytorch_speed", __package__)
        return dict(speed.add_up_everywhere())

    def compile(self) -> dict[str, Any]:
        """Compare a compiled step with the same step without the compiler."""
        speed = importlib.import_module("." + "pytorch_speed", __package__)
        compared = speed.compare_compiled(self._device, self._seed)
        return {"compiler": "torch.compile", "device": self._where, **compared}

    def _devices(self) -> list[dict[str, Any]]:
        from_driver = describe_gpus()
        count = torch.cuda.device_count()
        from_driver += [{}] * (count - len(from_driver))
        return [{**from_driver[index], **describe_device(index)} for index in range(count)]

    def _named(self) -> dict[str, Any]:
        return cpu_device() if self._where == "cpu" else self._devices()[self._device.index]


SHAPES = {
    "matmul": ((192, 256), (256, 160)),
    "conv2d": ((4, 8, 20, 20), (16, 8, 3, 3)),
}


def _matmul(left: Any, right: Any) -> Any:
    return left @ right


def _convolve(pictures: Any, kernel: Any) -> Any:
    return functional.conv2d(pictures, kernel)


def _draw(shape: tuple[int, ...], precision: str, generator: Any) -> Any:
    """Draw inputs that the precision holds exactly: what differs then is the operation's doing."""
    if precision == "int8":
        return torch.randint(-128, 128, shape, generator=generator, dtype=torch.int8)
    drawn = torch.randn(*shape, generator=generator)
    return drawn.to(torch.bfloat16 if precision in {"tf32", "bf16"} else TYPES[precision]).float()


def set_tf32(*, is_on: bool) -> None:
    """Let float32 be rounded to TF32 on the way into a product, or not."""
    torch.backends.cuda.matmul.allow_tf32 = is_on
    torch.backends.cudnn.allow_tf32 = is_on


def describe_device(index: int) -> dict[str, Any]:
    """Say what PyTorch knows of a GPU; UUID and PCI id where it is new enough to know them."""
    known = torch.cuda.get_device_properties(index)
    described: dict[str, Any] = {
        "kind": "gpu",
        "name": known.name,
        "compute": "{}.{}".format(known.major, known.minor),
        "memory_bytes": known.total_memory,
    }
    if getattr(known, "uuid", None):
        described["uuid"] = "GPU-" + str(known.uuid)
    if hasattr(known, "pci_bus_id") and hasattr(known, "pci_domain_id"):
        described["pci_id"] = format_pci(
            "{:x}:{:02x}:{:02x}.0".format(
                known.pci_domain_id, known.pci_bus_id, known.pci_device_id
            )
        )
    return described


def read_nccl() -> str:
    """Read the version of NCCL; empty on a build without it."""
    try:
        version = torch.cuda.nccl.version()
    except (AttributeError, RuntimeError):
        return ""
    return ".".join(map(str, version)) if isinstance(version, tuple) else str(version)


def read_architectures() -> list[str]:
    """Read the list of a GPU build that sees no GPU: PyTorch then says that there is none."""
    try:
        flags = torch._C._cuda_getArchFlags()
    except (AttributeError, RuntimeError):
        return []
    return str(flags).split() if flags else []


def find_problem() -> str:
    """Why it sees no GPU, in its own words."""
    if torch.version.cuda is None:
        return "this PyTorch was built without CUDA"
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).strip()
    return "torch.cuda sees %d devices" % torch.cuda.device_count()
