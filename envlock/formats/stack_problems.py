"""Everything in a document that the schema does not allow, all at once and in plain words.

msgspec stops at the first fault, so a document that it refuses is walked once more against the
same classes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import cast

from msgspec import inspect

from envlock.errors import Fault
from envlock.formats.stack_lines import Places
from envlock.formats.stack_schema import StackFile
from envlock.formats.stack_words import (
    Path,
    WrittenFloat,
    closest,
    listed_words,
    quote,
    show_key,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that the schema does not allow, with the place still as a path."""

    path: Path
    text: str
    hint: str | None = None


def faults_of(problems: Iterable[Problem], places: Places) -> list[Fault]:
    """Return problems as faults, in the order of the file."""
    ordered = sorted(problems, key=lambda item: (places.line(item.path), show_key(item.path)))
    return [
        Fault(where=places.name(item.path), problem=item.text, hint=item.hint) for item in ordered
    ]


def find_problems(
    document: Mapping[str, object], schema: type = StackFile, path: Path = ()
) -> list[Problem]:
    """Return everything that the schema does not allow, in the order of the schema.

    `path` is where the document stands in its file, when it is a table of another one.
    """
    return list(_in_struct(_type_of(schema), document, path))


_LONG = 10**100


@cache
def _type_of(schema: type) -> inspect.StructType:
    return cast("inspect.StructType", inspect.type_info(schema))


def _in_value(kind: inspect.Type, value: object, path: Path) -> Iterator[Problem]:
    match kind:
        case inspect.Metadata(type=inner, extra=extra) if extra and isinstance(value, str):
            yield from _in_text(inner, value, path, str(extra["expected"]))
        case inspect.Metadata(type=inner):
            yield from _in_value(inner, value, path)
        case inspect.UnionType(types=types):
            yield from _in_union(types, value, path)
        case inspect.StructType() if isinstance(value, dict):
            yield from _in_struct(kind, value, path)
        case inspect.DictType() if isinstance(value, dict):
            yield from _in_dict(kind, value, path)
        case inspect.ListType() if isinstance(value, list):
            yield from _in_list(kind, value, path)
        case inspect.EnumType(cls=enum) if isinstance(value, str):
            yield from _in_enum(enum, value, path)
        case _:
            yield from _in_scalar(kind, value, path)


def _in_scalar(kind: inspect.Type, value: object, path: Path) -> Iterator[Problem]:
    match kind:
        case inspect.IntType() if isinstance(value, int) and not isinstance(value, bool):
            yield from _in_integer(kind, value, path)
        case inspect.DateType() if isinstance(value, str):
            yield from _in_date(value, path)
        case inspect.DateType() if isinstance(value, date) and not isinstance(value, datetime):
            return
        case inspect.BoolType() if isinstance(value, bool):
            return
        case _:
            yield _wrong_type(kind, value, path)


def _in_text(kind: inspect.Type, value: str, path: Path, expected: str) -> Iterator[Problem]:
    pattern = kind.pattern if isinstance(kind, inspect.StrType) else None
    if pattern and not re.search(pattern, value):
        lower = value.lower()
        hint = f"write it in lower case: {quote(lower)}" if re.search(pattern, lower) else None
        yield Problem(path=path, text=f"expected {expected}, found {quote(value)}", hint=hint)


def _in_union(types: Sequence[inspect.Type], value: object, path: Path) -> Iterator[Problem]:
    wants_table = isinstance(value, dict)
    for kind in types:
        if isinstance(kind, inspect.StructType) == wants_table and isinstance(value, (str, dict)):
            yield from _in_value(kind, value, path)
            return
    yield _wrong_type(inspect.UnionType(tuple(types)), value, path)


def _in_struct(
    kind: inspect.StructType, value: Mapping[str, object], path: Path
) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in kind.fields}
    for name, field in fields.items():
        if name in value:
            yield from _in_value(field.type, value[name], (*path, name))
        elif field.required:
            yield _missing(field, path)
    for name in value:
        if name not in fields:
            yield _unknown(name, list(fields), path)


def _in_dict(kind: inspect.DictType, value: Mapping[str, object], path: Path) -> Iterator[Problem]:
    for name, item in value.items():
        place = (*path, name)
        faults = list(_in_value(kind.key_type, name, place))
        yield from faults
        if not faults:
            yield from _in_value(kind.value_type, item, place)


def _in_list(kind: inspect.ListType, value: Sequence[object], path: Path) -> Iterator[Problem]:
    if len(value) < (kind.min_length or 0):
        yield Problem(path=path, text="expected at least one entry, found an empty array")
    for position, item in enumerate(value):
        yield from _in_value(kind.item_type, item, (*path, position))


def _in_enum(enum: type[Enum], value: str, path: Path) -> Iterator[Problem]:
    known = [str(item.value) for item in enum]
    if value not in known:
        near = closest(value, known)
        yield Problem(
            path=path,
            text=f"expected {listed_words(known, 'or')}, found {quote(value)}",
            hint=f"did you mean `{near}`?" if near else None,
        )


def _in_integer(kind: inspect.IntType, value: int, path: Path) -> Iterator[Problem]:
    low, high = kind.ge, kind.le
    if (low is not None and value < low) or (high is not None and value > high):
        text = f"expected an integer from {low} to {high}, found {_written(value)}"
        yield Problem(path=path, text=text)


def _in_date(value: str, path: Path) -> Iterator[Problem]:
    try:
        is_day = bool(_DAY.fullmatch(value)) and bool(date.fromisoformat(value))
    except ValueError:
        is_day = False
    if not is_day:
        yield Problem(path=path, text=f"expected a day such as 2027-01-31, found {quote(value)}")


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _missing(field: inspect.Field, path: Path) -> Problem:
    name = field.encode_name
    inner = _bare(field.type)
    if isinstance(inner, inspect.StructType):
        needed = [item for item in inner.fields if item.required]
        lines = " and ".join(f"`{item.encode_name} = {_example(item.type)}`" for item in needed)
        hint = f"add `[{name}]` with {lines}"
        return Problem(path=(*path, name), text="this table is missing", hint=hint)
    hint = f"add `{name} = {_example(field.type)}` to [{show_key(path)}]"
    return Problem(path=(*path, name), text="this key is missing", hint=hint)


def _example(kind: inspect.Type) -> str:
    """Return an example as TOML; JSON's strings and arrays are TOML's too."""
    while isinstance(kind, inspect.Metadata):
        examples = (kind.extra_json_schema or {}).get("examples")
        if examples:
            return json.dumps(examples[0])
        kind = kind.type
    return "…"


def _unknown(name: str, known: Sequence[str], path: Path) -> Problem:
    return Problem(path=(*path, name), text="unknown key", hint=_unknown_hint(name, known, path))


def _unknown_hint(name: str, known: Sequence[str], path: Path) -> str:
    tables = _tables()
    homes = [table for table, keys in tables.items() if name in keys]
    if path and name in tables and path[:1] != ("tool",):
        return f"`{name}` is a table of its own: `[{name}]`"
    if len(homes) == 1 and homes != ["python"] and path[:1] != ("tool",):
        return f"`{name}` belongs into [{homes[0]}]"
    near = closest(name, known)
    if near:
        return f"did you mean `{show_key((*path, near))}`?"
    place = f"[{show_key(path)}]" if path else "a stack"
    hint = f"{place} knows {listed_words(known, 'and')}"
    if path[-1:] == ("frameworks",):
        hint += "; any other package belongs into [dependencies]"
    return hint


@cache
def _tables() -> Mapping[str, frozenset[str]]:
    """Return the keys of every table, so that a key in the wrong one can be sent home."""
    tables = {}
    for field in _type_of(StackFile).fields:
        inner = _bare(field.type)
        keys = inner.fields if isinstance(inner, inspect.StructType) else ()
        tables[field.encode_name] = frozenset(item.encode_name for item in keys)
    return tables


def _bare(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _wrong_type(kind: inspect.Type, value: object, path: Path) -> Problem:
    return Problem(
        path=path,
        text=f"expected {_name_type(kind)}, found {_describe(value)}",
        hint=_type_hint(kind, value, path),
    )


_PLAIN_NAMES: Sequence[tuple[type[inspect.Type] | tuple[type[inspect.Type], ...], str]] = (
    ((inspect.StrType, inspect.EnumType), "a string"),
    (inspect.DateType, "a day such as 2027-01-31"),
    (inspect.IntType, "an integer"),
    (inspect.BoolType, "true or false"),
)


def _name_type(kind: inspect.Type) -> str:
    match _bare(kind):
        case inspect.UnionType(types=types):
            return " or ".join(_name_type(item) for item in types)
        case inspect.ListType(item_type=item) if isinstance(_bare(item), inspect.StructType):
            return "an array of tables"
        case inspect.ListType():
            return "an array"
        case bare:
            names = (name for kinds, name in _PLAIN_NAMES if isinstance(bare, kinds))
            return next(names, "a table")


def _describe(value: object) -> str:
    match value:
        case bool():
            found = f"the boolean {str(value).lower()}"
        case int() | float():
            found = f"the {'float' if isinstance(value, float) else 'integer'} {_written(value)}"
        case str():
            found = f"the string {quote(value)}"
        case list():
            found = "an array"
        case dict():
            found = "a table"
        case _:
            found = f"the date or time {value}"
    return found


def _written(value: object) -> str:
    if isinstance(value, WrittenFloat):
        return value.text
    # Python refuses to print an integer of thousands of digits; hexadecimal ones can get here.
    return hex(value) if isinstance(value, int) and abs(value) > _LONG else str(value)


def _type_hint(kind: inspect.Type, value: object, path: Path) -> str | None:
    wanted = _name_type(kind)
    key = path[-1] if path else ""
    assign = "" if isinstance(key, int) else f"{show_key((key,))} = "
    if wanted.startswith("a string") and isinstance(value, (int, float)):
        text = "true" if value is True else "false" if value is False else _written(value)
        return None if isinstance(value, bool) else f'quote it: `{assign}"{text}"`'
    if wanted == "an array" and isinstance(value, str):
        return f"put it in brackets: `{assign}[{json.dumps(quote(value)[1:-1])}]`"
    return _table_hint(kind, value, path) if "table" in wanted else None


def _table_hint(kind: inspect.Type, value: object, path: Path) -> str | None:
    bare = _bare(kind)
    if isinstance(bare, inspect.ListType):
        if isinstance(value, dict):
            return f"write the header with two brackets: `[[{show_key(path)}]]`"
        return _row_hint(bare.item_type, value, path)
    if path and isinstance(path[-1], int):
        return _row_hint(kind, value, path[:-1])
    return f"write it as a table: `[{show_key(path)}]`" if _name_type(kind) == "a table" else None


def _row_hint(kind: inspect.Type, value: object, array: Path) -> str:
    """Return how an entry of an array of tables is written; a word stands for its first key."""
    bare = _bare(kind)
    fields = bare.fields if isinstance(bare, inspect.StructType) else ()
    lines = [f"{item.encode_name} = {_example(item.type)}" for item in fields if item.required]
    if isinstance(value, str) and lines:
        lines[0] = f"{lines[0].partition(' = ')[0]} = {json.dumps(quote(value)[1:-1])}"
    needed = " and ".join(f"`{line}`" for line in lines)
    why = _WHY.get(array[-1:], "each is a table of its own")
    return f"{why}: write `[[{show_key(array)}]]` with {needed}"


_WHY: Mapping[Path, str] = {("ignore",): "an exception needs a reason"}
"""Why an entry is a table, where that is not plain."""
