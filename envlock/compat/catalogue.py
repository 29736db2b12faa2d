"""All tables of facts by name, for people who read or search them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from envlock.compat.evidence import Row, read_table
from envlock.errors import EnvlockError

_SENTENCE = re.compile(r"(?<=[.])\s")
_NEAR = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table, or those of its rows that were asked for."""

    name: str
    """File and table: `drivers/minor_compat`."""
    about: str
    """What the file says of itself, in a sentence; empty where it says nothing."""
    rows: tuple[Row, ...]


def tables(name: str | None = None) -> tuple[Table, ...]:
    """Return every table by name, or those of one file (`drivers`), or one (`glibc/wheel`).

    Raises `EnvlockError` with near names where there is none.
    """
    every = _every()
    found = tuple(item for item in every if name in (None, item.name, item.name.split("/")[0]))
    if found or name is None:
        return found
    names = dict.fromkeys(part for item in every for part in (item.name.split("/")[0], item.name))
    near = get_close_matches(name, names, n=3, cutoff=_NEAR)
    hint = f"did you mean {' or '.join(f'`{item}`' for item in near)}?" if near else ""
    raise EnvlockError(
        f"--table: there is no table `{name}`",
        hints=[hint] if hint else ["`envlock facts` lists them"],
    )


def search(among: Iterable[Table], words: Sequence[str]) -> tuple[Table, ...]:
    """Return the tables that have rows with all the words, each with these rows alone.

    A word may stand in any cell or in the table's name, whatever its case. A number is never found
    inside of another one: `2.8` is in `2.8.0`, and not in `12.8`.
    """
    patterns = [_pattern(word) for word in words]
    found = (
        replace(item, rows=tuple(row for row in item.rows if _has(item.name, row, patterns)))
        for item in among
    )
    return tuple(item for item in found if item.rows)


def _pattern(word: str) -> re.Pattern[str]:
    before = r"(?<![\d.])" if word[:1].isdigit() else ""
    after = r"(?!\d)" if word[-1:].isdigit() else ""
    return re.compile(before + re.escape(word) + after, re.IGNORECASE)


def _has(name: str, row: Row, patterns: Iterable[re.Pattern[str]]) -> bool:
    text = "\n".join([name, *row.values()])
    return all(pattern.search(text) for pattern in patterns)


@cache
def _every() -> tuple[Table, ...]:
    folder = Path(__file__).with_name("facts")
    found: list[Table] = []
    for place in sorted(folder.glob("*.toml")):
        text = place.read_text(encoding="utf-8")
        about = _about(text)
        for table in tomllib.loads(text):
            if table != "sources":
                rows = read_table(place.stem, table)
                found.append(Table(name=f"{place.stem}/{table}", about=about, rows=rows))
    return tuple(found)


def _about(text: str) -> str:
    """Return the first sentence of the comment that a file begins with."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#") or line == "#":
            break
        lines.append(line.removeprefix("#").strip())
    return _SENTENCE.split(" ".join(lines))[0].rstrip(".")
