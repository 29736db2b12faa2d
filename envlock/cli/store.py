"""`envlock store`: verify, repair, measure and find what lies in the store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envlock.cli.table import emit
from envlock.errors import ExitCode

if TYPE_CHECKING:
    import argparse

_NAMES = "profiles, generations such as `torch@3`, environments by name, label or path"


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "store",
        help="verify, repair, measure and find what lies in the store",
        description="Look after the store: hold what lies there against what it was when it was "
        "sealed, put back what was changed, say what it takes on the disk and where it is.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_verify(actions)
    _add_repair(actions)
    _add_du(actions)
    _add_path(actions)


def _add_verify(actions: Any) -> None:
    verify = actions.add_parser(
        "verify",
        help="hold everything against what it was when it was sealed",
        description="Look at every file of every environment, unpacked tree and download: content, "
        "size, mode, time, target of links, what is missing and what was added; at the database, "
        "and at the links of profiles. Each file is read once, however many environments share it. "
        "Changes nothing.",
        epilog="Exit status: 0 when all is as it was, 1 when anything is not, with the list.",
    )
    verify.set_defaults(action=_verify)
    verify.add_argument("names", metavar="NAME", nargs="*", help=f"only these: {_NAMES}")
    verify.add_argument(
        "--quick", action="store_true", help="look at modes, sizes and times; read no content"
    )
    _add_talk(verify)


def _add_repair(actions: Any) -> None:
    repair = actions.add_parser(
        "repair",
        help="put back what was there",
        description="Verify, then put back what was changed: downloads are fetched again, trees "
        "unpacked again, environments built again; an environment changes places with its repaired "
        "self in one step, and only when that is the same file by file. What cannot be repaired is "
        "named, and everything else is repaired.",
        epilog="Exit status: 0 when all is as it was, 1 when something could not be repaired, 4 "
        "when only the network or the disk was in the way.",
    )
    repair.set_defaults(action=_repair)
    repair.add_argument("names", metavar="NAME", nargs="*", help=f"only these: {_NAMES}")
    repair.add_argument(
        "--jobs", type=int, default=8, metavar="N", help="downloads at once (default: 8)"
    )
    repair.add_argument(
        "--offline", action="store_true", help="use only what the store and local folders hold"
    )
    _add_talk(repair)


def _add_du(actions: Any) -> None:
    usage = actions.add_parser(
        "du",
        help="say what the store takes on the disk",
        description="Say what each environment takes on the disk: of its own, shared with other "
        "environments, and what collecting it would free, with the trees and downloads that only "
        "it was made of; and the whole store against the content that it cannot do without. A file "
        "counts once, however many links it has.",
    )
    usage.set_defaults(action=_du)
    _add_talk(usage)


def _add_path(actions: Any) -> None:
    path = actions.add_parser(
        "path",
        help="say where the store is, or an environment in it",
        description="Print the store's folder ($ENVLOCK_HOME); with NAME, the path of the "
        "environment that a lock (or the stack that it lies beside), a profile or a generation "
        "such as `torch@3` means. Nothing is built.",
        epilog="Exit status: 0 printed, 1 when a lock is not built.",
    )
    path.set_defaults(action=_path)
    path.add_argument("name", metavar="NAME", nargs="?", help="a lock, a profile, `profile@3`")
    path.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _add_talk(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answer")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    return int(arguments.action(arguments))


def _verify(arguments: argparse.Namespace) -> int:
    from envlock.cli.care_wiring import make_care_tools
    from envlock.cli.progress import clear_line
    from envlock.cli.store_render import describe_verification, render_verification
    from envlock.model.keeping import Depth
    from envlock.workflows.care import verify

    depth = Depth.QUICK if arguments.quick else Depth.FULL
    found = verify(arguments.names, depth, make_care_tools(arguments))
    clear_line()
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe_verification(found, depth))])
    else:
        emit(render_verification(found, depth))
        _say(found.notes, arguments)
        if found.damages:
            print("\nhint: `envlock store repair` puts back what was there", file=sys.stderr)
    return ExitCode.NO if found.damages else ExitCode.YES


def _say(notes: tuple[str, ...], arguments: argparse.Namespace) -> None:
    if not arguments.quiet:
        for note in notes:
            print(f"note: {note}", file=sys.stderr)


def _repair(arguments: argparse.Namespace) -> int:
    from envlock.cli.care_wiring import make_care_tools, make_repair_tools
    from envlock.cli.progress import clear_line
    from envlock.cli.store_render import describe_repair, render_repair
    from envlock.workflows.care import repair

    tools = make_care_tools(arguments)
    done = repair(arguments.names, tools, make_repair_tools(arguments))
    clear_line()
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe_repair(done))])
    else:
        emit(render_repair(done))
        _say(done.found.notes, arguments)
        hints = dict.fromkeys(hint for each in done.unrepaired for hint in each.error.hints)
        if hints:
            print(file=sys.stderr)
        for hint in hints:
            print(f"hint: {hint}", file=sys.stderr)
    if not done.unrepaired:
        return ExitCode.YES
    return ExitCode.WORLD if done.is_for_want_of_the_world else ExitCode.NO


def _du(arguments: argparse.Namespace) -> int:
    from envlock.cli.care_wiring import make_care_tools
    from envlock.cli.progress import clear_line
    from envlock.cli.store_render import describe_usage, render_usage

    tools = make_care_tools(arguments)
    usage = tools.keeping.usage(tools.reporter)
    clear_line()
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical({"store": tools.keeping.root, **describe_usage(usage)})])
    else:
        emit(render_usage(usage))
    return ExitCode.YES


def _path(arguments: argparse.Namespace) -> int:
    from envlock.cli.care_wiring import make_closure_tools

    tools = make_closure_tools(arguments)
    root = tools.care.keeping.root
    if arguments.name is None:
        _print_path(root, {"store": root}, arguments)
        return ExitCode.YES
    from envlock.workflows.closures import find_environment

    found = find_environment(arguments.name, tools)
    if found is None:
        _print_path("", {"store": root, "environment": None}, arguments)
        print(f"{arguments.name}: not built; `envlock build` builds it", file=sys.stderr)
        return ExitCode.NO
    from envlock.cli.build import describe_environment

    _print_path(found.path, {"store": root, "environment": describe_environment(found)}, arguments)
    return ExitCode.YES


def _print_path(path: str, told: dict[str, object], arguments: argparse.Namespace) -> None:
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        print(format_canonical(told))
    elif path:
        print(path)
