"""The findings that a project knows already: canonical JSON, ordered, without lines.

A finding is known by its rule, file, subject and message; files are named from the baseline's
folder on. So a baseline stays as it is when lines move, and can be read in a review.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from envlock.errors import Fault, InputFileError
from envlock.formats.audit_json import plain_known
from envlock.formats.strict_json import parse_json
from envlock.formats.typed import expected, find_faults
from envlock.model.finding import Known

LARGEST_BYTES = 20_000_000
"""No baseline is larger; callers pass it as the limit when they read the file."""
_VERSION = 1
_MOST_FAULTS = 20
_HINT = "write it anew: `envlock audit PATH… --baseline FILE --write-baseline`"


def format_baseline(known: Iterable[Known]) -> bytes:
    """Return the file: one finding on a line, ordered, each once."""
    ordered = sorted(set(known), key=lambda each: each.order)
    rows = ",\n".join(
        f"  {json.dumps(plain_known(each), ensure_ascii=False, sort_keys=True)}" for each in ordered
    )
    body = f"[\n{rows}\n ]" if rows else "[]"
    return f'{{"findings": {body},\n "version": {_VERSION}}}\n'.encode(errors="backslashreplace")


def read_baseline(content: bytes, file: str) -> tuple[Known, ...]:
    """Return what a baseline knows. Raises `InputFileError` with the faults of the file."""
    value, faults = parse_json(content, file)
    if not faults:
        faults = tuple(_faults(value, file))
    if faults:
        raise InputFileError([*faults[:_MOST_FAULTS], *_more(faults, file)])
    return tuple(Known(**row) for row in value["findings"])


def _faults(value: Any, file: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield _at(file, expected("", "a baseline, which is an object", value))
        return
    version = value.get("version")
    if version != _VERSION or isinstance(version, bool):
        yield _at(file, expected("version", f"the number {_VERSION}", version))
    rows = value.get("findings")
    if not isinstance(rows, list):
        yield _at(file, expected("findings", "an array", rows))
        return
    for key in value.keys() - {"version", "findings"}:
        yield _at(file, Fault(where=ascii(key)[1:-1], problem="unknown key"))
    for number, row in enumerate(rows):
        for fault in find_faults(row, Known, f"findings[{number}]"):
            yield _at(file, fault)


def _at(file: str, fault: Fault) -> Fault:
    where = f"{file}: {fault.where}" if fault.where else file
    return Fault(where=where, problem=fault.problem, hint=fault.hint or _HINT)


def _more(faults: tuple[Fault, ...], file: str) -> Iterator[Fault]:
    if len(faults) > _MOST_FAULTS:
        yield Fault(where=file, problem=f"{len(faults) - _MOST_FAULTS:,} more faults of this kind")
