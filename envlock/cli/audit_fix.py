"""`envlock audit --fix`: show what would be repaired, ask, write."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from envlock.errors import EnvlockError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from envlock.model.repair import Fix
    from envlock.workflows.audit_tools import AuditTools


def add_fix_options(parser: Any) -> None:
    """Describe the options of repairs."""
    parser.add_argument(
        "--fix",
        action="store_true",
        help="repair first what has one right answer: missing SHA-256 of conda packages from the "
        "index pins beside the file, line ends and a byte-order mark, the order of a lock of ours; "
        "shows the difference and asks",
    )
    parser.add_argument("-y", "--yes", action="store_true", help="with --fix: do not ask")
    parser.add_argument(
        "--dry-run", action="store_true", help="with --fix: only show the difference (exit 1)"
    )


def refuse_fix_options(arguments: argparse.Namespace) -> None:
    """Raise `EnvlockError` for options of repairs without `--fix`, or both at once."""
    for option, is_given in (("--yes", arguments.yes), ("--dry-run", arguments.dry_run)):
        if is_given and not arguments.fix:
            raise EnvlockError(f"{option}: it belongs to --fix, which is not given")
    if arguments.yes and arguments.dry_run:
        raise EnvlockError("--yes: nothing is written with --dry-run; expected one of them")


def fix_files(arguments: argparse.Namespace, tools: AuditTools) -> ExitCode | None:
    """Repair the files that the paths mean; return a status where the audit must not follow.

    What cannot be repaired is told, and left to the audit. Raises `EnvlockError` for a path in the
    history, which nobody can write to.
    """
    from envlock.cli.table import count
    from envlock.model.reading import FileKind
    from envlock.workflows.audit_targets import find_targets
    from envlock.workflows.fix import FixTools, plan_fix, write_fix

    own = FixTools(workspace=tools.workspace, pins_beside=tools.pins_beside)
    kind = FileKind(arguments.kind) if arguments.kind else None
    fixes: list[Fix] = []
    seen: set[str] = set()
    for target in find_targets(arguments.paths, tools):
        if target.revision is not None:
            raise EnvlockError(
                f"--fix: {target.label} lies in the history, and that cannot be written to"
            )
        place = os.path.realpath(target.path)
        if place in seen:  # a link to what is repaired already
            continue
        seen.add(place)
        try:
            fixes.append(plan_fix(target.path, own, kind))
        except EnvlockError as error:
            print(f"not repaired: {error}", file=sys.stderr)
    changed = [fix for fix in fixes if fix.after != fix.before]
    if not changed:
        print(f"nothing to repair in {count(len(fixes), 'file')}", file=sys.stderr)
        return ExitCode.NO if arguments.dry_run and not fixes else None
    _show(changed)
    if not _may_write(changed, arguments):
        return ExitCode.NO
    for fix in changed:
        write_fix(fix, own)
    print(f"repaired {count(len(changed), 'file')}", file=sys.stderr)
    return None


def _show(fixes: Sequence[Fix]) -> None:
    from envlock.workflows.fix import describe_fix

    for fix in fixes:
        sys.stderr.write("".join(f"{line}\n" for line in describe_fix(fix)))


def _may_write(fixes: Sequence[Fix], arguments: argparse.Namespace) -> bool:
    from envlock.cli.table import count

    if arguments.dry_run:
        return False
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        print("nothing was written: nobody is there to ask\n\nhint: add `--yes`", file=sys.stderr)
        return False
    print(f"write {count(len(fixes), 'file')}? [y/N]: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    print("nothing was written", file=sys.stderr)
    return False
