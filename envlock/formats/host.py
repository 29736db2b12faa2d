"""A machine as a JSON file: what `doctor --json` prints and `--host` reads back.

Reading is strict, since people edit such files: every fault is reported at once with its place, and
a key that means nothing here is refused and not skipped. A file holds the object of a host, or an
object with a host under `host`, as `doctor --json` prints it. No field is for a serial number, a
machine's name or a person's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

import msgspec

from envlock.errors import Fault, InputFileError
from envlock.formats.canonical import format_canonical
from envlock.model.host import Host, Numbering, ProblemLevel
from envlock.model.platform import Platform

VERSION = 1
LARGEST_HOST_BYTES = 1_000_000
"""No machine needs more: eight GPUs and their links have 2 kB."""
_OBSERVED = "this machine"
_LONGEST = 300
_MOST = 1024
_SHOWN = 60
_DOTTED = r"\d{1,6}(\.\d{1,6}){0,5}"
_UNNAMED_LINE = 0

Check = Callable[[str, Any], Iterator[Fault]]
"""Yields what is wrong with a value, by its key path."""


def describe_host(host: Host) -> Mapping[str, object]:
    """Return a host as plain data, the format's version first of all."""
    return {"version": VERSION, **msgspec.to_builtins(host)}


def format_host(host: Host) -> bytes:
    """Return the canonical text of a host."""
    return f"{format_canonical(describe_host(host))}\n".encode()


def read_host(content: bytes, file: str) -> Host:
    """Return the host that a file holds; raises `InputFileError` with every fault."""
    document = _parse(content, file)
    start = ""
    if isinstance(document, dict) and isinstance(document.get("host"), dict):
        document, start = document["host"], "host."
    faults = [
        Fault(
            where=_where(file, f"{start}{fault.where}"),
            problem=fault.problem,
            hint=fault.hint,
        )
        for fault in _host_faults(document)
    ]
    if faults:
        raise InputFileError(faults)
    fields = {key: value for key, value in document.items() if key != "version"}
    if fields.get("name", _OBSERVED) == _OBSERVED:
        fields["name"] = PurePath(file).stem  # a recorded machine is no longer this one
    return msgspec.convert(fields, Host)


def _where(file: str, key: str) -> str:
    return f"{file}: {key}" if key.strip(".") else file


def _parse(content: bytes, file: str) -> Any:
    def fault(problem: str, line: int = _UNNAMED_LINE, hint: str | None = None) -> InputFileError:
        where = f"{file}:{line}" if line else file
        return InputFileError([Fault(where=where, problem=problem, hint=hint)])

    hint = "`envlock doctor --json > host.json` records a machine"
    try:
        return json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError:
        raise fault("expected JSON in UTF-8, found other bytes", hint=hint) from None
    except json.JSONDecodeError as error:
        raise fault(f"expected JSON: {error.msg}", error.lineno, hint) from None
    except RecursionError:
        raise fault("expected the object of a host, found deep nesting", hint=hint) from None
    except ValueError as error:  # our own hooks, and numbers of thousands of digits
        raise fault(f"expected JSON: {error}", hint=hint) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"the key {twice[:_LONGEST]!a} stands twice in one object")
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


# --- what each key may hold -----------------------------------------------------------------------


def _host_faults(document: Any) -> Iterator[Fault]:
    if not isinstance(document, dict):
        yield _expected("", "the object of a host", document)
        return
    if "version" not in document:
        hint = f'`envlock doctor --json` writes it; this format is `"version": {VERSION}`'
        yield Fault(where="version", problem="expected the format's version, found none", hint=hint)
    elif document["version"] != VERSION or isinstance(document["version"], bool):
        yield _expected("version", str(VERSION), document["version"])
        return
    yield from _object(_HOST, ("platform",))("", document)


def _object(known: Mapping[str, Check], required: tuple[str, ...]) -> Check:
    def check(path: str, value: Any) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield _expected(path, "an object", value)
            return
        for key in value:
            place = f"{path}.{key}".lstrip(".") if key.isprintable() else path
            if key in known:
                yield from known[key](place, value[key])
            else:
                near = get_close_matches(key, known, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
                yield Fault(where=place[:_LONGEST], problem="unknown key", hint=hint)
        for key in required:
            if key not in value:
                where = f"{path}.{key}".lstrip(".")
                yield Fault(where=where, problem="expected this key, found none")

    return check


def _array(of: Check) -> Check:
    def check(path: str, value: Any) -> Iterator[Fault]:
        if not isinstance(value, list) or len(value) > _MOST:
            yield _expected(path, f"an array of at most {_MOST:,} entries", value)
            return
        for place, item in enumerate(value):
            yield from of(f"{path}[{place}]", item)

    return check


def _text(path: str, value: Any) -> Iterator[Fault]:
    if not (isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()):
        yield _expected(path, f"a string of 1 to {_LONGEST} printable characters", value)


def _dotted(example: str) -> Check:
    def check(path: str, value: Any) -> Iterator[Fault]:
        if not (isinstance(value, str) and re.fullmatch(_DOTTED, value, re.ASCII)):
            yield _expected(path, f"a version such as {example!r}".replace("'", '"'), value)

    return check


def _pair(path: str, value: Any) -> Iterator[Fault]:
    if not (isinstance(value, str) and re.fullmatch(r"\d{1,3}\.\d{1,3}", value, re.ASCII)):
        yield _expected(path, 'two numbers such as "9.0"', value)


def _one_of(*names: str) -> Check:
    def check(path: str, value: Any) -> Iterator[Fault]:
        if value not in names:
            yield _expected(path, f"one of {', '.join(names)}", value)

    return check


def _flag(path: str, value: Any) -> Iterator[Fault]:
    if not isinstance(value, bool):
        yield _expected(path, "true or false", value)


def _number(path: str, value: Any) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        yield _expected(path, "a whole number", value)


def _or_null(check: Check) -> Check:
    def checked(path: str, value: Any) -> Iterator[Fault]:
        if value is not None:
            yield from check(path, value)

    return checked


def _anything(path: str, value: Any) -> Iterator[Fault]:
    """Leave a key to its own check."""
    del path, value
    yield from ()


_GPU: Mapping[str, Check] = MappingProxyType(
    {
        "name": _text,
        "compute": _or_null(_pair),
        "memory_bytes": _or_null(_number),
        "mig": _flag,
        "mig_profiles": _array(_text),
        "compute_mode": _or_null(
            _one_of("default", "exclusive-thread", "exclusive-process", "prohibited")
        ),
        "nvlinks": _or_null(_number),
    }
)
_PROBLEM: Mapping[str, Check] = MappingProxyType(
    {"code": _text, "level": _one_of(*ProblemLevel), "message": _text, "hint": _text}
)
_HOST: Mapping[str, Check] = MappingProxyType(
    {
        "version": _anything,
        "name": _text,
        "platform": _one_of(*Platform),
        "driver": _or_null(_dotted("535.183.06")),
        "numbering": _one_of(*Numbering),
        "driver_cuda": _or_null(_pair),
        "gpus": _array(_object(_GPU, ("name",))),
        "glibc": _or_null(_dotted("2.35")),
        "macos": _or_null(_dotted("14.5")),
        "kernel": _or_null(_text),
        "wsl": _flag,
        "container": _or_null(_text),
        "library_path": _array(_text),
        "problems": _array(_object(_PROBLEM, ("code", "level", "message"))),
    }
)


def _expected(path: str, what: str, found: Any) -> Fault:
    return Fault(where=path, problem=f"expected {what}, found {_name(found)}")


def _name(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}" if abs(value) < 10**12 else "a large number"
        case str():
            return (
                f"`{value}`"
                if value.isprintable() and 0 < len(value) <= _SHOWN
                else "another string"
            )
        case list():
            return f"an array of {len(value):,}" if len(value) > _MOST else "an array"
        case _:
            return "an object"
