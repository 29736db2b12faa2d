"""Plain data held against the typed schema that it is to become: every fault, with its key path.

`msgspec.convert` stops at the first fault and skips unknown keys of its own accord; a file that
people or attackers may have edited deserves all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from envlock.errors import Fault

Built = TypeVar("Built")
_LARGEST = 2**63
_SHOWN = 80
"""Enough for a digest."""
_LONGEST_KEY = 200


def find_faults(value: Any, schema: type, path: str = "") -> Iterator[Fault]:
    """Yield all that keeps plain data from being a value of a Struct.

    Numbers are as canonical JSON has them: one of type `float` is written with its point or
    exponent. Inside an array or a table `null` stands for a number that is not finite.
    """
    yield from _faults(path, value, _type_of(schema))


@cache
def _type_of(schema: type) -> inspect.Type:
    return inspect.type_info(schema)


def _faults(path: str, value: Any, kind: inspect.Type) -> Iterator[Fault]:
    match kind:
        case inspect.StructType():
            yield from _struct_faults(path, value, kind)
        case inspect.UnionType():
            yield from _union_faults(path, value, kind)
        case inspect.VarTupleType() | inspect.DictType():
            yield from _entries_faults(path, value, kind)
        case inspect.EnumType(cls=names):
            known = [str(each.value) for each in names]
            if not (isinstance(value, str) and value in known):
                yield expected(path, f"one of {', '.join(known)}", value)
        case _:
            yield from _scalar_faults(path, value, kind)


def _scalar_faults(path: str, value: Any, kind: inspect.Type) -> Iterator[Fault]:
    match kind:
        case inspect.StrType():
            if not isinstance(value, str) or not _is_text(value):
                yield expected(path, "a string", value)
        case inspect.BoolType():
            if not isinstance(value, bool):
                yield expected(path, "true or false", value)
        case inspect.IntType():
            if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _LARGEST:
                yield expected(path, "a whole number of at most 63 bits", value)
        case inspect.FloatType():
            if not isinstance(value, float) or value - value != 0:
                yield expected(path, "a finite number with its point, such as 1.0", value)
        case _:
            raise TypeError(f"no rule for {kind}")


def _entries_faults(
    path: str, value: Any, kind: inspect.VarTupleType | inspect.DictType
) -> Iterator[Fault]:
    entries: list[tuple[str, Any]]
    if isinstance(kind, inspect.DictType):
        if not isinstance(value, dict):
            yield expected(path, "an object", value)
            return
        if not all(map(_is_text, value)):
            yield Fault(where=path, problem="expected keys that are text, found half characters")
            return
        of, entries = kind.value_type, [(_join(path, key), value[key]) for key in value]
    else:
        if not isinstance(value, list):
            yield expected(path, "an array", value)
            return
        of, entries = kind.item_type, [(f"{path}[{n}]", each) for n, each in enumerate(value)]
    for place, each in entries:
        if each is not None or not isinstance(of, inspect.FloatType):
            yield from _faults(place, each, of)


def _struct_faults(path: str, value: Any, kind: inspect.StructType) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield expected(path, "an object", value)
        return
    known = {field.encode_name: field for field in kind.fields}
    for key, each in value.items():
        if key in known:
            yield from _faults(_join(path, key), each, known[key].type)
        elif key != kind.tag_field:
            near = get_close_matches(key[:_LONGEST_KEY], known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else None
            yield Fault(where=_join(path, key), problem="unknown key", hint=hint)
    for name, field in known.items():
        if field.required and name not in value:
            yield Fault(where=_join(path, name), problem="expected this key, found none")


def _union_faults(path: str, value: Any, kind: inspect.UnionType) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield expected(path, "an object", value)
        return
    kinds = [each for each in kind.types if isinstance(each, inspect.StructType)]
    field = next(str(each.tag_field) for each in kinds)
    tags: Mapping[Any, inspect.StructType] = {each.tag: each for each in kinds}
    tag = value.get(field)
    if not isinstance(tag, str) or tag not in tags:
        names = ", ".join(sorted(map(str, tags)))
        yield expected(_join(path, field), f"one of {names}", tag)
        return
    yield from _struct_faults(path, value, tags[tag])


def convert(value: Any, schema: type[Built]) -> Built:
    """Return plain data without faults as a value of a Struct; each `null` becomes NaN."""
    return msgspec.convert(_with_nan(value), schema)


def _with_nan(value: Any) -> Any:
    match value:
        case dict():
            return {key: _with_nan(each) for key, each in value.items()}
        case list():
            return [_with_nan(each) for each in value]
        case None:
            return float("nan")
        case _:
            return value


def expected(path: str, what: str, found: Any) -> Fault:
    """Return the fault of a value that is something else than what was expected."""
    return Fault(where=path, problem=f"expected {what}, found {name_value(found)}")


def name_value(value: Any) -> str:
    """Return a value of JSON in a few words."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}" if abs(value) < 10**12 else "a large number"
        case str():
            is_short = value.isprintable() and 0 < len(value) <= _SHOWN
            return f"`{value}`" if is_short else "another string" if value else "an empty string"
        case list():
            return f"an array of {len(value):,}"
        case _:
            return "an object"


def _join(path: str, key: str) -> str:
    shown = key if key.isprintable() and len(key) <= _LONGEST_KEY else ascii(key[:_LONGEST_KEY])
    return f"{path}.{shown}".lstrip(".")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which no UTF-8 can hold
        return False
    return True
