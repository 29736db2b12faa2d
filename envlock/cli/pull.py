"""`envlock pull`: a lock's environment from where another machine has pushed it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envlock.cli.table import printable
from envlock.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from envlock.workflows.pull import Pull

_UNSIGNED = "no key that you trust has signed the entry: nobody vouches for the content it names"


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "pull",
        help="take a lock's environment from where another machine pushed it",
        description="Look in a depot for the entry of LOCK, hold its signature against the keys "
        "that you trust, take the artifacts that this store lacks from there, link them for this "
        "store, and hold what came out against the content that was signed. It becomes the "
        "current generation of the stack's profile. Prints the environment's path.",
        epilog="Exit status: 0 it is here, 1 when the depot does not have it, 2 when it or the "
        "lock is at fault, 4 when the network or the disk is.",
    )
    parser.add_argument("lock", metavar="LOCK", help="a lock, or the stack that it lies beside")
    parser.add_argument("url", metavar="URL", help="a folder, or an address: s3://bucket/path")
    parser.add_argument(
        "--key",
        metavar="PUB",
        action="append",
        default=[],
        help="a public key that you trust: one of them must have signed; may be repeated",
    )
    parser.add_argument(
        "--allow-unsigned",
        action="store_true",
        help="believe an entry that none of the keys has signed, and say so; artifacts are held "
        "against the lock in any case",
    )
    parser.add_argument(
        "--not-before",
        metavar="DATE",
        help="refuse an entry that was pushed before this day or time (UTC). An entry older than "
        "one that this store has pulled is refused in any case",
    )
    parser.add_argument(
        "--python",
        metavar="WHICH",
        help="`host` (or the path of a Python) as `envlock build` takes it. Default: the lock's",
    )
    parser.add_argument(
        "--profile", metavar="NAME", help="name the generations so (default: the stack's name)"
    )
    parser.add_argument(
        "--jobs", type=int, default=4, metavar="N", help="downloads at once (default: 4)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.set_defaults(offline=True)  # nothing comes from where the lock says


def run(arguments: argparse.Namespace) -> int:
    """Pull an environment."""
    from envlock.backends.depot_bytecode import StoreBytecode
    from envlock.backends.depot_intake import DepotIntake
    from envlock.backends.depot_memory import DiskPullMemory
    from envlock.cli.depot_wiring import open_depot, parse_moment
    from envlock.cli.store_wiring import make_build_tools, open_store, read_request
    from envlock.workflows.pull import PullTools, Trust, pull

    keys: tuple[Any, ...] = ()
    if arguments.key:
        from envlock.backends.signing import load_public_key

        keys = tuple(load_public_key(each) for each in arguments.key)
    trust = Trust(
        keys=keys,
        allows_unsigned=arguments.allow_unsigned,
        not_before=parse_moment(arguments.not_before) if arguments.not_before else "",
    )
    request = read_request(arguments)
    depot = open_depot(arguments.url)
    store = open_store()
    tools = PullTools(
        build=make_build_tools(store, arguments),
        depot=depot,
        bytecode=StoreBytecode(store),
        intake=DepotIntake(depot, store.artifacts, arguments.jobs),
        memory=DiskPullMemory(store.layout.root),
    )
    with store.needs() as needs:
        pulled = pull(request, trust, tools, needs)
    _tell(pulled, depot.title, arguments)
    return ExitCode.YES


def _tell(pulled: Pull, title: str, arguments: argparse.Namespace) -> None:
    from envlock.cli.build import describe, tell_built
    from envlock.cli.progress import clear_line

    clear_line()
    if not pulled.keyid:  # whoever wants silence still wants to know this
        print(f"warning: {_UNSIGNED}", file=sys.stderr)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        told = {"url": title, "keyid": pulled.keyid, "pushed_at": pulled.entry.pushed_at}
        print(format_canonical({**describe(pulled.build), **told}))
        return
    if not arguments.quiet:
        by = f", signed by {pulled.keyid[:16]}…" if pulled.keyid else ""
        print(
            printable(f"pulled from {title}: the entry of {pulled.entry.pushed_at}{by}"),
            file=sys.stderr,
        )
    tell_built(pulled.build, quiet=arguments.quiet)
