"""Whether it learnt, whether the device did the work, and whether it does the same again."""

from __future__ import annotations

from envlock.model.outcome import Failed, NotRun, Outcome, Passed
from envlock.model.probe import Device, DriverSample, ProbeRun, TrainingLine
from envlock.verify.numbers import Measured
from envlock.verify.thresholds import LEARNT_ACCURACY, LEARNT_LOSS

_PCI_DOMAIN_DIGITS = 4


def judge_training(line: TrainingLine, run: ProbeRun) -> Measured:
    """Judge one training: beyond the thresholds, and on the device that was asked for."""
    learnt = _learnt(line)
    if isinstance(learnt, Passed):
        outcome: Outcome = find_fallback(line, run) or learnt
    else:
        outcome = learnt
    return outcome, _numbers(line), _varying(line)


def _learnt(line: TrainingLine) -> Passed | Failed:
    wanted = LEARNT_ACCURACY[line.data]
    first, last, accuracy = line.losses[0], line.losses[-1], line.accuracies[-1]
    told = (
        f"loss {first:.3f} to {last:.3f} in {line.steps} steps, held-out accuracy {accuracy:.3f} "
        f"(at least {wanted:g}, chance {1 / line.classes:g})"
    )
    if accuracy >= wanted and last <= first * LEARNT_LOSS:
        return Passed(said=told)
    return Failed(said=f"it did not learn: {told}")


def find_fallback(line: TrainingLine, run: ProbeRun) -> Failed | None:
    """Return what shows that the GPU did not do the work; None when it did, or on a CPU."""
    work, device = line.work, run.request.device
    if work.weights_on != device:
        return Failed(
            said=f"the weights lay on the {work.weights_on}, and the {device} was asked for: "
            "a silent fallback"
        )
    if device != "gpu":
        return None
    if work.memory_bytes <= 0:
        return Failed(said="nothing was ever allocated on the GPU")
    sample = find_sample(work.device, run.gpus)
    is_busy = work.kernel_seconds > 0 or (sample is not None and sample.utilisation_percent > 0)
    if not is_busy:
        return Failed(said="the GPU ran no kernel while it trained, by profiler and by driver")
    return None


def _numbers(line: TrainingLine) -> dict[str, float]:
    return {
        "first_loss": line.losses[0],
        "last_loss": line.losses[-1],
        "accuracy": line.accuracies[-1],
        "steps": line.steps,
        "batch": line.batch,
    }


def _varying(line: TrainingLine) -> dict[str, float]:
    found = {
        "seconds": line.seconds,
        "first_step_seconds": line.first_step_seconds,
        "examples_per_second": line.examples_per_second,
        "peak_memory_bytes": line.peak_memory_bytes,
    }
    if line.work.wall_seconds > 0:
        found["busy_share"] = round(line.work.kernel_seconds / line.work.wall_seconds, 4)
    return found


def judge_shuffled(line: TrainingLine, run: ProbeRun) -> Measured:
    """Judge training on shuffled labels: it has to fail what training has to pass."""
    accuracy, limit = line.accuracies[-1], LEARNT_ACCURACY[line.data]
    said = f"with shuffled labels, held-out accuracy is {accuracy:.3f} (below {limit:g})"
    outcome = Passed(said=said) if accuracy < limit else Failed(said=said)
    return find_fallback(line, run) or outcome, _numbers(line), _varying(line)


def judge_repeat(first: TrainingLine, second: TrainingLine, run: ProbeRun) -> Measured:
    """Judge a second run with the same seed, on the same device."""
    numbers = {"spread": second.spread}
    fallback = find_fallback(second, run)
    if fallback is not None:
        return fallback, numbers, {}
    if first.weights_sha256 == second.weights_sha256:
        return Passed(said="the same seed gave the same weights, bit for bit"), numbers, {}
    told = f"the same seed gave weights that differ by up to {second.spread:.1e}"
    if first.is_deterministic and second.is_deterministic:
        return Failed(said=f"{told}, and the framework promises that they do not"), numbers, {}
    return Passed(said=f"{told}; the framework promises nothing else here"), {}, numbers


def judge_device(line: TrainingLine, run: ProbeRun) -> Measured:
    """Judge whether the device that trained is one that the driver knows."""
    device = line.work.device
    if not device.uuid and not device.pci_id:
        return NotRun(reason="the framework names no device by UUID or PCI id"), {}, {}
    if not run.gpus:
        reason = "the driver's own library (NVML) told of no GPU while it trained"
        return NotRun(reason=reason), {}, {}
    sample = find_sample(device, run.gpus)
    if sample is None:
        known = len(run.gpus)
        said = f"it trained on a device that is none of the {known} that the driver knows"
        return Failed(said=said), {}, {}
    told = f"{sample.name}, joined by {'UUID' if _same_uuid(device, sample) else 'PCI id'}"
    varying: dict[str, float] = {}
    if sample.utilisation_percent >= 0:
        told += f"; up to {sample.utilisation_percent} % busy by the driver's count"
        varying["utilisation_percent"] = sample.utilisation_percent
    if sample.process_memory_bytes >= 0:
        told += f"; {sample.process_memory_bytes / 1e6:,.0f} MB held"
        varying["process_memory_bytes"] = sample.process_memory_bytes
    return Passed(said=told), {}, varying


def find_sample(device: Device, samples: tuple[DriverSample, ...]) -> DriverSample | None:
    """Return what the driver said of a device, joined on its UUID, and failing that its PCI id."""
    for sample in samples:
        if _same_uuid(device, sample):
            return sample
    wanted = normal_pci_id(device.pci_id)
    return next((each for each in samples if wanted and normal_pci_id(each.pci_id) == wanted), None)


def _same_uuid(device: Device, sample: DriverSample) -> bool:
    return bool(device.uuid) and device.uuid.casefold() == sample.uuid.casefold()


def normal_pci_id(text: str) -> str:
    """Return a PCI id as the kernel writes it: NVML's domain has eight digits, CUDA's four."""
    domain, found, rest = text.casefold().partition(":")
    if not found:
        return ""
    return f"{domain[-_PCI_DOMAIN_DIGITS:].zfill(_PCI_DOMAIN_DIGITS)}:{rest}"
