"""The receipt as an in-toto Statement v1 with the test-result predicate, in canonical JSON.

    _type          https://in-toto.io/Statement/v1
    subject        the lock's file, the environment's content and its tree, each by its sha256
    predicateType  https://in-toto.io/attestation/test-result/v0.1
    predicate      result, configuration, the names of the tests that passed and failed, and
                   `envlock`: the receipt itself, the version of its form, and its digest

All that in-toto's tools read is derived from the receipt. So a reader builds it anew and compares:
a receipt whose halves disagree, or that one byte was changed of, is refused. That finds accidents
and careless edits, not forgers, who can compute a digest too: against them there are signatures.

A check that was not run stands in none of the lists of tests: the predicate has a place for tests
that passed with warnings, and not having looked is no such thing. A verification that is
incomplete has the result `WARNED`.

What differs from run to run by its nature (time, duration, rates, memory) stands in declared
fields, which `without_varying` empties.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import msgspec

from envlock.errors import Fault, ReceiptError
from envlock.formats.canonical import digest_of, format_canonical, respelling_hint
from envlock.formats.homes import without_homes
from envlock.formats.strict_json import parse_json
from envlock.formats.typed import convert, expected, find_faults, name_value
from envlock.model.outcome import Check, Failed, NotRun, Outcome, Passed
from envlock.model.receipt import Receipt, Subject, Verdict, verdict_of

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
VERSION = 1
"""Of what stands below `predicate.envlock`."""
LARGEST_RECEIPT_BYTES = 8_000_000
"""A full verification of three frameworks has about 100 kB."""
RESULTS: Mapping[Verdict, str] = MappingProxyType(
    {Verdict.PASSED: "PASSED", Verdict.INCOMPLETE: "WARNED", Verdict.FAILED: "FAILED"}
)
_RECEIPT = "predicate.envlock.receipt"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_GPU_ID = re.compile(r"\b(GPU|MIG)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_MOST_FAULTS = 100
_MAKE_ANEW = "`envlock verify` leaves a new one; what was altered cannot be mended"


# --- writing --------------------------------------------------------------------------------------


def format_receipt(receipt: Receipt) -> bytes:
    """Return the canonical text of a receipt, one line.

    Names of home folders and the UUIDs of GPUs do not get into it, and a number that is not finite
    is `null`. Raises `ReceiptError` for a receipt that contradicts itself, which could not be read
    again.
    """
    kept = keep(receipt)
    faults = list(_contradictions(kept))
    if faults:
        raise ReceiptError(faults, state="No receipt was written.")
    return _line(_statement(kept))


def keep(receipt: Receipt) -> Receipt:
    """Return a receipt as it will be read again: floats as floats, text as text, no homes."""
    return convert(_tidy(msgspec.to_builtins(receipt)), Receipt)


def without_varying(receipt: Receipt) -> Receipt:
    """Return a receipt without what differs from run to run by its nature.

    That is `verified_at`, `seconds`, what each check has in `varying`, and the words of such a
    check, which may tell it. Two verifications of one environment on one machine are equal in the
    rest where the framework repeats itself.
    """
    checks = tuple(_settled(each) for each in receipt.checks)
    return msgspec.structs.replace(receipt, checks=checks, verified_at="", seconds=0.0)


def _settled(check: Check) -> Check:
    if not check.varying:
        return check
    outcome: Outcome
    match check.outcome:
        case NotRun():
            outcome = NotRun(reason="")
        case Passed() | Failed() as found:
            outcome = msgspec.structs.replace(found, said="")
    return msgspec.structs.replace(check, varying={}, outcome=outcome)


def stable_digest(receipt: Receipt) -> str:
    """Return the digest of a receipt without what varies: two runs compare by it."""
    return digest_of(describe_receipt(without_varying(receipt)))


def describe_receipt(receipt: Receipt) -> Mapping[str, object]:
    """Return a receipt as plain data for JSON."""
    described: Mapping[str, object] = _without_nan(msgspec.to_builtins(keep(receipt)))
    return described


def _statement(receipt: Receipt) -> dict[str, object]:
    described = _without_nan(msgspec.to_builtins(receipt))
    return {
        "_type": STATEMENT_TYPE,
        "subject": _subjects(receipt),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": RESULTS[receipt.verdict],
            "configuration": _configuration(receipt),
            "passedTests": _names(receipt.checks, Passed),
            "warnedTests": [],
            "failedTests": _names(receipt.checks, Failed),
            "envlock": {"version": VERSION, "sha256": digest_of(described), "receipt": described},
        },
    }


def _line(document: object) -> bytes:
    return f"{format_canonical(document)}\n".encode()


def _subjects(receipt: Receipt) -> list[object]:
    """Return what the receipt speaks of, by digest; never nothing, as in-toto asks."""
    subject = receipt.subject
    digests = {
        "lock": subject.lock_sha256,
        "content": subject.content_sha256,
        "tree": subject.tree_sha256,
    }
    if not any(digests.values()):  # not built by envlock: only what was found can be named
        digests = {"found": digest_of([subject.python, receipt.frameworks])}
    return [
        _resource(f"{subject.name}/{what}", digest) for what, digest in digests.items() if digest
    ]


def _configuration(receipt: Receipt) -> list[object]:
    asked = {"level": receipt.level, "device": receipt.device, "data": receipt.data}
    content = b64encode(format_canonical(asked).encode()).decode()
    found: list[object] = [
        {"name": "verification", "mediaType": "application/json", "content": content}
    ]
    if receipt.subject.pin_sha256:
        found.append(_resource("index pin", receipt.subject.pin_sha256))
    return found


def _resource(name: str, digest: str) -> object:
    return {"name": name, "digest": {"sha256": digest}}


def _names(checks: Sequence[Check], kind: type[Passed | Failed]) -> list[str]:
    return [each.name for each in checks if isinstance(each.outcome, kind)]


def _tidy(value: Any) -> Any:
    match value:
        case dict():
            return {_text(key): _tidy(each) for key, each in value.items()}
        case list() | tuple():
            return [_tidy(each) for each in value]
        case str():
            return _GPU_ID.sub(r"\1-***", without_homes(_text(value)))
        case _:
            return value


def _text(value: str) -> str:
    """Return a text that UTF-8 can hold: a file's name on Linux may be none."""
    return value.encode("utf-8", "backslashreplace").decode()


def _without_nan(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_nan(each) for key, each in value.items()}
        case list() | tuple():
            return [_without_nan(each) for each in value]
        case float() if value - value != 0:
            return None
        case _:
            return value


# --- reading --------------------------------------------------------------------------------------


def read_receipt(content: bytes, file: str) -> Receipt:
    """Return the receipt of a statement. Raises `ReceiptError` with every fault."""
    if len(content) > LARGEST_RECEIPT_BYTES:
        problem = f"expected at most {LARGEST_RECEIPT_BYTES:,} bytes, found {len(content):,}"
        raise ReceiptError([Fault(where=file, problem=problem)])
    document, faults = parse_json(content, file)
    if faults:
        raise _refusal(faults)
    return read_statement(document, content, file)


def read_statement(document: Any, content: bytes, file: str) -> Receipt:
    """Return the receipt of a statement that was parsed; `content` is its bytes."""
    described, faults = _find_receipt(document)
    faults += tuple(find_faults(described, Receipt, _RECEIPT)) if not faults else ()
    if faults:
        raise _refusal(_placed(faults, file))
    receipt = convert(described, Receipt)
    faults = tuple(_contradictions(receipt))
    if not faults:
        faults = tuple(_differences("", document, _statement(receipt)))
    if not faults and content != _line(_statement(keep(receipt))):
        problem = "altered: expected canonical JSON as envlock writes it, found another spelling"
        faults = (Fault(where="", problem=problem, hint=respelling_hint(content)),)
    if faults:
        raise _refusal(_placed(faults, file))
    return receipt


def _refusal(faults: Sequence[Fault]) -> ReceiptError:
    told, more = list(faults[:_MOST_FAULTS]), len(faults) - _MOST_FAULTS
    error = ReceiptError(told, state=f"and {more:,} faults more" if more > 0 else "")
    error.hints = error.hints or (_MAKE_ANEW,)
    return error


def _placed(faults: Sequence[Fault], file: str) -> list[Fault]:
    return [
        Fault(
            where=f"{file}: {each.where}" if each.where else file,
            problem=each.problem,
            hint=each.hint,
        )
        for each in faults
    ]


def _find_receipt(document: Any) -> tuple[Any, tuple[Fault, ...]]:
    """Return our own data in a statement, or the first key on the way to it that is not there."""
    found, path = document, ""
    for key, value in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
        if not isinstance(document, dict):
            return None, (expected("", "the object of an in-toto Statement", document),)
        if document.get(key) != value:
            return None, (expected(key, f"`{value}`", document.get(key)),)
    for key in _RECEIPT.split("."):
        if not isinstance(found, dict):
            return None, (expected(path, "an object", found),)
        path = f"{path}.{key}".lstrip(".")
        if key not in found:
            return None, (Fault(where=path, problem="expected this key, found none"),)
        found = found[key]
    version = document["predicate"]["envlock"].get("version")
    if isinstance(version, int) and version > VERSION:
        problem = f"written by a newer envlock: its form is {version}, and this one reads {VERSION}"
        hint = "update envlock: `pip install --upgrade envlock`"
        return None, (Fault(where="predicate.envlock.version", problem=problem, hint=hint),)
    return found, ()


def _differences(path: str, found: Any, derived: Any) -> Iterator[Fault]:
    """Yield where a statement is another than the one that its receipt gives."""
    if isinstance(found, dict) and isinstance(derived, dict):
        for key in [*derived, *(key for key in found if key not in derived)]:
            place = f"{path}.{key if key.isprintable() else ascii(key)}".lstrip(".")
            if key not in derived:
                yield Fault(where=place, problem="unknown key")
            elif key not in found:
                yield Fault(where=place, problem="expected this key, found none")
            else:
                yield from _differences(place, found[key], derived[key])
    elif isinstance(found, list) and isinstance(derived, list) and len(found) == len(derived):
        for number, (one, other) in enumerate(zip(found, derived, strict=True)):
            yield from _differences(f"{path}[{number}]", one, other)
    elif type(found) is not type(derived) or found != derived:
        problem = f"altered: the receipt gives {name_value(derived)}, found {name_value(found)}"
        yield Fault(where=path, problem=problem)


# --- what must agree within a receipt -------------------------------------------------------------


def _contradictions(receipt: Receipt) -> Iterator[Fault]:
    for where, problem in _subject_problems(receipt.subject):
        yield Fault(where=f"{_RECEIPT}.subject.{where}", problem=problem)
    for place, curve in enumerate(receipt.curves):
        if not _is_digest(curve.weights_sha256):
            where = f"{_RECEIPT}.curves[{place}].weights_sha256"
            yield expected(where, "64 hex digits", curve.weights_sha256)
    if receipt.device not in ("gpu", "cpu"):
        yield expected(f"{_RECEIPT}.device", "gpu or cpu", receipt.device)
    if receipt.verified_at and not _TIME.fullmatch(receipt.verified_at):
        yield expected(f"{_RECEIPT}.verified_at", "a time in UTC", receipt.verified_at)
    yield from _check_contradictions(receipt)


def _subject_problems(subject: Subject) -> Iterator[tuple[str, str]]:
    if not subject.name:
        yield "name", "expected a name, found none"
    for key in ("lock_sha256", "pin_sha256", "tree_sha256", "content_sha256"):
        if not _is_digest(getattr(subject, key)):
            yield key, f"expected 64 hex digits, found {name_value(getattr(subject, key))}"


def _is_digest(text: str) -> bool:
    return not text or _SHA256.fullmatch(text) is not None


def _check_contradictions(receipt: Receipt) -> Iterator[Fault]:
    where = f"{_RECEIPT}.checks"
    if not receipt.checks:
        yield Fault(where=where, problem="expected at least one check, found none")
    seen: set[str] = set()
    for place, check in enumerate(receipt.checks):
        if not check.name or check.name in seen:
            problem = f"expected a name that no other check has, found {name_value(check.name)}"
            yield Fault(where=f"{where}[{place}].name", problem=problem)
        seen.add(check.name)
    if receipt.checks and receipt.verdict is not verdict_of(receipt.checks):
        counted = f"{len(receipt.failed)} failed and {len(receipt.not_run)} not run"
        problem = f"altered: `{receipt.verdict}` with {counted} of {len(receipt.checks)} checks"
        yield Fault(where=f"{_RECEIPT}.verdict", problem=problem)


def lock_digest(content: bytes) -> str:
    """Return what a receipt calls its lock: the sha256 of the lock's file."""
    return sha256(content).hexdigest()
