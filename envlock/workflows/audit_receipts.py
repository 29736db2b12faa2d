"""The receipts that lie beside a lock: what they say, of which lock, and who signed them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envlock.errors import EnvlockError, ReceiptError
from envlock.model.reading import FileKind, Reading
from envlock.model.receipt import Receipt, receipt_path
from envlock.model.sight import ReceiptSeen
from envlock.workflows.audit_stack import why
from envlock.workflows.audit_targets import Target
from envlock.workflows.audit_tools import AuditTools

if TYPE_CHECKING:
    from envlock.workflows.receipts import ReceiptFile

FOLDER = "receipts"
"""Beside a lock, for the receipts of several machines or days."""
_ENDING = ".receipt.json"
_LOCK_ENDING = ".conda-lock.yml"


@dataclass(frozen=True, kw_only=True)
class ReceiptsSeen:
    """What was seen of a lock's receipts."""

    receipts: tuple[ReceiptSeen, ...] = ()
    blind: str = ""
    """Why they were not looked at; empty where they were."""


def see_receipts(
    target: Target, reading: Reading, content: bytes, tools: AuditTools
) -> ReceiptsSeen:
    """Read every receipt beside a lock, and say whose it is."""
    if reading.kind is not FileKind.CONDA_LOCK:
        return ReceiptsSeen(blind="only locks that envlock can build are verified")
    if target.revision is not None:
        return ReceiptsSeen(blind="receipts lie on disk, and this lock is read from the history")
    try:
        paths = find_receipts(target.path, tools)
    except EnvlockError as error:
        return ReceiptsSeen(blind=why(error))
    digests = _digests(content) if paths else set()
    return ReceiptsSeen(receipts=tuple(_see(path, digests, tools) for path in paths))


def find_receipts(lock: str, tools: AuditTools) -> tuple[str, ...]:
    """Return the receipts of a lock: `a.receipt.json`, `a.*.receipt.json`, `receipts/a.*.json`."""
    own = receipt_path(lock)
    stem = own.removesuffix(_ENDING)
    folder, _, name = stem.rpartition("/")
    place = f"{folder}/" if folder else ""
    beside = [path for path in tools.tree.files_in(folder or ".") if path.endswith(_ENDING)]
    kept = tools.tree.files_in(f"{place}{FOLDER}")
    return (
        *_named(beside, name, place, tools),
        *_named([path for path in kept if path.endswith(".json")], name, place, tools),
    )


def _named(paths: list[str], name: str, place: str, tools: AuditTools) -> Iterator[str]:
    """Yield the paths whose file name begins with a lock's, and not with a longer one's."""
    for path in paths:
        file = path.rpartition("/")[2]
        whose = file.removesuffix(".json").removesuffix(".receipt")
        is_of_other = whose != name and tools.workspace.exists(f"{place}{whose}{_LOCK_ENDING}")
        if file.startswith(f"{name}.") and not is_of_other:
            yield path


def load_of_lock(
    target: Target, content: bytes, tools: AuditTools
) -> Iterator[tuple[str, Receipt]]:
    """Yield the receipts that can be read and are of just this lock, each with its path."""
    from envlock.workflows.receipts import load_receipt  # noqa: PLC0415 - see `_digests`

    digests = _digests(content)
    for path in find_receipts(target.path, tools):
        try:
            receipt = load_receipt(path, tools.workspace).receipt
        except EnvlockError:
            continue
        if receipt.subject.lock_sha256 in digests:
            yield path, receipt


def _digests(content: bytes) -> set[str]:
    """Return what a receipt of a lock may name; line ends are git's to change."""
    # What reads receipts takes long to import, and most locks have none.
    from envlock.formats.receipt import lock_digest  # noqa: PLC0415

    return {lock_digest(content), lock_digest(content.replace(b"\r\n", b"\n"))}


def _see(path: str, digests: set[str], tools: AuditTools) -> ReceiptSeen:
    from envlock.workflows.receipts import load_receipt  # noqa: PLC0415 - see `_digests`

    try:
        file = load_receipt(path, tools.workspace)
    except ReceiptError as error:
        return ReceiptSeen(file=path, problem="; ".join(map(str, error.faults)))
    except EnvlockError as error:
        return ReceiptSeen(file=path, problem=why(error))
    receipt = file.receipt
    signers = tuple(_signers(file, tools))
    claimed = file.keyids
    trusted = {key.keyid for key in tools.keys}
    return ReceiptSeen(
        file=path,
        lock_sha256=receipt.subject.lock_sha256,
        is_of_lock=receipt.subject.lock_sha256 in digests,
        content_sha256=receipt.subject.content_sha256,
        platform=receipt.host.platform.value,
        verdict=receipt.verdict.value,
        failed=tuple(check.name for check in receipt.failed),
        device=receipt.device,
        verified_at=receipt.verified_at,
        claimed=claimed,
        signers=signers,
        trusted=bool(signers),
        is_forged=any(key in trusted and key not in signers for key in claimed),
    )


def _signers(file: ReceiptFile, tools: AuditTools) -> Iterator[str]:
    """Yield the trusted keys whose signatures hold."""
    if file.envelope is None:
        return
    for signature in file.envelope.signatures:
        for key in tools.keys:
            if key.keyid == signature.keyid and key.fits(signature.sig, file.envelope.signed_bytes):
                yield key.keyid
