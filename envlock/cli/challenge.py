"""`envlock challenge`: two receipts of one lock, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.table import count, emit, format_table, printable
from envlock.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from envlock.verify.challenge import Challenge, Pair, Speed

_DIGITS = 12
_LONG_DIGEST = 64


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "challenge",
        help="compare two receipts of one lock",
        description="Compare two receipts of one lock, from two machines or two days: whether "
        "the environments hold the same content and every check came out alike, and, which "
        "decides nothing, what differs of trees, trained weights, framework versions, hosts, host "
        "libraries and speed. Each is a receipt, or the lock or stack that it lies beside.",
        epilog="Exit status: 0 the same came of it, 1 it did not, 2 when the receipts are of "
        "different locks or cannot be read.",
    )
    parser.add_argument("first", metavar="A", help="a receipt")
    parser.add_argument("second", metavar="B", help="a receipt of the same lock")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Compare two receipts."""
    from envlock.backends.files import DiskWorkspace
    from envlock.verify.challenge import challenge
    from envlock.workflows.receipts import load_receipt, receipt_of

    workspace = DiskWorkspace()
    first, second = (
        load_receipt(receipt_of(each), workspace) for each in (arguments.first, arguments.second)
    )
    found = challenge(first.receipt, second.receipt)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe(found))])
    else:
        emit(render(found, (first.path, second.path)))
    return ExitCode.YES if found.is_same else ExitCode.NO


# --- for people -----------------------------------------------------------------------------------


def render(found: Challenge, paths: tuple[str, str]) -> Iterator[str]:
    """Yield the answer, then what decides it, then what else differs."""
    yield printable(f"A {paths[0]}")
    yield printable(f"B {paths[1]}")
    yield f"{'the same' if found.is_same else 'not the same'} came of it"
    yield f"content:  {_agreement(found.content)}"
    yield f"tree:     {_agreement(found.tree)}"
    differing = len(found.outcomes)
    yield f"outcomes: {found.same_outcomes} alike, {differing} different"
    yield from _table(found.outcomes)
    if found.weights:
        alike = sum(each.is_same for each in found.weights)
        yield f"weights:  {alike} of {count(len(found.weights), 'training')} alike"
        yield from _table([each for each in found.weights if not each.is_same])
    for title, pairs in (
        ("versions that differ:", found.frameworks),
        ("hosts:", found.host),
        ("host libraries that differ:", found.host_libraries),
    ):
        if pairs:
            yield title
            yield from _table(pairs)
    if found.speed:
        yield "speed (varies from run to run):"
        yield from format_table([_speed_row(each) for each in found.speed], indent="  ")


def _agreement(pair: Pair) -> str:
    if pair.is_same:
        return f"the same, sha256 {_short(pair.first)}"
    if pair.first and pair.second:
        return f"differs: {_short(pair.first)} and {_short(pair.second)}"
    return "unknown: not in both receipts"


def _table(pairs: Sequence[Pair]) -> list[str]:
    rows = [
        (each.name, f"A {_short(each.first) or 'none'}", f"B {_short(each.second) or 'none'}")
        for each in pairs
    ]
    return format_table(rows, indent="  ")


def _speed_row(speed: Speed) -> tuple[str, str, str, str, str]:
    ratio = "" if speed.ratio is None else f"B/A {speed.ratio:.2f}"
    return (speed.check, speed.measure, f"A {speed.first:.4g}", f"B {speed.second:.4g}", ratio)


def _short(text: str) -> str:
    return f"{text[:_DIGITS]}…" if len(text) == _LONG_DIGEST else text


# --- for programs ---------------------------------------------------------------------------------


def describe(found: Challenge) -> Mapping[str, object]:
    """Return the comparison as plain data; a number that is not finite is null."""
    import msgspec

    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return {"is_same": found.is_same, **told}
