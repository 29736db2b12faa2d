"""Receipts as a verification leaves them, with every kind of outcome; none was measured."""

from __future__ import annotations

from hashlib import sha256

from envlock.model.outcome import Check, Failed, Level, NotRun, Obligation, Outcome, Passed
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

LOCK_BYTES = b"a lock\n"


def digest(text: str) -> str:
    """A digest for a text."""
    return sha256(text.encode()).hexdigest()


PASSED = Passed(said="40 steps: loss 2.31 -> 0.04, accuracy 0.10 -> 0.98 on the GPU")
FAILED = Failed(said="expected a relative error of at most 1e-05, found 0.01", hint="ask for fp32")
NOT_RUN = NotRun(reason="one GPU: nothing to add up")


def subject(**changes: object) -> Subject:
    """An environment that envlock built from `LOCK_BYTES`."""
    fields: dict[str, object] = {
        "name": "torch-cu121",
        "lock_sha256": sha256(LOCK_BYTES).hexdigest(),
        "pin_sha256": digest("pin"),
        "derivation_key": "0c1k9p5q7x2m8v4b6n3d0f1g2h",
        "tree_sha256": digest("tree"),
        "content_sha256": digest("content"),
    }
    return Subject(**{**fields, **changes})  # type: ignore[arg-type]


def gpu_host() -> VerifiedHost:
    """A machine with one GPU."""
    return VerifiedHost(
        platform=Platform.LINUX_64,
        kernel="6.8.0",
        glibc="2.35",
        driver="535.183.06",
        driver_cuda="12.2",
        gpus=(VerifiedGpu(name="NVIDIA H100 80GB HBM3", compute="9.0", memory_bytes=85520809984),),
        cpus=16,
    )


def check(obligation: Obligation, name: str, outcome: Outcome = PASSED, **fields: object) -> Check:
    """One check."""
    return Check(obligation=obligation, name=name, outcome=outcome, **fields)  # type: ignore[arg-type]


def training_check(outcome: Outcome = PASSED, *, per_second: float = 40312.5) -> Check:
    """The check that trains."""
    return check(
        Obligation.TRAINING,
        "pytorch.training.cnn-sgd",
        outcome,
        on_gpu=True,
        numbers={"last_loss": 0.04, "accuracy": 0.98, "steps": 40.0},
        varying={"seconds": 1.75, "examples_per_second": per_second, "peak_memory_bytes": 0.0},
    )


def curve(weights: str = "weights") -> Curve:
    """How that training went."""
    return Curve(
        name="pytorch.training.cnn-sgd",
        losses=(2.31, 1.0, 0.04),
        accuracies=(0.1, 0.98),
        steps=40,
        weights_sha256=digest(weights),
    )


def passed_receipt(**changes: object) -> Receipt:
    """All that was looked at holds; one check was not run, and need not be."""
    fields: dict[str, object] = {
        "subject": subject(),
        "host": gpu_host(),
        "level": Level.TRAIN,
        "device": "gpu",
        "verdict": Verdict.PASSED,
        "checks": (
            check(Obligation.ARTIFACTS, "artifacts", Passed(said="21,034 files as sealed")),
            check(Obligation.DRIVER, "driver", Passed(said="535.183.06 >= 530.30.02"), on_gpu=True),
            training_check(),
            check(Obligation.COLLECTIVES, "pytorch.collectives", NOT_RUN, on_gpu=True),
        ),
        "curves": (curve(),),
        "frameworks": {"pytorch": "2.5.1", "cuda": "12.1", "cudnn": "9.1.0", "numpy": "2.1.3"},
        "host_libraries": (
            HostLibrary(path="/lib64/ld-linux-x86-64.so.2", build_id="5f2c0b1a", role="loader"),
            HostLibrary(path="/usr/lib/libcuda.so.1", build_id="77aa01c4", role="driver"),
        ),
        "envlock_version": "0.1.0",
        "verified_at": "2026-11-24T10:00:00Z",
        "seconds": 12.5,
    }
    return Receipt(**{**fields, **changes})  # type: ignore[arg-type]


def failed_receipt(**changes: object) -> Receipt:
    """One check of each outcome: it fails."""
    checks = (
        check(Obligation.ARTIFACTS, "artifacts", Passed(said="21,034 files as sealed")),
        check(
            Obligation.NUMBERS,
            "pytorch.numbers.matmul.float32",
            FAILED,
            on_gpu=True,
            numbers={"relative_error": 0.01},
        ),
        check(Obligation.COLLECTIVES, "pytorch.collectives", NOT_RUN, on_gpu=True),
    )
    return passed_receipt(**{"verdict": Verdict.FAILED, "checks": checks, **changes})


def incomplete_receipt(**changes: object) -> Receipt:
    """Nothing failed, and there was no GPU to look at."""
    checks = (
        check(Obligation.ARTIFACTS, "artifacts", Passed(said="21,034 files as sealed")),
        check(Obligation.FRAMEWORK, "sees", NotRun(reason="no NVIDIA driver"), on_gpu=True),
    )
    fields: dict[str, object] = {
        "verdict": Verdict.INCOMPLETE,
        "checks": checks,
        "curves": (),
        "device": "cpu",
        "host": VerifiedHost(platform=Platform.LINUX_64, glibc="2.35", cpus=2),
        "host_libraries": (),
    }
    return passed_receipt(**{**fields, **changes})


def foreign_receipt(**changes: object) -> Receipt:
    """An environment that envlock did not build: no digest can be claimed."""
    found = Subject(name="my-container", is_hermetic=False, python="CPython 3.11.7")
    return passed_receipt(**{"subject": found, **changes})


ALL_RECEIPTS = (passed_receipt, failed_receipt, incomplete_receipt, foreign_receipt)
"""A builder for each kind."""
