"""`envlock solve`: from a stack file to a lock that installs anywhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envlock.errors import EnvlockError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from envlock.solve.freshness import Freshness


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "solve",
        help="lock a stack",
        description="Solve STACK from its index pin and write STACK's .conda-lock.yml beside it. "
        "The network is not used. When there is no answer, or the answer would not run, "
        "nothing is written and the old lock stays.",
    )
    parser.add_argument(
        "stacks", nargs="+", metavar="STACK", help="a stack file, such as stacks/a.toml"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="do not solve: exit 0 when the lock is fresh, 1 when it is not, and say why",
    )
    parser.add_argument(
        "--update",
        nargs="+",
        metavar="NAME",
        help="move only these packages of the existing lock, and what they force",
    )
    parser.add_argument("--platform", action="append", default=[], help="solve only this platform")
    parser.add_argument(
        "--as-of",
        metavar="DATE",
        help="see only builds up to this date (2026-01-31, or with a time)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing, print the difference"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")


def run(arguments: argparse.Namespace) -> int:
    """Solve or check every stack; the worst exit status wins."""
    status = ExitCode.YES
    action = _check if arguments.check else _solve
    for path in arguments.stacks:
        status = max(status, action(path, arguments))
    return status


def _check(path: str, arguments: argparse.Namespace) -> ExitCode:
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.wiring import load_stack, pins_beside
    from envlock.workflows.check import check_lock

    stack = load_stack(path)
    checked = check_lock(stack, path, pins_beside(path), DiskWorkspace())
    verdict, reasons = _verdict(checked.freshness)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        print(format_canonical({"lock": checked.path, "verdict": verdict, "reasons": reasons}))
    elif not arguments.quiet:
        print(f"{checked.path}: {verdict}")
        for reason in reasons:
            print(f"  {reason}")
        if verdict != "fresh":
            print(f"\nhint: `envlock solve {path}` locks it anew", file=sys.stderr)
    return ExitCode.YES if verdict == "fresh" else ExitCode.NO


def _verdict(freshness: Freshness) -> tuple[str, Sequence[str]]:
    from envlock.solve.freshness import Fresh, Stale, Unknown

    match freshness:
        case Fresh():
            return "fresh", ()
        case Stale(reasons=reasons):
            return "stale", reasons
        case Unknown(reason=reason):
            return "unknown", (reason,)


def _solve(path: str, arguments: argparse.Namespace) -> ExitCode:
    from envlock.cli.wiring import load_stack, make_solve_tools
    from envlock.workflows.solve import SolveOptions, solve_stack

    stack = load_stack(path)
    options = SolveOptions(
        platforms=tuple(parse_platform(text) for text in arguments.platform),
        as_of_ms=_as_of(arguments.as_of),
        update=tuple(arguments.update) if arguments.update else None,
        write=not arguments.dry_run,
    )
    tools = make_solve_tools(path, arguments)
    solved = solve_stack(stack, path, options, tools)
    from envlock.cli.render import describe_solve, render_solve

    if arguments.json:
        from envlock.formats.canonical import format_canonical

        print(format_canonical(describe_solve(stack, solved, written=options.write)))
    elif not arguments.quiet:
        sys.stderr.write(render_solve(stack, solved, written=options.write))
        print(solved.path)
    return ExitCode.YES


def parse_platform(text: str) -> Any:
    """Return the platform of that name; raises `EnvlockError` with the names that there are."""
    from envlock.model.platform import Platform

    try:
        return Platform(text)
    except ValueError:
        known = ", ".join(Platform)
        raise EnvlockError(f"--platform: expected one of {known}, found `{text}`") from None


def _as_of(text: str | None) -> int | None:
    from datetime import UTC, datetime, timedelta

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise EnvlockError(
            f"--as-of: expected a date such as 2026-01-31 or 2026-01-31T12:00:00Z, found `{text}`"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if "T" not in text and " " not in text:
        moment += timedelta(days=1, milliseconds=-1)  # the whole of that day counts
    return round(moment.timestamp() * 1000)
