"""`envlock closure-diff`: what differs between two environments, or what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from envlock.cli.table import count, emit, format_bytes, format_table, printable, terminal_width
from envlock.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from envlock.store.closure_diff import Closure, ClosureDifference, PackageMove

_HASH_DIGITS = 12


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "closure-diff",
        help="compare what two environments are made of, and what came of it",
        description="Say what changed from A to B: packages added, removed and changed, with "
        "versions, the size of their files and, where only the archive differs, its SHA-256; and "
        "whether what was built holds the same content. Each is a lock (or the stack that it lies "
        "beside), a profile, a generation such as `torch@3`, or an environment of the store. "
        "Nothing is built or fetched.",
        epilog="Exit status: 0 when both are the same, 1 when they differ, as diff does.",
    )
    parser.add_argument("before", metavar="A", help="such as torch-cu121@2 or stacks/a.toml")
    parser.add_argument("after", metavar="B", help="such as torch-cu121")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Compare two closures."""
    from envlock.cli.care_wiring import make_closure_tools
    from envlock.workflows.closures import compare

    difference = compare(arguments.before, arguments.after, make_closure_tools(arguments))
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe(difference))])
    else:
        emit(render(difference, width=terminal_width()))
    return ExitCode.YES if difference.is_empty else ExitCode.NO


# --- for people -----------------------------------------------------------------------------------


def render(difference: ClosureDifference, *, width: int | None = None) -> Iterator[str]:
    """Yield the sides, then what moved, then what is known of what was built."""
    yield printable(f"{difference.before.title} -> {difference.after.title}")
    rows = [_row(move) for move in difference.moves]
    yield from format_table(rows, right=(3,), cut=2, width=width, indent="  ")
    told = [count(len(difference.moves), "change"), f"{difference.unchanged:,} unchanged"]
    changes = [move.size_change for move in difference.moves]
    known = [each for each in changes if each is not None]
    if known:
        unknown = len(changes) - len(known)
        told.append(_signed(sum(known)) + (f" ({unknown} sizes unknown)" if unknown else ""))
    yield f"packages: {', '.join(told)}"
    yield f"content:  {_content(difference)}"
    for side in (difference.before, difference.after):
        if side.interpreter is not None:
            host = side.interpreter
            yield printable(
                f"note: {side.title} is not hermetic: this machine's Python {host.version}, "
                f"{host.executable} (sha256:{host.sha256[:_HASH_DIGITS]}…)"
            )


def _row(move: PackageMove) -> tuple[str, str, str, str]:
    from envlock.model.store import ArtifactKind

    package = move.either
    name = f"{package.name} (PyPI)" if package.kind is ArtifactKind.WHEEL else package.name
    size = move.size_change
    return (move.move.value, name, _tell(move), "" if size is None else _signed(size))


def _tell(move: PackageMove) -> str:
    from envlock.store.closure_diff import Move

    before, after = move.before, move.after
    if before is None or after is None:
        return f"{move.either.version} {move.either.build}".rstrip()
    match move.move:
        case Move.BUILD:
            return f"{after.version}, {before.build or 'none'} -> {after.build or 'none'}"
        case Move.FILE:
            old, new = before.sha256[:_HASH_DIGITS], after.sha256[:_HASH_DIGITS]
            return f"{after.version}, sha256 {old}… -> {new}…"
        case _:
            return f"{before.version} -> {after.version}"


def _signed(size_bytes: int) -> str:
    return f"{'+' if size_bytes >= 0 else ''}{format_bytes(size_bytes)}"


def _content(difference: ClosureDifference) -> str:
    if difference.is_content_equal is None:
        sides = (difference.before, difference.after)
        titles = [printable(each.title) for each in sides if not each.label]
        return f"unknown: {' and '.join(titles)} {'is' if len(titles) == 1 else 'are'} not built"
    if not difference.is_content_equal:
        return "differs"
    if difference.is_tree_equal:
        return "the same, and the same tree"
    return "the same, whatever the prefix"


# --- for programs ---------------------------------------------------------------------------------


def describe(difference: ClosureDifference) -> Mapping[str, object]:
    """Return the difference as plain data."""
    import msgspec

    return {
        "before": _describe_side(difference.before),
        "after": _describe_side(difference.after),
        "is_equal": difference.is_empty,
        "is_content_equal": difference.is_content_equal,
        "is_tree_equal": difference.is_tree_equal,
        "unchanged": difference.unchanged,
        "moves": [
            {**msgspec.to_builtins(move), "size_change_bytes": move.size_change}
            for move in difference.moves
        ],
    }


def _describe_side(side: Closure) -> Mapping[str, object]:
    import msgspec

    told = msgspec.to_builtins(side)
    del told["packages"]
    return {**told, "is_hermetic": side.interpreter is None if side.label else None}
