"""A key of a stack written or removed, and nothing besides; or a refusal.

Nothing is taken on trust: `tomllib` reads what the edit gave, that is compared with the document
that was wanted, and the comments are counted. A file in a shape that tomlkit cannot keep is
refused, with the words to write by hand.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from envlock.errors import EnvlockError
from envlock.formats.requirement import format_value
from envlock.formats.stack_home import value_at
from envlock.formats.stack_lines import find_comments
from envlock.formats.stack_words import Path, format_key

if TYPE_CHECKING:
    from envlock.formats.stack_document import Edit


def set_key(text: str, path: Path, value: object, file: str) -> str:
    """Return the text with another value for one key."""
    from envlock.formats.stack_document import write_key  # noqa: PLC0415 - tomlkit takes 25 ms

    written = format_value(value)
    wanted = _with(tomllib.loads(text), path, value)
    edit = _attempt(lambda: write_key(text, path, written))
    if edit and _parse(edit.text) == wanted and _keeps_comments(text, edit):
        return edit.text
    raise _refusal(file, f"write `{format_key(path)} = {written}`", path)


def drop_key(text: str, path: Path, file: str) -> str:
    """Return the text without a key."""
    from envlock.formats.stack_document import remove_key  # noqa: PLC0415 - as above

    wanted = _without(tomllib.loads(text), path)
    edit = _attempt(lambda: remove_key(text, path))
    found = _parse(edit.text) if edit else {}
    is_gone = value_at(found, path) is None
    if edit and is_gone and _without(found, path) == wanted and _keeps_comments(text, edit):
        return edit.text
    raise _refusal(file, f"take `{format_key(path)}` out", path)


def _attempt(change: Callable[[], Edit]) -> Edit | None:
    try:
        return change()
    except ValueError:  # an `UneditableError`; naming it here would import tomlkit
        return None


def _parse(text: str) -> dict[str, Any]:
    """Return the document of an edited text; empty, as no stack is, when it is not TOML."""
    try:
        return tomllib.loads(text)
    except ValueError:
        return {}


def _with(document: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    """Return a document with another value for one key."""
    table: Any = document
    for key in path[:-1]:
        table = table.setdefault(key, {})
    table[path[-1]] = value
    return document


def _without(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a document without a key, and without the tables around it that are empty then."""
    tables: list[Any] = [document]
    for key in path[:-1]:
        tables.append(tables[-1].get(key, {}))
    tables[-1].pop(path[-1], None)
    for table, key in reversed(list(zip(tables, path[:-1], strict=False))):
        if not table.get(key):
            table.pop(key, None)
    return document


def _keeps_comments(text: str, edit: Edit) -> bool:
    """Say whether a text has the comments that it had, but for those that came or went."""
    before = Counter(find_comments(text)) + Counter(find_comments(edit.added))
    after = Counter(find_comments(edit.text)) + Counter(find_comments(edit.removed))
    return before == after


def _refusal(file: str, advice: str, path: Path) -> EnvlockError:
    return EnvlockError(
        f"{file}: {format_key(path)} cannot be changed here without harm to another line\n"
        "Nothing was written.",
        hints=[
            f"{advice} by hand",
            "or put the tables that belong together one after the other, and try again",
        ],
    )
