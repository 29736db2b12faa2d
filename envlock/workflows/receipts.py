"""The story of a receipt after it was written: read it, hold it against something, sign it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envlock.errors import ReceiptError
from envlock.formats.dsse import (
    Envelope,
    Signature,
    add_signature,
    format_envelope,
    is_envelope,
    read_envelope,
)
from envlock.formats.receipt import (
    LARGEST_RECEIPT_BYTES,
    lock_digest,
    read_receipt,
    read_statement,
)
from envlock.formats.strict_json import parse_json
from envlock.model.lock import LOCK_LIMIT_BYTES, lock_of
from envlock.model.receipt import Receipt, Subject, Verdict, receipt_path
from envlock.model.store import Environment
from envlock.ports.signing import SigningKey, TrustedKey
from envlock.ports.workspace import Workspace

LARGEST_FILE_BYTES = 2 * LARGEST_RECEIPT_BYTES
"""An envelope holds a receipt in base64, which is a third longer."""
UNSIGNED = "self-reported, unsigned"
_SHOWN_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFile:
    """A receipt as it lay on the disk: the statement alone, or signed."""

    path: str
    receipt: Receipt
    statement: bytes
    envelope: Envelope | None

    @property
    def keyids(self) -> tuple[str, ...]:
        """Whose signatures it carries; nobody has looked whether they fit."""
        return () if self.envelope is None else tuple(s.keyid for s in self.envelope.signatures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a receipt is held against, beyond itself."""

    lock: str | None = None
    """A lock, or the stack that it lies beside."""
    keys: tuple[TrustedKey, ...] = ()
    """Signatures of others count for nothing; none: no signature is demanded."""
    environment: Environment | None = None
    must_pass: bool = False
    """Whether its verdict must be `passed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Whether a receipt holds."""

    path: str
    file: ReceiptFile | None
    """None: it cannot be read."""
    confirmed: tuple[str, ...]
    """What was looked at and holds, and what could not be looked at."""
    refusals: tuple[str, ...]
    """Why it does not hold; none: it does."""

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals


def receipt_of(path: str) -> str:
    """Return the receipt that a path means: itself, or the one beside a lock or a stack."""
    lock = lock_of(path)
    return receipt_path(lock) if lock.endswith(".conda-lock.yml") else path


def means_lock(path: str) -> bool:
    """Say whether a path is that of a lock or a stack, and not that of a receipt."""
    return receipt_of(path) != path


def load_receipt(path: str, workspace: Workspace) -> ReceiptFile:
    """Return a receipt. Raises `ReceiptError` with every fault, `InputFileError`, `WorldError`."""
    content = workspace.read_bytes(path, limit_bytes=LARGEST_FILE_BYTES)
    document, faults = parse_json(content, path)
    if faults:
        raise ReceiptError(faults)
    if not is_envelope(document):
        receipt = read_statement(document, content, path)
        return ReceiptFile(path=path, receipt=receipt, statement=content, envelope=None)
    envelope = read_envelope(document, content, path)
    receipt = read_receipt(envelope.payload, f"{path}: payload")
    return ReceiptFile(path=path, receipt=receipt, statement=envelope.payload, envelope=envelope)


def sign(file: ReceiptFile, key: SigningKey) -> bytes:
    """Return the envelope of a receipt with a key's signature; other signatures stay."""
    envelope = file.envelope or Envelope(payload=file.statement, signatures=())
    signature = Signature(keyid=key.keyid, sig=key.sign(envelope.signed_bytes))
    return format_envelope(add_signature(envelope, signature))


# --- does it hold? --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    text: str
    speaks_against: bool = False


def check_receipt(path: str, demands: Demands, workspace: Workspace) -> Holding:
    """Say whether a receipt is whole and is what it is held against.

    A receipt that cannot be read does not hold. Raises `InputFileError` for a receipt or a lock
    that is not there, `WorldError`.
    """
    try:
        file = load_receipt(path, workspace)
    except ReceiptError as error:
        faults = tuple(map(str, error.faults))
        return Holding(path=path, file=None, confirmed=(), refusals=faults)
    found = list(_look(file, demands, workspace))
    return Holding(
        path=path,
        file=file,
        confirmed=tuple(each.text for each in found if not each.speaks_against),
        refusals=tuple(each.text for each in found if each.speaks_against),
    )


def _look(file: ReceiptFile, demands: Demands, workspace: Workspace) -> Iterator[_Found]:
    yield _Found("whole: its parts agree, and its digest is that of its content")
    yield from _look_at_signatures(file, demands.keys)
    subject = file.receipt.subject
    if demands.lock is None:
        yield _Found("not held against a lock: none was given")
    else:
        lock = lock_of(demands.lock)
        content = workspace.read_bytes(lock, limit_bytes=LOCK_LIMIT_BYTES)
        yield _look_at_lock(subject, lock, content)
    if demands.environment is not None:
        yield from _look_at_environment(subject, demands.environment)
    if demands.must_pass and file.receipt.verdict is not Verdict.PASSED:
        yield _Found(f"its verdict is `{file.receipt.verdict}`, and `passed` is demanded", True)


def _look_at_signatures(file: ReceiptFile, keys: Sequence[TrustedKey]) -> Iterator[_Found]:
    if file.envelope is None:
        if keys:
            yield _Found(f"{UNSIGNED}: a signature by a trusted key is demanded", True)
        else:
            yield _Found(UNSIGNED)
        return
    if not keys:
        for keyid in file.keyids:
            yield _Found(f"says to be signed by {_short(keyid)}: not looked at without its key")
        return
    found = [
        each for signature in file.envelope.signatures for each in _look_at(signature, file, keys)
    ]
    if not found:
        signers = ", ".join(map(_short, file.keyids))
        yield _Found(f"signed by {signers}, and by none of the keys that you trust", True)
    yield from found


def _look_at(
    signature: Signature, file: ReceiptFile, keys: Sequence[TrustedKey]
) -> Iterator[_Found]:
    """Yield what one signature proves; nothing when it is none of a trusted key."""
    message = file.envelope.signed_bytes if file.envelope else b""
    fitting = [key for key in keys if key.fits(signature.sig, message)]
    for key in fitting:
        if signature.keyid == key.keyid:
            yield _Found(f"signed by {_short(key.keyid)}, which you trust")
        else:
            yield _Found(f"altered: the key {_short(key.keyid)} signed it under another id", True)
    if not fitting and any(key.keyid == signature.keyid for key in keys):
        text = f"altered: the signature of {_short(signature.keyid)} does not fit the content"
        yield _Found(text, True)


def _look_at_lock(subject: Subject, lock: str, content: bytes) -> _Found:
    sha256 = lock_digest(content)
    if not subject.lock_sha256:
        return _Found(f"names no lock, so not {lock} either", True)
    if subject.lock_sha256 == lock_digest(content.replace(b"\r\n", b"\n")) != sha256:
        told = f"of {lock} as it was before git or an editor gave it the line ends of Windows"
        return _Found(f"{told}: `* -text` in .gitattributes stops that", True)
    if subject.lock_sha256 != sha256:
        return _Found(
            f"of another lock: it names sha256 {_short(subject.lock_sha256)}, and {lock} has "
            f"{_short(sha256)}",
            True,
        )
    return _Found(f"of {lock}, sha256 {_short(sha256)}")


def _look_at_environment(subject: Subject, environment: Environment) -> Iterator[_Found]:
    pairs = [("content", subject.content_sha256, environment.content_sha256)]
    if subject.derivation_key == environment.key:  # else another prefix stands in the files
        pairs.append(("tree", subject.tree_sha256, environment.tree_sha256))
    for what, named, there in pairs:
        if not named:
            yield _Found(f"names no {what}, so not that of {environment.label} either", True)
        elif named != there:
            yield _Found(
                f"of another environment: its {what} is {_short(named)}, and {environment.label} "
                f"has {_short(there)}",
                True,
            )
        else:
            yield _Found(f"its {what} is that of {environment.label} as it was sealed")


def _short(digest: str) -> str:
    if len(digest) <= _SHOWN_DIGITS:
        return digest or "nobody"
    return f"{digest[:_SHOWN_DIGITS]}…"
