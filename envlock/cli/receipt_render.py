"""Receipts for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from envlock.cli.table import count, format_bytes, format_facts, format_table, printable
from envlock.formats.receipt import describe_receipt, stable_digest
from envlock.verify.challenge import name_outcome
from envlock.workflows.receipts import UNSIGNED

if TYPE_CHECKING:
    from envlock.model.outcome import Outcome
    from envlock.model.receipt import Curve, HostLibrary, Receipt, VerifiedHost
    from envlock.workflows.receipts import Holding, ReceiptFile

_DIGITS = 12
_NAMED_ROLES = ("", "driver")
"""Libraries whose place matters to a reader; the rest of the host's is counted."""


# --- a receipt ------------------------------------------------------------------------------------


def render_file(file: ReceiptFile, *, width: int | None = None) -> Iterator[str]:
    """Yield what a receipt says: the verdict, of what, where, each check, each training."""
    receipt = file.receipt
    yield printable(f"{receipt.subject.name}: {receipt.verdict}, {_when(receipt)}")
    yield from format_facts(list(_facts(file)), width=width, indent="  ")
    yield ""
    passed = len(receipt.checks) - len(receipt.failed) - len(receipt.not_run)
    told = f"{passed} passed, {len(receipt.failed)} failed, {len(receipt.not_run)} not run"
    yield f"{count(len(receipt.checks), 'check')}: {told}"
    rows = [(name_outcome(each.outcome), each.name, _said(each.outcome)) for each in receipt.checks]
    yield from format_facts(rows, width=width, indent="  ")
    if receipt.curves:
        yield ""
        yield f"{count(len(receipt.curves), 'training')}:"
        yield from format_table([_row(each) for each in receipt.curves], indent="  ")


def _when(receipt: Receipt) -> str:
    asked = f"level {receipt.level} on the {receipt.device.upper()}"
    at = f", {receipt.verified_at}" if receipt.verified_at else ""
    return f"{asked}{at}, {receipt.seconds:.1f} s"


def _facts(file: ReceiptFile) -> Iterator[tuple[str, str]]:
    receipt = file.receipt
    subject = receipt.subject
    yield "signed", _signers(file)
    for name, digest in (
        ("lock", subject.lock_sha256),
        ("pin", subject.pin_sha256),
        ("content", subject.content_sha256),
        ("tree", subject.tree_sha256),
    ):
        if digest:
            yield name, f"sha256 {digest}"
    if not subject.is_hermetic:
        yield "python", f"not hermetic: {subject.python}" if subject.python else "not hermetic"
    yield "host", _host(receipt.host)
    versions = [f"{name} {version}" for name, version in receipt.frameworks.items()]
    if versions:
        yield "versions", ", ".join(versions)
    if receipt.host_libraries:
        yield "from host", ", ".join(_from_host(receipt.host_libraries))
    yield "data", receipt.data
    if receipt.envlock_version:
        yield "made by", f"envlock {receipt.envlock_version}"


def _from_host(libraries: Sequence[HostLibrary]) -> Iterator[str]:
    """Yield what may not come from the host and the driver's by path, the rest by number."""
    counts = Counter(each.role for each in libraries)
    for each in libraries:
        if each.role in _NAMED_ROLES:
            yield f"{each.path} ({each.role or 'not allowed'})"
    for role in sorted(role for role in counts if role not in _NAMED_ROLES):
        yield f"{counts[role]} {role}"


def _signers(file: ReceiptFile) -> str:
    if not file.keyids:
        return UNSIGNED
    return f"says to be by {', '.join(file.keyids)}; `envlock receipt check --key` looks"


def _host(host: VerifiedHost) -> str:
    told = [host.platform.value]
    told += [
        f"{gpu.name} ({gpu.compute}, {format_bytes(gpu.memory_bytes)})" for gpu in host.gpus
    ] or ["no GPU"]
    named = {"driver": host.driver, "kernel": host.kernel, "glibc": host.glibc}
    told += [f"{name} {value}" for name, value in named.items() if value]
    if host.container:
        told.append(f"in {host.container}")
    return ", ".join(told)


def _said(outcome: Outcome) -> str:
    from envlock.model.outcome import NotRun

    return outcome.reason if isinstance(outcome, NotRun) else outcome.said


def _row(curve: Curve) -> tuple[str, str, str, str, str]:
    name = f"{curve.name} ({curve.control})" if curve.control else curve.name
    weights = f"weights {curve.weights_sha256[:_DIGITS]}…" if curve.weights_sha256 else ""
    return (
        name,
        count(curve.steps, "step"),
        _span("loss", curve.losses),
        _span("accuracy", curve.accuracies),
        weights,
    )


def _span(name: str, values: tuple[float, ...]) -> str:
    return f"{name} {values[0]:.3g} -> {values[-1]:.3g}" if values else ""


def describe_file(file: ReceiptFile) -> Mapping[str, object]:
    """Return a receipt as plain data."""
    return {
        "path": file.path,
        "keyids": list(file.keyids),
        "stable_sha256": stable_digest(file.receipt),
        "receipt": describe_receipt(file.receipt),
    }


# --- whether it holds -----------------------------------------------------------------------------


def render_holding(holding: Holding) -> Iterator[str]:
    """Yield the answer, what it says of the environment, and every reason."""
    answer = "holds" if holding.holds else "does not hold"
    yield printable(f"{holding.path}: {answer}")
    for reason in holding.refusals:
        yield printable(f"  no: {reason}")
    for each in holding.confirmed:
        yield printable(f"  {each}")
    if holding.file is not None:
        receipt = holding.file.receipt
        yield printable(f"it says: {receipt.subject.name} {receipt.verdict}, {_when(receipt)}")


def describe_holding(holding: Holding) -> Mapping[str, object]:
    """Return the answer as plain data."""
    file = holding.file
    return {
        "path": holding.path,
        "holds": holding.holds,
        "refusals": list(holding.refusals),
        "confirmed": list(holding.confirmed),
        "keyids": list(file.keyids) if file else [],
        "verdict": file.receipt.verdict.value if file else None,
    }
