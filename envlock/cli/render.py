"""A finished solve, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from envlock.cli.table import (
    FACT_NAMES,
    LAST_FACTS,
    count,
    format_bytes,
    format_facts,
    terminal_width,
)

if TYPE_CHECKING:
    from envlock.model.question import Answer
    from envlock.model.stack import Stack
    from envlock.workflows.solve import Solved

_PREFIX = "envlock/"
_LISTED = 40
"""How many lines of changes a solve prints."""


def describe_solve(stack: Stack, solved: Solved, *, written: bool) -> Mapping[str, object]:
    """Return a solve as plain data."""
    return {
        "stack": stack.name,
        "lock": solved.path,
        "changed": solved.changed,
        "written": solved.changed and written,
        "facts": dict(solved.lock.head.facts),
        "platforms": {
            answer.platform.value: {
                "packages": len(answer.packages),
                "distributions": len(answer.distributions),
                "download_bytes": _total_bytes(answer),
            }
            for answer in solved.answers
        },
    }


def render_solve(stack: Stack, solved: Solved, *, written: bool) -> str:
    """Return what a person should see after a solve: a block per platform, then what was done."""
    lines = [f"{stack.name}: {stack.description}"] if stack.description else [stack.name]
    for answer in solved.answers:
        lines.append(f"\n  {answer.platform}: {_counted(answer)}, {_download(answer)} to download")
        facts = list(_facts(stack, solved, answer))
        lines.extend(format_facts(facts, width=terminal_width(talk=True), indent="    "))
    lines.extend(_difference(solved))
    if solved.lock.head.facts.get(f"{_PREFIX}pin-origin", "").startswith("observed"):
        lines.append(
            "\nnote: solved from an observed pin, a partial view of the channels; "
            "`envlock index show` tells more"
        )
    lines.append(f"\n{_outcome(solved, written=written)}")
    return "\n".join(lines) + "\n"


def _difference(solved: Solved) -> list[str]:
    """Return what moved against the lock that was there, cut where it gets long."""
    if solved.before is None or not solved.changed:
        return []
    from envlock.cli.diff import render_packages
    from envlock.errors import LockError
    from envlock.formats.conda_lock import read_lock
    from envlock.solve.difference import compare_locks

    try:
        before = read_lock(solved.before, solved.path)
    except LockError:
        return ["\n  the lock that was there could not be read; nothing to compare with"]
    lines = [f"  {line}".rstrip() for line in render_packages(compare_locks(before, solved.lock))]
    if len(lines) <= _LISTED:
        return lines
    return [*lines[:_LISTED], f"  … and {len(lines) - _LISTED} more lines; `envlock diff` has all"]


def _facts(stack: Stack, solved: Solved, answer: Answer) -> Iterable[tuple[str, str]]:
    facts = solved.lock.head.facts
    names = [item.name for item in stack.frameworks_on(answer.platform)]
    for key in (*names, *LAST_FACTS):
        value = facts.get(f"{_PREFIX}{answer.platform}/{key}")
        if value:
            yield FACT_NAMES.get(key, key), value


def _counted(answer: Answer) -> str:
    packages = count(len(answer.packages), "package")
    if not answer.distributions:
        return packages
    return f"{packages} and {count(len(answer.distributions), 'distribution')} from PyPI"


def _sizes(answer: Answer) -> list[int | None]:
    wheels = (item.file.size_bytes for item in answer.distributions)
    return [*(package.size_bytes for package in answer.packages), *wheels]


def _download(answer: Answer) -> str:
    sizes = _sizes(answer)
    known = [size for size in sizes if size is not None]
    return ("" if len(known) == len(sizes) else "at least ") + format_bytes(sum(known))


def _total_bytes(answer: Answer) -> int | None:
    sizes = _sizes(answer)
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _outcome(solved: Solved, *, written: bool) -> str:
    if not solved.changed:
        return f"unchanged: {solved.path}"
    if not written:
        return f"not written (--dry-run): {solved.path} would change"
    return f"wrote {solved.path}"
