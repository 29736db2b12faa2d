"""Which checks a verification has, by level: what was planned and did not come is told as not run.

Names are stable: `pytorch.gpu.training.cnn-sgd` is the framework, the device, and the check.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from envlock.model.outcome import Level, Obligation
from envlock.model.probe import Control
from envlock.model.receipt import PRODUCT

PRECISIONS = ("float32", "tf32", "bf16", "fp16", "int8")
OPERATIONS = ("matmul", "conv2d")
SMALL_MODELS = ("cnn-sgd", "cnn-adam")
LARGE_MODELS = ("rnn", "transformer")
RATES = ("bf16-matmul", "copy")


class Planned(Struct, frozen=True, kw_only=True):
    """One check of a framework that is to come out of a probe."""

    obligation: Obligation
    what: str
    """As a probe names it when it breaks: `training.cnn-sgd`."""
    is_gpu_only: bool = False


def planned_checks(
    level: Level, controls: tuple[Control, ...], *, is_compiled: bool
) -> Iterator[Planned]:
    """Yield the checks of one framework on one device, in order."""
    is_full = level is Level.FULL
    yield Planned(obligation=Obligation.NUMBERS, what=PRODUCT)
    if level is not Level.SMOKE:
        yield Planned(obligation=Obligation.NUMBERS, what="numbers.conv2d.float32")
        yield from _more_precisions() if is_full else ()
        yield Planned(obligation=Obligation.GRADIENTS, what="gradients")
        for model in (*SMALL_MODELS, *(LARGE_MODELS if is_full else ())):
            yield Planned(obligation=Obligation.TRAINING, what=f"training.{model}")
        yield Planned(obligation=Obligation.DEVICE, what="device", is_gpu_only=True)
        yield from _of_full() if is_full else ()
    if is_compiled:
        yield Planned(obligation=Obligation.COMPILER, what="compiler")
    for control in controls:
        yield Planned(obligation=Obligation.CONTROLS, what=f"control.{control}")


def _more_precisions() -> Iterator[Planned]:
    for precision in PRECISIONS[1:]:
        for operation in OPERATIONS:
            yield Planned(obligation=Obligation.NUMBERS, what=f"numbers.{operation}.{precision}")


def _of_full() -> Iterator[Planned]:
    for model in (*SMALL_MODELS, *LARGE_MODELS):
        yield Planned(obligation=Obligation.REPEAT, what=f"repeat.{model}")
    for rate in RATES:
        yield Planned(obligation=Obligation.SPEED, what=f"speed.{rate}", is_gpu_only=True)
    yield Planned(obligation=Obligation.COLLECTIVES, what="collectives", is_gpu_only=True)
