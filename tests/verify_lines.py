"""Lines of a probe that trained, and the run that they belong to."""

from __future__ import annotations

from envlock.model.outcome import Level
from envlock.model.probe import (
    Device,
    DeviceWork,
    Ending,
    ProbeLine,
    ProbeRequest,
    ProbeRun,
    TrainingLine,
)


def training(
    *,
    losses: tuple[float, ...] = (2.3, 0.3),
    accuracy: float = 0.9,
    speed: float = 1000.0,
    model: str = "cnn-sgd",
    control: str = "",
    run: int = 1,
) -> TrainingLine:
    return TrainingLine(
        model=model,
        losses=losses,
        accuracies=(0.1, accuracy),
        classes=10,
        steps=400,
        batch=64,
        seconds=5.0,
        first_step_seconds=0.1,
        examples_per_second=speed,
        peak_memory_bytes=1,
        weights_sha256="0" * 64,
        is_deterministic=True,
        work=DeviceWork(weights_on="cpu", device=Device(kind="cpu")),
        control=control,
        run=run,
    )


def probed(*lines: ProbeLine, ending: Ending = Ending.WHOLE, said: str = "") -> ProbeRun:
    request = ProbeRequest(framework="pytorch", level=Level.TRAIN, device="cpu")
    return ProbeRun(request=request, lines=lines, ending=ending, said=said)
