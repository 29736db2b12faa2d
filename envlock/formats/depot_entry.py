"""An entry of a depot as an in-toto Statement v1, in canonical JSON; signed, in a DSSE envelope.

    _type          https://in-toto.io/Statement/v1
    subject        the environment's content by its sha256
    predicateType  urn:envlock:depot-entry:1
    predicate      the entry

It has the form of a receipt and not that of a narinfo: the same keys sign both, the same tools
read both, and the signature is over all that is said; a narinfo's is over four of its fields only.
What kind of statement it is stands in what is signed, so that no receipt can be taken for an entry,
nor the other way round.

A text is read in the one spelling that envlock writes, so that no byte of it can change unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from envlock.errors import DepotError, Fault, ReceiptError
from envlock.formats.canonical import format_canonical
from envlock.formats.dsse import Envelope, is_envelope, read_envelope
from envlock.formats.receipt import STATEMENT_TYPE
from envlock.formats.strict_json import parse_json
from envlock.formats.typed import convert, expected, find_faults
from envlock.model.depot import DepotBytecode, DepotEntry, DepotObject

PREDICATE_TYPE = "urn:envlock:depot-entry:1"
LARGEST_ENTRY_BYTES = 8_000_000
"""An environment of a thousand artifacts has about 200 kB."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[a-z2-7]{32}")
_BYTECODE = re.compile(r"bytecode-[0-9a-f]{64}-[0-9a-f]{32}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_SHOWN = 5


class EntryFile(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it lies in a depot: the statement alone, or signed."""

    entry: DepotEntry
    statement: bytes
    envelope: Envelope | None


def format_entry(entry: DepotEntry) -> bytes:
    """Return the canonical text of an entry, one line, unsigned."""
    return f"{format_canonical(_statement(entry))}\n".encode()


def _statement(entry: DepotEntry) -> dict[str, object]:
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"{entry.name}/content", "digest": {"sha256": entry.content_sha256}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": msgspec.to_builtins(entry),
    }


def read_entry_file(content: bytes, file: str) -> EntryFile:
    """Return an entry. Nobody has looked at its signatures. Raises `DepotError`."""
    if len(content) > LARGEST_ENTRY_BYTES:
        raise _refusal(file, [f"expected at most {LARGEST_ENTRY_BYTES:,} bytes, found more"])
    document, faults = parse_json(content, file)
    if faults:
        raise _refusal(file, [each.problem for each in faults])
    if not is_envelope(document):
        return EntryFile(
            entry=_read_statement(document, content, file), statement=content, envelope=None
        )
    try:
        envelope = read_envelope(document, content, file)
    except ReceiptError as error:
        raise _refusal(file, [each.problem for each in error.faults]) from None
    inner, faults = parse_json(envelope.payload, file)
    if faults:
        raise _refusal(file, [each.problem for each in faults])
    entry = _read_statement(inner, envelope.payload, file)
    return EntryFile(entry=entry, statement=envelope.payload, envelope=envelope)


def _read_statement(document: Any, content: bytes, file: str) -> DepotEntry:
    predicate = document.get("predicate") if isinstance(document, dict) else None
    kinds = (STATEMENT_TYPE, PREDICATE_TYPE)
    found = (
        (document.get("_type"), document.get("predicateType"))
        if isinstance(document, dict)
        else (None, None)
    )
    if found != kinds:
        raise _refusal(file, [f"expected a statement of the type `{PREDICATE_TYPE}`"])
    faults = [str(each) for each in find_faults(predicate, DepotEntry, "predicate")]
    if faults:
        raise _refusal(file, faults)
    entry = convert(predicate, DepotEntry)
    faults = [str(each) for each in _contradictions(entry)]
    if not faults and content != format_entry(entry):
        faults = ["altered: expected canonical JSON as envlock writes it, found another text"]
    if faults:
        raise _refusal(file, faults)
    return entry


def _contradictions(entry: DepotEntry) -> Iterator[Fault]:
    for name, pattern, what in (
        ("key", _KEY, "32 characters of base32"),
        ("derivation_key", _KEY, "32 characters of base32"),
        ("content_sha256", _SHA256, "64 hex digits"),
        ("tree_sha256", _SHA256, "64 hex digits"),
        ("pushed_at", _TIME, "a time in UTC"),
    ):
        if not pattern.fullmatch(getattr(entry, name)):
            yield expected(f"predicate.{name}", what, getattr(entry, name))
    named: tuple[tuple[str, Sequence[DepotObject | DepotBytecode]], ...] = (
        ("artifacts", entry.artifacts),
        ("bytecode", entry.bytecode),
    )
    for what, files in named:
        for place, each in enumerate(files):
            where = f"predicate.{what}[{place}]"
            if not _SHA256.fullmatch(each.sha256):
                yield expected(f"{where}.sha256", "64 hex digits", each.sha256)
            if each.size_bytes < 0:
                yield expected(f"{where}.size_bytes", "a size", each.size_bytes)
    for place, bytecode in enumerate(entry.bytecode):
        where = f"predicate.bytecode[{place}]"
        if not _SHA256.fullmatch(bytecode.tree_sha256):
            yield expected(f"{where}.tree_sha256", "64 hex digits", bytecode.tree_sha256)
        if not _BYTECODE.fullmatch(bytecode.tree):
            yield expected(f"{where}.tree", "the name of bytecode's tree", bytecode.tree)


def _refusal(file: str, problems: Sequence[str]) -> DepotError:
    more = len(problems) - _SHOWN
    shown = [f"{file}: {each}" for each in problems[:_SHOWN]]
    return DepotError(
        "\n".join(
            [
                "an entry of a depot is not as envlock writes it",
                *[f"  {each}" for each in shown],
                *([f"  and {more} more"] if more > 0 else []),
                "Nothing was taken from it.",
            ]
        ),
        hints=["push it again from a store that has it: `envlock push LOCK URL`"],
    )
