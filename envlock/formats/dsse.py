"""The signed envelope: DSSE v1, https://github.com/secure-systems-lab/dsse.

What is signed is the payload's bytes and its type together (`pae`), so that no signature can be
taken for one over something else. A key's id is a hint that nobody vouches for; here it is the
SHA-256 of the public key, and whoever verifies holds it against the key that fitted.

An envelope is read in the one spelling that envlock writes: canonical JSON, standard base64. DSSE
itself allows more; then a byte could change and nobody would tell.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import msgspec
from msgspec import Struct

from envlock.errors import Fault, ReceiptError
from envlock.formats.canonical import format_canonical, respelling_hint
from envlock.formats.typed import expected, find_faults

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_MOST_SIGNATURES = 100


class Signature(Struct, frozen=True, kw_only=True):
    """One signature of a payload."""

    keyid: str
    sig: bytes


class Envelope(Struct, frozen=True, kw_only=True, rename="camel"):
    """A payload with who signed it."""

    payload: bytes
    payload_type: str = PAYLOAD_TYPE
    signatures: tuple[Signature, ...]

    @property
    def signed_bytes(self) -> bytes:
        """What the signatures are over."""
        return pae(self.payload_type, self.payload)


class _WrittenSignature(Struct, frozen=True):
    keyid: str
    sig: str


class _WrittenEnvelope(Struct, frozen=True, rename="camel"):
    payload: str
    payload_type: str
    signatures: tuple[_WrittenSignature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: what a signature is made over."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def format_envelope(envelope: Envelope) -> bytes:
    """Return the canonical text of an envelope, one line."""
    return f"{format_canonical(msgspec.to_builtins(envelope))}\n".encode()


def add_signature(envelope: Envelope, signature: Signature) -> Envelope:
    """Return an envelope with a signature more; one of the same key is replaced."""
    others = [each for each in envelope.signatures if each.keyid != signature.keyid]
    ordered = sorted([*others, signature], key=lambda each: each.keyid)
    return msgspec.structs.replace(envelope, signatures=tuple(ordered))


def is_envelope(document: Any) -> bool:
    """Say whether a JSON document means to be an envelope."""
    keys = ("payload", "payloadType", "signatures")
    return isinstance(document, dict) and any(key in document for key in keys)


def read_envelope(document: Any, content: bytes, file: str) -> Envelope:
    """Return an envelope that was parsed; `content` is its bytes. Raises `ReceiptError`."""
    faults = list(find_faults(document, _WrittenEnvelope))
    if not faults:
        faults = list(_faults(msgspec.convert(document, _WrittenEnvelope)))
    if not faults:
        envelope = _decoded(document)
        if content == format_envelope(envelope):
            return envelope
        problem = "altered: expected an envelope as envlock writes it, found another spelling"
        faults = [Fault(where="", problem=problem, hint=respelling_hint(content))]
    placed = [
        Fault(
            where=f"{file}: {each.where}" if each.where else file,
            problem=each.problem,
            hint=each.hint,
        )
        for each in faults
    ]
    raise ReceiptError(placed)


def _faults(written: _WrittenEnvelope) -> list[Fault]:
    faults = []
    if written.payload_type != PAYLOAD_TYPE:
        faults.append(expected("payloadType", f"`{PAYLOAD_TYPE}`", written.payload_type))
    if not 0 < len(written.signatures) <= _MOST_SIGNATURES:
        problem = f"expected 1 to {_MOST_SIGNATURES}, found {len(written.signatures):,}"
        faults.append(Fault(where="signatures", problem=problem))
    coded = [("payload", written.payload)]
    coded += [(f"signatures[{n}].sig", each.sig) for n, each in enumerate(written.signatures)]
    faults += [expected(path, "base64", text) for path, text in coded if not _is_base64(text)]
    return faults


def _is_base64(text: str) -> bool:
    try:
        return b64encode(b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def _decoded(document: Any) -> Envelope:
    return msgspec.convert(document, Envelope)  # msgspec reads bytes from base64
