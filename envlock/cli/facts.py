"""`envlock facts`: the tables that every verdict rests on, to be read and searched."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.table import count, emit, format_facts, printable, terminal_width

if TYPE_CHECKING:
    import argparse

    from envlock.compat.catalogue import Table

_WIDTH = 80
"""How wide rows become where no terminal says: they are read in files and pipes, too."""
_LAST = ("source", "confidence")


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "facts",
        help="search the tables of drivers, GPUs, wheels and toolkits",
        description="Without WORDS list the tables of facts that envlock judges by. With WORDS "
        "print the rows that contain all of them, each with its source and how sure it is: "
        "`verified` rows may refuse a stack, `recalled` ones only warn.",
        epilog="Words are compared without case, with the cells and the name of the table: "
        "`envlock facts torch_wheels 2.8`.",
    )
    parser.add_argument("words", metavar="WORDS", nargs="*", help="what a row must contain")
    parser.add_argument(
        "--table",
        metavar="NAME",
        help="search this file of tables, or one table: `drivers`, `drivers/minor_compat`",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """List or search the tables; nothing found is the answer no."""
    from envlock.compat.catalogue import search, tables
    from envlock.errors import ExitCode

    chosen = tables(arguments.table)
    listing = not arguments.words and arguments.table is None
    found = chosen if listing else search(chosen, arguments.words)
    width = min(terminal_width() or _WIDTH, _WIDTH)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe_tables(found, rows=not listing))])
    elif listing:
        emit(render_listing(found, width))
    else:
        emit(render_rows(found, width))
    if not found:
        print(f"no row has all of: {' '.join(arguments.words)}", file=sys.stderr)
    return ExitCode.YES if found else ExitCode.NO


# --- for people -----------------------------------------------------------------------------------


def render_listing(found: Sequence[Table], width: int) -> Iterator[str]:
    """Yield each table with how many rows it has and what its file is about."""
    rows = [[item.name, f"{len(item.rows)}", item.about] for item in found]
    yield from format_facts([["table", "rows", "about"], *rows], width=width)
    total = sum(len(item.rows) for item in found)
    sure = sum(row["confidence"] == "verified" for item in found for row in item.rows)
    yield ""
    yield f"{count(total, 'row')}, {sure:,} verified and {total - sure:,} recalled"


def render_rows(found: Sequence[Table], width: int) -> Iterator[str]:
    """Yield the rows table by table, each with its source and how sure it is."""
    for place, item in enumerate(found):
        if place:
            yield ""
        yield f"{item.name}: {count(len(item.rows), 'row')}"
        for row in item.rows:
            told = [f"{key} {cell}" for key, cell in row.items() if cell and key not in _LAST]
            yield from _wrapped("; ".join(told), width, "  ")
            yield from _wrapped(f"{row['confidence']}: {row['source']}", width, "      ")


def _wrapped(text: str, width: int, indent: str) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(
        printable(text),
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


# --- for programs ---------------------------------------------------------------------------------


def describe_tables(found: Sequence[Table], *, rows: bool) -> Mapping[str, object]:
    """Return the tables as plain data; without `rows` only how many each has."""
    return {
        "tables": [
            {
                "name": item.name,
                "about": item.about,
                "count": len(item.rows),
                **({"rows": [dict(row) for row in item.rows]} if rows else {}),
            }
            for item in found
        ]
    }
