"""A receipt with everything in it that a report can show; none of it was measured."""

from __future__ import annotations

import math
import random
from hashlib import sha256

from envlock.model.outcome import Check, Failed, Level, NotRun, Obligation, Outcome, Passed
from envlock.model.package import PackageSize
from envlock.model.platform import Platform
from envlock.model.receipt import (
    Curve,
    HostLibrary,
    Receipt,
    Subject,
    Verdict,
    VerifiedGpu,
    VerifiedHost,
)
from envlock.model.verdict import Covered, Evidence, Judgement, Missing, Unknown
from envlock.model.verdict import Verdict as FitVerdict

FRAMEWORKS = ("pytorch", "tensorflow", "jax")
MODELS = ("cnn-sgd", "cnn-adam", "rnn", "transformer")
PRECISIONS = ("float32", "tf32", "bf16", "fp16", "int8")
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\x00\x1b[31m\u202e]]>\ud800{{7*7}}"
"""What breaks a page, a terminal or an XML file when it is not escaped."""


def digest(text: str) -> str:
    """A digest for a text."""
    return sha256(text.encode()).hexdigest()


def check(obligation: Obligation, name: str, outcome: Outcome, **fields: object) -> Check:
    """One check."""
    return Check(obligation=obligation, name=name, outcome=outcome, **fields)  # type: ignore[arg-type]


def _numbers(framework: str) -> list[Check]:
    return [
        check(
            Obligation.NUMBERS,
            f"{framework}.numbers.{operation}.{precision}",
            outcome,
            on_gpu=True,
            numbers=_measured(outcome, place),
        )
        for operation in ("matmul", "conv2d")
        for place, precision in enumerate(PRECISIONS)
        for outcome in (_numbers_outcome(framework, operation, precision),)
    ]


def _measured(outcome: Outcome, place: int) -> dict[str, float]:
    if isinstance(outcome, NotRun):
        return {}
    error = 0.31 if isinstance(outcome, Failed) else 1.2e-7 * 10**place
    return {"relative_error": error, "tolerance": 5e-6 * 10**place}


def _numbers_outcome(framework: str, operation: str, precision: str) -> Outcome:
    if precision == "int8" and framework != "pytorch":
        return NotRun(reason=f"{framework} has no int8 {operation}")
    if (framework, operation, precision) == ("jax", "conv2d", "fp16"):
        return Failed(
            said="expected a relative error of at most 0.005, found 0.31",
            hint="try another cuDNN: `envlock add cudnn=9.5`",
        )
    return Passed(said=f"{operation} in {precision} agrees with float64")


def _training(framework: str) -> list[Check]:
    return [
        check(
            Obligation.TRAINING,
            f"{framework}.training.{model}",
            Passed(said="200 steps: loss 2.31 to 0.04, held-out accuracy 0.10 to 0.98"),
            on_gpu=True,
            numbers={"first_loss": 2.31, "last_loss": 0.04, "accuracy": 0.98, "steps": 200.0},
            varying={
                "seconds": 1.75,
                "first_step_seconds": 0.8125,
                "examples_per_second": 40312.5,
                "peak_memory_bytes": 312_000_000.0,
            },
        )
        for model in MODELS
    ]


def _framework(framework: str) -> list[Check]:
    return [
        check(
            Obligation.FRAMEWORK,
            f"{framework}.framework",
            Passed(said=f"{framework} is a CUDA 12.1 build and sees 1 GPU"),
            on_gpu=True,
        ),
        check(
            Obligation.KERNELS,
            f"{framework}.kernels",
            Passed(said="machine code for 9.0: sm_80 sm_86 sm_90"),
            on_gpu=True,
        ),
        *_numbers(framework),
        check(
            Obligation.GRADIENTS,
            f"{framework}.gradients",
            Passed(said="analytic and numeric gradients differ by 3.1e-09 at most"),
            numbers={"relative_error": 3.1e-9},
        ),
        *_training(framework),
        check(
            Obligation.CONTROLS,
            f"{framework}.controls.shuffled-labels",
            Passed(said="with shuffled labels it does not learn: accuracy 0.10"),
        ),
        check(
            Obligation.COLLECTIVES,
            f"{framework}.collectives",
            NotRun(reason="one GPU: nothing to add up"),
            on_gpu=True,
        ),
    ]


def curves() -> tuple[Curve, ...]:
    """Four networks for each framework, and a control."""
    chance = random.Random(1)
    found = [
        Curve(
            name=f"{framework}.training.{model}",
            losses=tuple(
                2.31 * math.exp(-place / 7) + chance.random() * 0.05 for place in range(24)
            ),
            accuracies=(0.1, 0.98),
            steps=200,
            weights_sha256=digest(framework + model),
        )
        for framework in FRAMEWORKS
        for model in MODELS
    ]
    control = Curve(
        name="pytorch.training.cnn-sgd",
        losses=tuple(2.30 + chance.random() * 0.02 for _ in range(24)),
        accuracies=(0.1, 0.11),
        steps=200,
        control="shuffled-labels",
    )
    return (*found, control)


def rich_receipt(**changes: object) -> Receipt:
    """Three frameworks, each kind of outcome, curves and host libraries."""
    fields: dict[str, object] = {
        "subject": Subject(
            name="three-frameworks-cu121",
            lock_sha256=digest("lock"),
            pin_sha256=digest("pin"),
            derivation_key="0c1k9p5q7x2m8v4b6n3d0f1g2h",
            tree_sha256=digest("tree"),
            content_sha256=digest("content"),
        ),
        "host": VerifiedHost(
            platform=Platform.LINUX_64,
            kernel="6.8.0",
            glibc="2.35",
            driver="535.183.06",
            driver_cuda="12.2",
            gpus=(
                VerifiedGpu(
                    name="NVIDIA H100 80GB HBM3", compute="9.0", memory_bytes=85_520_809_984
                ),
            ),
            cpus=16,
        ),
        "level": Level.FULL,
        "device": "gpu",
        "verdict": Verdict.FAILED,
        "checks": (
            check(Obligation.ARTIFACTS, "artifacts", Passed(said="21,034 files as sealed")),
            check(
                Obligation.DRIVER,
                "driver",
                Passed(said="driver 535.183.06 is 530.30.02 or newer"),
                on_gpu=True,
            ),
            check(
                Obligation.LIBRARIES,
                "pytorch.libraries",
                Failed(
                    said="expected libcudnn.so.9 of the environment,\n"
                    "found /usr/local/lib/libcudnn.so.9 of the host",
                    hint="unset LD_LIBRARY_PATH",
                ),
            ),
            *(each for framework in FRAMEWORKS for each in _framework(framework)),
        ),
        "curves": curves(),
        "frameworks": {
            "pytorch": "2.5.1",
            "tensorflow": "2.17.0",
            "jax": "0.4.35",
            "cuda": "12.1",
            "cudnn": "9.1.0",
            "numpy": "2.1.3",
        },
        "host_libraries": (
            HostLibrary(path="/lib64/ld-linux-x86-64.so.2", build_id="5f2c0b1a", role="loader"),
            HostLibrary(
                path="/usr/lib/x86_64-linux-gnu/libc.so.6",
                build_id="c047672cae7964324658491e7dee26748ae5d2f8",
                role="glibc",
            ),
            HostLibrary(path="/usr/lib/x86_64-linux-gnu/libcuda.so.1", role="driver"),
            HostLibrary(path="/usr/local/lib/libcudnn.so.9", build_id="77aa01c4"),
        ),
        "envlock_version": "0.1.0",
        "verified_at": "2026-11-24T10:00:00Z",
        "seconds": 312.5,
    }
    return Receipt(**{**fields, **changes})  # type: ignore[arg-type]


def package_sizes() -> tuple[PackageSize, ...]:
    """300 packages, from a few hundred megabytes down to kilobytes; some of unknown size."""
    chance = random.Random(2)
    large = [
        ("pytorch", 1_400_000_000, "conda"),
        ("nvidia-cudnn-cu12", 664_000_000, "pypi"),
        ("tensorflow", 644_000_000, "pypi"),
        ("nvidia-cublas-cu12", 410_000_000, "pypi"),
        ("libcublas", 380_000_000, "conda"),
        ("jaxlib", 90_000_000, "pypi"),
        ("mkl", 160_000_000, "conda"),
    ]
    small = [
        (
            f"package-{place}",
            int(10 ** (3 + chance.random() * 4.3)),
            chance.choice(("conda", "pypi")),
        )
        for place in range(288)
    ]
    unknown = [(f"unlisted-{place}", None, "pypi") for place in range(5)]
    return tuple(
        PackageSize(name=name, version="1.2.3", manager=manager, size_bytes=size)
        for name, size, manager in (*large, *small, *unknown)
    )


def driver_proof() -> FitVerdict:
    """Each kind of answer."""
    row = Evidence(
        fact="CUDA 12 runs on Linux driver 525.60.13 or newer",
        row="drivers/minor_compat[12]",
        source="https://docs.example.org/cuda/release-notes",
        confidence="verified",
    )
    recalled = Evidence(
        fact="PTX 9.0 is compiled by driver 525 or newer",
        row="kernels/ptx[9.0]",
        source="release notes of CUDA 12.0",
        confidence="recalled",
    )
    return FitVerdict(
        workload="three-frameworks-cu121",
        platform=Platform.LINUX_64,
        machine="1 x H100, driver 535.183.06",
        judgements=(
            Judgement(subject="platform", coverage=Covered(evidence=row)),
            Judgement(subject="driver", coverage=Covered(evidence=recalled)),
            Judgement(
                subject="GPU Tesla V100 (7.0)",
                coverage=Missing(evidence=row, remedy="set gpu.cuda to 12.9 or older"),
            ),
            Judgement(subject="glibc", coverage=Unknown(reason="the host file does not say")),
        ),
    )
