"""One key of a TOML text written or removed with tomlkit, and not a byte besides.

tomlkit parses, holds and prints the document; in its tree (`Container.body`) everything stands in
the order of the file. The edits are made in that tree and not through tomlkit's dictionaries, for
those (0.15.2) put a new key below the comment that belongs to the next table (`_Section.end`),
write LF into CRLF files (`_Section.ending`), add a last line break (`_edit`), drop the comments
below a table that they remove (`_take_out_header`), leave blanks behind in inline tables
(`_cut_entries`), and have no `remove` for dotted keys. What is new is parsed from its own text, so
it looks as that text does. tomlkit's own index of keys is stale then: each edit parses anew.

Importing tomlkit takes 25 ms: this module is imported when an edit is made, and not before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Comment, InlineTable, Item, Key, Table, Whitespace

from envlock.formats.stack_words import Path, format_key

Body: TypeAlias = list[tuple[Key | None, Item]]
"""What a document, a table or an inline table is made of, in order: keys, comments, blanks."""

_ORDER = (
    "stack",
    "python",
    "gpu",
    "fleet",
    "frameworks",
    "dependencies",
    "pypi-dependencies",
    "pypi-index",
    "target",
    "recipe",
    "artifacts",
    "build",
    "verify",
    "audit",
)
_MADE = {
    "frameworks": "envlock knows their GPU builds and checks",
    "dependencies": "conda match specs",
    "pypi-dependencies": "PEP 508 requirements, wheels only",
}
"""The comment in the header of a table that an edit made, and that removing may take back."""


class UneditableError(ValueError):
    """tomlkit would not give the rest of this text back as it is."""


class Edit(NamedTuple):
    """A text after an edit."""

    text: str = ""
    added: str = ""
    """TOML that came in, with its comments."""
    removed: str = ""
    """TOML that went, with its comments."""


def write_key(text: str, path: Path, value: str) -> Edit:
    """Set a key to a value, both as TOML; a key that is not there goes to the end of its table.

    Raises `UneditableError`.
    """
    return _edit(text, lambda document: _write(document, path, value))


def remove_key(text: str, path: Path) -> Edit:
    """Remove all that a key is written with; comments that have a line for themselves stay.

    A table that `write_key` had to make, known by the comment in its header, goes when it is empty
    again. Raises `UneditableError`.
    """
    return _edit(text, lambda document: _remove(document, path))


def _edit(text: str, change: Callable[[Body], Edit]) -> Edit:
    """Parse, change, print.

    tomlkit adds a line break behind a last line that has none as soon as a key follows it, so such
    a text gets one before, and loses one afterwards.
    """
    ending = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
    is_whole = text.endswith("\n")
    whole = text if is_whole else text + ending
    try:
        document = tomlkit.parse(whole)
        if tomlkit.dumps(document) != whole:  # it joins an array of tables that stands in pieces
            raise UneditableError
        edit = change(document.body)
        edited = tomlkit.dumps(document)
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise UneditableError from error
    return edit._replace(text=edited if is_whole else edited.removesuffix(ending))


# --- the tree -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Section:
    """The lines between two headers; the first section stands before all headers."""

    path: Path
    body: Body
    header: Table | None
    around: Body
    """The body that the header stands in."""
    is_last: bool = False

    @property
    def lines(self) -> list[_Line]:
        return _lines(self.body, self.path)

    @property
    def end(self) -> int:
        """Where a new line goes in the body: below the last line, above comments after it.

        tomlkit would put it at the end of the body, where a comment speaks of the next table.
        """
        lines = self.lines
        return lines[-1].at + 1 if lines else self._below_comments()

    def _below_comments(self) -> int:
        """Return the place below the comments of an empty table.

        They are its own when a blank line or the end of the file follows them, and not the next
        header.
        """
        comments = list(itertools.takewhile(lambda pair: isinstance(pair[1], Comment), self.body))
        at = len(comments)
        is_own = isinstance(self.body[at][1], Whitespace) if self.body[at:] else self.is_last
        return at if is_own else 0

    @property
    def ending(self) -> str:
        """The line break for a new line, as the line above has it; tomlkit would write LF."""
        lines = self.lines
        above = lines[-1].item if lines else self.header
        return above.trivia.trail if above is not None else "\n"

    @property
    def indent(self) -> str:
        """The blanks before a new line."""
        lines = self.lines
        return lines[-1].item.trivia.indent if lines else ""

    def has(self, path: Path) -> bool:
        """Say whether a key, or anything inside it, is written here."""
        paths = [self.path, *(line.path for line in self.lines)]
        return any(item[: len(path)] == path for item in paths)

    def insert(self, text: str) -> None:
        """Write TOML below the last line."""
        self.body[self.end : self.end] = tomlkit.parse(text).body


@dataclass(frozen=True, slots=True)
class _Line:
    """A `key = value` line of a section, or an entry of an inline table."""

    path: Path
    body: Body
    at: int
    """Its position in the body."""
    home: Body
    """Where the value is: in the body, or in the innermost of the tables of a dotted key."""
    place: int

    @property
    def item(self) -> Item:
        return self.home[self.place][1]

    @property
    def text(self) -> str:
        """TOML with the comments that the line has."""
        return f"key = {self.item.as_string()} {self.item.trivia.comment}\n"


def _all_sections(document: Body) -> list[_Section]:
    """Return the sections in the order of the file; the first stands before all headers."""
    sections = list(_sections(document, (), None, document))
    return [*sections[:-1], replace(sections[-1], is_last=True)]


def _sections(body: Body, path: Path, header: Table | None, around: Body) -> Iterator[_Section]:
    """Yield a section and those inside it."""
    if header is not None or not path:  # an empty table is false
        yield _Section(path, body, header, around)
    for key, item in body:
        if key is not None and isinstance(item, AoT):
            for at, table in enumerate(item.body):
                yield from _sections(table.value.body, (*path, key.key, at), table, body)
        elif key is not None and isinstance(item, Table) and not key.is_dotted():
            own = None if item.is_super_table() else item  # `[a.b]` implies `a`, without a header
            yield from _sections(item.value.body, (*path, key.key), own, body)


def _lines(body: Body, path: Path) -> list[_Line]:
    lines = []
    for at, (key, item) in enumerate(body):
        if key is None or (isinstance(item, (Table, AoT)) and not key.is_dotted()):
            continue
        full, home, place, value = (*path, key.key), body, at, item
        while isinstance(value, Table):  # each part of a dotted key but the last is a table
            home, place = value.value.body, 0
            inner, value = home[0]
            full = (*full, inner.key if inner else "")
        lines.append(_Line(full, body, at, home, place))
    return lines


def _find(lines: Sequence[_Line], path: Path) -> _Line | None:
    """Return the line, or the entry of an inline table, that gives a key its value."""
    for line in lines:
        if line.path == path:
            return line
        if isinstance(line.item, InlineTable) and path[: len(line.path)] == line.path:
            return _find(_lines(line.item.value.body, line.path), path)
    return None


def _inline_around(lines: Sequence[_Line], path: Path) -> tuple[Path, Body] | None:
    """Return the innermost inline table that a key is in, or would have to be in."""
    for size in range(len(path) - 1, 0, -1):
        line = _find(lines, path[:size])
        if line and isinstance(line.item, InlineTable):
            return line.path, line.item.value.body
    return None


# --- writing ------------------------------------------------------------------------------------


def _write(document: Body, path: Path, value: str) -> Edit:
    sections = _all_sections(document)
    lines = [line for section in sections for line in section.lines]
    line = _find(lines, path)
    inline = _inline_around(lines, path)
    section = _section_for(sections, path[:-1])
    if line:
        _replace(line, value)
    elif inline:
        table, body = inline
        _append_entry(body, f"{format_key(path[len(table) :])} = {value}")
    elif section:
        key = format_key(path[len(section.path) :])
        section.insert(f"{section.indent}{key} = {value}{section.ending}")
    else:
        return _make_table(sections, path, value)
    return Edit()


def _replace(line: _Line, value: str) -> None:
    """Put a value in another's place, with the comment and the blanks around that one."""
    key, old = line.home[line.place]
    new = tomlkit.value(value)
    new.trivia.indent = old.trivia.indent
    new.trivia.comment_ws = old.trivia.comment_ws
    new.trivia.comment = old.trivia.comment
    new.trivia.trail = old.trivia.trail
    line.home[line.place] = (key, new)


def _append_entry(body: Body, entry: str) -> None:
    """Write `, key = value` behind the last entry of an inline table.

    tomlkit would leave out the blank between it and the closing brace.
    """
    new = cast("InlineTable", tomlkit.value(f"{{{entry}}}")).value.body
    lines = _lines(body, ())
    if lines:
        end = lines[-1].at + 1
        body[end:end] = [(None, tomlkit.ws(", ")), *new]
    else:
        body[:] = [*body, *new, *body]  # `{ }` becomes `{ key = value }`


def _section_for(sections: Sequence[_Section], table: Path) -> _Section | None:
    """Return the section that a table's new key goes to, None when a table must be made."""
    for section in sections:
        if section.path == table and section.header is not None:
            return section
    dotted = [item for item in sections if len(item.path) < len(table) and item.has(table)]
    return dotted[-1] if dotted else None


def _make_table(sections: Sequence[_Section], path: Path, value: str) -> Edit:
    """Write a table with one key behind the tables that usually come before it."""
    table = path[:-1]
    earlier = _ORDER[: _ORDER.index(str(table[0])) + 1]
    before = [item for item in sections if any(item.has((name,)) for name in earlier)]
    same = [item for item in before if item.has(table[:2])]
    above = (same or before)[-1]
    ending = above.ending
    header = f"{_made_header(table)}{ending}"
    above.insert(f"{ending}{header}{format_key(path[-1:])} = {value}{ending}")
    return Edit(added=header)


def _made_header(table: Path) -> str:
    return f"[{format_key(table)}]  # {_MADE.get(str(table[-1]), 'made by envlock')}"


# --- removing -----------------------------------------------------------------------------------


def _remove(document: Body, path: Path) -> Edit:
    removed: list[str] = []
    sections = _all_sections(document)
    lines = [line for section in sections for line in section.lines]
    inline = _inline_around(lines, path)
    if inline:
        _cut_entries(inline[1], path[len(inline[0]) :])
    for section in sections:
        found = [line for line in section.lines if line.path[: len(path)] == path]
        removed += [line.text for line in found]
        for line in reversed(found):
            del line.body[line.at]
        if section.header is not None and section.path == path:
            removed.append(_take_out_header(sections, section, section.header))
    removed.append(_take_back_made_table(document, path[:-1]))
    return Edit(removed="".join(removed))


def _cut_entries(body: Body, path: Path) -> None:
    """Cut the entries of an inline table that a key is written with, each with one comma."""
    lines = _lines(body, ())
    for at in reversed(range(len(lines))):
        if lines[at].path[: len(path)] != path:
            continue
        if at > 0:
            del body[lines[at - 1].at + 1 : lines[at].at + 1]
        else:
            following = [line.at for line in _lines(body, ())[1:2]]
            del body[lines[0].at : following[0] if following else len(body)]


def _take_out_header(sections: Sequence[_Section], gone: _Section, header: Table) -> str:
    """Take out a header, leave what stands below it to the section above; return what went.

    tomlkit would drop the comments below with it. They cannot stay in its place either: a table
    that is only implied (`dependencies` in `[dependencies.numpy]`) gets a header as soon as there
    is a comment in it.
    """
    body, at = _place_above(sections, header)
    del gone.around[next(i for i, (_, item) in enumerate(gone.around) if item is header)]
    body[at:at] = gone.body
    return f"{header.trivia.comment}\n"


def _place_above(sections: Sequence[_Section], table: Table) -> tuple[Body, int]:
    """Return the place just above a header, in the body of the section above."""
    position = next(at for at, section in enumerate(sections) if section.header is table)
    body = sections[position - 1].body
    inside = (at for at, (_, item) in enumerate(body) if _holds(item, table))
    return body, next(inside, len(body))


def _holds(item: Item, table: Table) -> bool:
    if not isinstance(item, Table):
        return False
    return item is table or any(_holds(inner, table) for _, inner in item.value.body)


def _take_back_made_table(document: Body, path: Path) -> str:
    """Take out a table that an edit made, once nothing is left in it; return what went."""
    sections = _all_sections(document)
    for section in sections:
        table = section.header
        if table is None or section.path != path or section.lines:
            continue
        if f"[{table.display_name}]  {table.trivia.comment}" == _made_header(path):
            _drop_blank_line(*_place_above(sections, table))
            return _take_out_header(sections, section, table)
    return ""


def _drop_blank_line(body: Body, at: int) -> None:
    """Drop the last of the blank lines that end at a place."""
    above = body[at - 1][1] if at else None
    if isinstance(above, Whitespace):
        lines = above.s.splitlines(keepends=True)
        body[at - 1] = (None, tomlkit.ws("".join(lines[:-1])))
