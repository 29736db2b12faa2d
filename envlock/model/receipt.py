"""The receipt of a verification: what was verified, where, and what came of it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from envlock.model.outcome import Check, Failed, Level, NotRun, Obligation, Passed
from envlock.model.platform import Platform


class Verdict(StrEnum):
    """The answer in one word."""

    PASSED = "passed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    """Nothing failed, and what the environment is for was not seen to work: no GPU, no training."""


class Subject(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was verified. Empty fields could not be claimed: envlock did not build it."""

    name: str
    """The stack's."""
    lock_sha256: str = ""
    pin_sha256: str = ""
    """Of the index pin that the lock was solved from."""
    derivation_key: str = ""
    tree_sha256: str = ""
    content_sha256: str = ""
    """What machines compare: the same under any prefix."""
    is_hermetic: bool = True
    python: str = ""
    """Of an environment that is not hermetic, or not ours: what its Python is."""


class VerifiedGpu(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A GPU by its model; never by its serial number or UUID."""

    name: str
    compute: str = ""
    memory_bytes: int = 0


class VerifiedHost(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where it was verified; names no person and no machine."""

    platform: Platform
    kernel: str = ""
    glibc: str = ""
    driver: str = ""
    driver_cuda: str = ""
    gpus: tuple[VerifiedGpu, ...] = ()
    container: str = ""
    cpus: int = 0


class Curve(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one training went."""

    name: str
    """`pytorch.training.cnn-sgd`."""
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    steps: int
    weights_sha256: str = ""
    control: str = ""


class HostLibrary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A library that the process loaded from outside the environment."""

    path: str
    build_id: str = ""
    role: str = ""
    """Why it may: `loader`, `glibc`, `nss`, `driver`; empty: it may not."""


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One verification, whole."""

    subject: Subject
    host: VerifiedHost
    level: Level
    device: str
    """`gpu` or `cpu`: where the checks ran."""
    verdict: Verdict
    checks: tuple[Check, ...]
    curves: tuple[Curve, ...] = ()
    frameworks: dict[str, str] = {}
    """Versions by name, with what they stand on: `pytorch`, `cuda`, `cudnn`, `numpy`."""
    host_libraries: tuple[HostLibrary, ...] = ()
    data: str = "generated"
    envlock_version: str = ""
    verified_at: str = ""
    """UTC, as `2026-11-24T10:00:00Z`."""
    seconds: float = 0.0

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(each for each in self.checks if isinstance(each.outcome, Failed))

    @property
    def not_run(self) -> tuple[Check, ...]:
        """The checks that were not run."""
        return tuple(each for each in self.checks if isinstance(each.outcome, NotRun))


def receipt_path(lock_path: str) -> str:
    """Return where the receipt of a lock lies: `a.conda-lock.yml` -> `a.receipt.json`."""
    return lock_path.removesuffix(".conda-lock.yml") + ".receipt.json"


# --- the verdict ----------------------------------------------------------------------------------

NO_FRAMEWORK = "framework"
"""The name of the check that stands for a framework that is not there."""
PRODUCT = "numbers.matmul.float32"
"""How the name of the check ends that every device must have passed."""
_ALWAYS = frozenset({Obligation.GRADIENTS, Obligation.TRAINING})
"""What no receipt that says it trains can do without, wherever it ran."""
_ON_GPU = frozenset({Obligation.FRAMEWORK, Obligation.DEVICE})
"""And of a GPU, that it was seen, and that the driver knows it."""


def verdict_of(checks: tuple[Check, ...]) -> Verdict:
    """Return the answer: one failure fails; a device that was not seen to work leaves it open."""
    if any(isinstance(check.outcome, Failed) for check in checks):
        return Verdict.FAILED
    is_open = any(map(_leaves_open, checks))
    has_passed = any(isinstance(check.outcome, Passed) for check in checks)
    return Verdict.PASSED if has_passed and not is_open else Verdict.INCOMPLETE


def _leaves_open(check: Check) -> bool:
    """Say whether a check was not run without which nothing is proven."""
    if not isinstance(check.outcome, NotRun):
        return False
    if check.obligation in _ALWAYS or check.name == NO_FRAMEWORK:
        return True
    is_basic = check.obligation in _ON_GPU or check.name.endswith(f".{PRODUCT}")
    return check.on_gpu and is_basic
