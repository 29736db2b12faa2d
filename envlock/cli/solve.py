"""`envlock solve`: from a stack file to a lock that installs anywhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envlock.cli.main import print_error
from envlock.errors import EnvlockError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from envlock.solve.freshness import Freshness
    from envlock.workflows.solve import SolveOptions


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
        "--strict",
        action="store_true",
        help="refuse also where no fact says whether a GPU of the stack finds its code",
    )
    parser.add_argument(
        "--sandbox",
        choices=["isolated", "none"],
        default="isolated",
        help="`none` builds the stack's recipes without walls, with the network and the whole "
        "disk in reach; the lock says so. Default: isolated",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing, print the difference"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="print the solver's own words with an error"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")


def run(arguments: argparse.Namespace) -> int:
    """Solve or check every stack, also after one that fails; the worst exit status wins."""
    options = _options(arguments)
    told: list[Mapping[str, object]] = []
    status = ExitCode.YES
    for path in arguments.stacks:
        try:
            of_this, facts = (
                _check(path, arguments) if arguments.check else _solve(path, options, arguments)
            )
        except EnvlockError as error:
            if arguments.verbose and error.detail:
                print(f"the solver says:\n{error.detail}\n", file=sys.stderr)
            if len(arguments.stacks) == 1:
                raise
            of_this, facts = error.exit_code, {"stack": path, **error.fields()}
            if not arguments.json:
                print_error(error)
        status = max(status, of_this)
        told.append(facts)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        print(format_canonical(told[0] if len(told) == 1 else {"stacks": told}))
    return status


def _options(arguments: argparse.Namespace) -> SolveOptions:
    from envlock.workflows.solve import SolveOptions

    return SolveOptions(
        platforms=tuple(map(parse_platform, arguments.platform)),
        as_of_ms=as_of_ms(arguments.as_of),
        update=tuple(arguments.update) if arguments.update else None,
        write=not arguments.dry_run,
        strict=arguments.strict,
    )


def _check(path: str, arguments: argparse.Namespace) -> tuple[ExitCode, Mapping[str, object]]:
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.wiring import load_stack, pins_beside, recipe_sources_beside, recordings_beside
    from envlock.workflows.check import check_lock

    stack = load_stack(path)
    checked = check_lock(
        stack,
        path,
        pins_beside(path),
        DiskWorkspace(),
        recordings_beside(path),
        recipe_sources_beside(path),
    )
    verdict, reasons = _verdict(checked.freshness)
    if not arguments.json and not arguments.quiet:
        print(f"{checked.path}: {verdict}")
        for reason in reasons:
            print(f"  {reason}")
        if verdict != "fresh":
            print(f"\nhint: `envlock solve {path}` locks it anew", file=sys.stderr)
    facts = {"stack": path, "lock": checked.path, "verdict": verdict, "reasons": list(reasons)}
    return ExitCode.YES if verdict == "fresh" else ExitCode.NO, facts


def _verdict(freshness: Freshness) -> tuple[str, Sequence[str]]:
    from envlock.solve.freshness import Fresh, Missing, Stale, Unknown

    match freshness:
        case Fresh():
            return "fresh", ()
        case Stale(reasons=reasons):
            return "stale", reasons
        case Missing():
            return "missing", ()
        case Unknown(reason=reason):
            return "unknown", (reason,)


def _solve(
    path: str, options: SolveOptions, arguments: argparse.Namespace
) -> tuple[ExitCode, Mapping[str, object]]:
    from envlock.cli.wiring import load_stack, make_solve_tools
    from envlock.workflows.solve import solve_stack

    stack = load_stack(path)
    solved = solve_stack(stack, path, options, make_solve_tools(path, arguments))
    from envlock.cli.progress import clear_line

    clear_line()
    from envlock.cli.render import describe_solve, render_solve

    if not arguments.json and not arguments.quiet:
        sys.stdout.flush()
        sys.stderr.write(render_solve(stack, solved, written=options.write))
        sys.stderr.flush()
        print(solved.path)
    return ExitCode.YES, describe_solve(stack, solved, written=options.write)


def parse_platform(text: str) -> Any:
    """Return the platform of that name; raises `EnvlockError` with the names that there are."""
    from envlock.model.platform import Platform

    try:
        return Platform(text)
    except ValueError:
        known = ", ".join(Platform)
        raise EnvlockError(f"--platform: expected one of {known}, found `{text}`") from None


def as_of_ms(text: str | None) -> int | None:
    """Return a date of the command line in milliseconds since 1970; a day counts whole."""
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
        moment += timedelta(days=1, seconds=-1)  # the whole of that day counts
    return round(moment.timestamp() * 1000)
