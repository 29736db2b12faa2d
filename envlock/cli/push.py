"""`envlock push`: an environment of the store, for other machines to pull."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.cli.table import count, format_bytes, printable
from envlock.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from envlock.workflows.push import Push


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "push",
        help="put a built environment where other machines can pull it",
        description="Put an environment's artifacts and a signed entry, which says what came of "
        "them, into a depot: a folder, or any address that fsspec knows, such as "
        "s3://bucket/path. What is there already is not sent again; a push that was cut off is "
        "taken up by the next one. Nothing is built.",
        epilog="Exit status: 0 it is there, 2 when the environment or the depot is at fault, 4 "
        "when the network or the disk is.",
    )
    parser.add_argument(
        "lock",
        metavar="LOCK|ENV",
        help="a lock or its stack, a profile, `profile@3`, the name or path of an environment",
    )
    parser.add_argument("url", metavar="URL", help="a folder, or an address: s3://bucket/path")
    parser.add_argument(
        "--sign",
        metavar="KEY",
        help="sign the entry with this private key; `envlock receipt keygen` makes one. Without, "
        "nobody can tell whose it is, and a pull refuses it unless told otherwise",
    )
    parser.add_argument(
        "--jobs", type=int, default=8, metavar="N", help="downloads at once (default: 8)"
    )
    parser.add_argument(
        "--offline", action="store_true", help="fetch no archive that the store has let go of"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Push an environment."""
    from envlock import __version__
    from envlock.backends.depot_bytecode import StoreBytecode
    from envlock.cli.care_wiring import make_closure_tools
    from envlock.cli.depot_wiring import open_depot
    from envlock.cli.store_wiring import make_build_tools, open_store
    from envlock.cli.wiring import utc_now
    from envlock.workflows.push import PushTools, push

    key = None
    if arguments.sign:
        from envlock.backends.signing import load_private_key

        key = load_private_key(arguments.sign)
    store = open_store()
    build = make_build_tools(store, arguments)
    tools = PushTools(
        closures=make_closure_tools(arguments),
        artifacts=build.artifacts,
        progress=build.progress,
        depot=open_depot(arguments.url),
        bytecode=StoreBytecode(store),
        reporter=build.reporter,
        measure=_measure,
        now=utc_now,
        envlock_version=__version__,
    )
    with store.needs() as needs:
        pushed = push(arguments.lock, key, tools, needs)
    _tell(pushed, tools.depot.title, arguments)
    return ExitCode.YES


def _measure(path: str) -> int:
    return Path(path).stat().st_size


def _tell(pushed: Push, title: str, arguments: argparse.Namespace) -> None:
    from envlock.cli.progress import clear_line

    clear_line()
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        print(format_canonical(_describe(pushed, title)))
        return
    if not arguments.quiet:
        entry = pushed.entry
        sent = sum(each.size_bytes for each in pushed.sent)
        files = len(entry.artifacts) + len(entry.bytecode)
        told = [
            f"{count(len(pushed.sent), 'file')} sent, {format_bytes(sent)}",
            f"{files - len(pushed.sent):,} were there",
            "the entry is new" if pushed.is_new_entry else "the entry was there",
        ]
        print(printable(f"{entry.name}: pushed to {title}: {', '.join(told)}"), file=sys.stderr)
        print(f"  content  sha256:{entry.content_sha256}", file=sys.stderr)
        if pushed.keyid:
            print(f"  signed by {pushed.keyid}", file=sys.stderr)
        else:
            print("note: not signed: whoever pulls it cannot tell whose it is", file=sys.stderr)
        sys.stderr.flush()
    print(pushed.entry.key)


def _describe(pushed: Push, title: str) -> dict[str, object]:
    import msgspec

    return {
        "url": title,
        "entry": msgspec.to_builtins(pushed.entry),
        "is_new_entry": pushed.is_new_entry,
        "sent": [each.file_name for each in pushed.sent],
        "sent_bytes": sum(each.size_bytes for each in pushed.sent),
        "keyid": pushed.keyid,
    }
