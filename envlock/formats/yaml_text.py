"""YAML in which every scalar is the text that it is: the reading that all others are held to.

Lock files hold versions and hashes without quotes, and YAML would take `3.10` for a number. Only
null stays null. Tags say nothing here, merge keys are resolved, and where a key stands twice the
last one counts. PyYAML does the parsing, in C where it can.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

DEEPEST = 100
"""No lock nests deeper than ten; parsers recurse, and some of them without a limit."""
MOST_REPEATED = 100_000
"""How many values aliases may repeat: a bomb of nine lines holds thousands of millions."""

_NULLS = frozenset(["", "~", "null", "Null", "NULL"])
_STEPS = re.compile(rf"^[ \t?:-]{{{DEEPEST}}}", re.MULTILINE)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


class YamlError(ValueError):
    """What stands there is no YAML, or not what a lock may hold."""

    def __init__(self, said: str, line: int = 0) -> None:
        super().__init__(said)
        self.said = said
        self.line = line
        """1-based; 0 where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A document: tables, lists, texts and None."""

    root: Any
    item_lines: Mapping[str, list[int]] = field(default_factory=dict)
    """By the keys of the root that hold lists: the line of each item."""
    repeated: tuple[tuple[str, int], ...] = ()
    """The keys that stand twice in one table, with the line of the later one."""


def decode(content: bytes) -> str:
    """Return the text of a YAML file, UTF-8 or UTF-16. Raises `YamlError`."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError(f"the bytes of line {line} are no text", line) from None


def is_too_deep(text: str) -> bool:
    """Say whether a text may nest deeper than `DEEPEST` in blocks, or in brackets."""
    if _STEPS.search(text):
        return True
    brackets = text.encode(errors="replace").translate(None, _NOT_BRACKETS)
    for _ in range(DEEPEST):
        outer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(outer) == len(brackets):
            return len(brackets) > DEEPEST
        brackets = outer
    return bool(brackets)


def parse(text: str, first_line: int = 1) -> Texts:
    """Return one document; lines count from `first_line`. Raises `YamlError`."""
    import yaml  # noqa: PLC0415 - a lock of ours is read without it

    if is_too_deep(text):
        raise YamlError(f"found values nested more than {DEEPEST} deep")
    try:
        node: Any = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ": ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(said, mark.line + first_line if mark else 0) from None
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split())) from None
    if node is None:
        return Texts(root=None)
    builder = _Builder(first_line)
    root = builder.build(node)
    return Texts(
        root=root,
        item_lines=dict(_item_lines(node, first_line)),
        repeated=tuple(builder.repeated),
    )


@cache
def _loader() -> type[Any]:
    """Return a loader that tells null from text, and nothing else apart."""
    import yaml  # noqa: PLC0415 - as above

    base: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def resolve(_: object, kind: type, value: str, implicit: tuple[bool, bool]) -> str:
        is_null = kind is yaml.ScalarNode and implicit[0] and value in _NULLS
        return "null" if is_null else "text"

    def do_nothing(*_: object) -> None:
        """Paths do not matter."""

    methods = {
        "resolve": resolve,
        "descend_resolver": do_nothing,
        "ascend_resolver": do_nothing,
    }
    return type("_TextLoader", (base,), methods)


class _Builder:
    """Turns nodes into values; an alias becomes the value that it names, not a copy."""

    def __init__(self, first_line: int) -> None:
        import yaml  # noqa: PLC0415 - as above

        self._scalar, self._list = yaml.ScalarNode, yaml.SequenceNode
        self._first_line = first_line
        self._done: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()
        self._total = 0
        self._from_aliases = 0
        self.repeated: list[tuple[str, int]] = []

    def build(self, node: Any) -> Any:
        self._total += 1
        if isinstance(node, self._scalar):
            return None if node.tag == "null" else node.value
        key = id(node)
        if key in self._done:
            return self._again(*self._done[key])
        if key in self._open:
            raise YamlError("an alias names what it stands in", self._line(node))
        self._open.add(key)
        before = self._total
        value: Any
        if isinstance(node, self._list):
            value = [self.build(item) for item in node.value]
        else:
            value = self._table(node)
        self._open.remove(key)
        self._done[key] = (value, self._total - before)
        return value

    def _again(self, value: Any, size: int) -> Any:
        self._total += size
        self._from_aliases += size
        if self._from_aliases > MOST_REPEATED:
            raise YamlError(f"aliases repeat more than {MOST_REPEATED:,} values")
        return value

    def _table(self, node: Any) -> dict[str, Any]:
        table: dict[str, Any] = {}
        merged: list[Any] = []
        for key, item in node.value:
            if not isinstance(key, self._scalar):
                raise YamlError("a key is a table or a list", self._line(key))
            value = self.build(item)
            if key.value == "<<" and key.style not in ("'", '"'):
                merged.extend(value if isinstance(value, list) else [value])
                continue
            if key.value in table:
                self.repeated.append((key.value, self._line(key)))
            table[key.value] = value
        for other in merged:
            if not isinstance(other, dict):
                raise YamlError("a merge key names what is no table", self._line(node))
            table.update({key: value for key, value in other.items() if key not in table})
        return table

    def _line(self, node: Any) -> int:
        return int(node.start_mark.line) + self._first_line


def _item_lines(root: Any, first_line: int) -> Iterable[tuple[str, list[int]]]:
    import yaml  # noqa: PLC0415 - as above

    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if isinstance(value, yaml.SequenceNode):
            lines = [item.start_mark.line + first_line for item in value.value]
            yield str(key.value), lines
