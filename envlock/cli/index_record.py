"""`envlock index record`: ask the package index once, for the PyPI half of stacks."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from envlock.errors import EnvlockError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from envlock.workflows.record import Recorded

_SHOWN_DIGITS = 12


def add_action(actions: Any) -> None:
    """Describe the command line."""
    parser = actions.add_parser(
        "record",
        help="ask the package index and write a recording",
        description="Resolve the PyPI half of each stack over the live package index and write "
        "down all that was asked, in pins/pypi/. `envlock solve` then resolves it again from there "
        "without a network. Locks stay as they are until you solve again.",
    )
    parser.set_defaults(action=_record)
    parser.add_argument("stacks", nargs="+", metavar="STACK", help="stack files of one folder")
    parser.add_argument(
        "--as-of",
        metavar="DATE",
        help="see only files uploaded up to this date (2026-01-31, or with a time)",
    )
    parser.add_argument(
        "--mirror",
        action="append",
        default=[],
        metavar="NAME=ADDRESS",
        help="ask this address or folder instead of the index of that name; `default` is the one "
        "that owns what no [[pypi-index]] lists (else UV_DEFAULT_INDEX)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")


def _record(arguments: argparse.Namespace) -> int:
    mirrors = parse_mirrors(arguments.mirror)
    results = [_record_one(path, mirrors, arguments) for path in dict.fromkeys(arguments.stacks)]
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        print(format_canonical({"recordings": [_describe(item) for item in results]}))
        return ExitCode.YES
    for item in results:
        print(item.digest)
    return ExitCode.YES


def _record_one(path: str, mirrors: Mapping[str, str], arguments: argparse.Namespace) -> Recorded:
    from envlock.cli.progress import clear_line
    from envlock.cli.solve import as_of_ms
    from envlock.cli.wiring import load_stack, make_record_tools, utc_now
    from envlock.solve.locking import utc_text
    from envlock.workflows.record import record_stack

    moment = as_of_ms(arguments.as_of)
    as_of = utc_now() if moment is None else utc_text(moment)
    tools = make_record_tools(path, arguments)
    recorded = record_stack(load_stack(path), path, as_of, mirrors, tools)
    if not arguments.quiet and not arguments.json:
        clear_line()
        sys.stderr.write(_render(recorded, path))
    return recorded


def parse_mirrors(given: Sequence[str]) -> Mapping[str, str]:
    """Read `NAME=ADDRESS` options; a folder becomes a `file:` address."""
    from pathlib import Path

    from envlock.model.stack import DEFAULT_INDEX

    mirrors: dict[str, str] = {}
    if default := os.environ.get("UV_DEFAULT_INDEX"):
        mirrors[DEFAULT_INDEX] = default
    for text in given:
        name, found, address = text.partition("=")
        if not (name and found and address):
            raise EnvlockError(f"--mirror: expected NAME=ADDRESS, found `{text}`")
        if not re.match(r"(?:https?|file)://", address):
            folder = Path(address)
            if not folder.is_dir():
                raise EnvlockError(f"--mirror: there is no folder `{address}`")
            address = folder.resolve().as_uri()
        mirrors[name] = address
    return mirrors


def _describe(item: Recorded) -> Mapping[str, object]:
    return {
        "stack": item.stack,
        "recording": item.digest,
        "before": item.before,
        "as_of": item.as_of,
        "size_bytes": item.size_bytes,
        "distributions": dict(item.distributions),
    }


def _render(item: Recorded, path: str) -> str:
    from envlock.cli.table import count, format_bytes

    told = ", ".join(
        f"{count(number, 'distribution')} on {platform}"
        for platform, number in item.distributions.items()
    )
    moved = "the same as before" if item.before == item.digest else "new"
    return (
        f"{item.stack}: recording {item.digest[:_SHOWN_DIGITS]} ({moved}), as of {item.as_of}, "
        f"{format_bytes(item.size_bytes)}\n  {told}\n"
        f"`envlock solve {path}` locks it, without the network\n"
    )
