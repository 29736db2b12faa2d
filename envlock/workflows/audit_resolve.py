"""The level `resolve`: solve a lock of ours again from its pin, and say what came out otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType

from envlock.errors import EnvlockError, LockError, NoSolutionError, PinError
from envlock.formats.conda_lock import FACT_PREFIX, read_lock
from envlock.model.lock import LockedPackage
from envlock.model.reading import Reading
from envlock.model.sight import Difference
from envlock.solve.difference import Aspect, HeadChange, PackageChange, compare_locks, parse_archive
from envlock.solve.freshness import PIN, RECORDING
from envlock.workflows.audit_stack import NOT_SOLVED_AGAIN, Again, StackSeen, is_ours, why
from envlock.workflows.audit_tools import AuditTools

_PLACES = frozenset([Aspect.VERSION, Aspect.BUILD, Aspect.CHANNEL, Aspect.FILE])
"""Where one of these differs, it is another file, and its hash and its requirements follow."""


def resolve_again(reading: Reading, content: bytes, beside: StackSeen, tools: AuditTools) -> Again:
    """Solve a lock's stack again, write nothing, and compare byte for byte."""
    blind = _why_not(reading, beside)
    if blind or beside.stack is None:
        return Again(blind=blind)
    from envlock.workflows.solve import (  # noqa: PLC0415 - a solver is costly to import
        SolveOptions,
        assigned_pin,
        solve_stack,
    )

    pins = tools.pins_beside(beside.path)
    try:
        options = SolveOptions(as_of_ms=_as_of_ms(reading), write=False)
        # All of it: a solver's cache would hide that a part was altered.
        pins.repodata(assigned_pin(beside.stack, beside.path, pins))
        solved = solve_stack(beside.stack, beside.path, options, tools.solve_tools(beside.path))
    except PinError as error:
        return Again(blind=why(error), unsolvable=(why(error),))
    except NoSolutionError as error:
        count = f"{len(reading.packages):,} packages"
        lost = Difference(
            subject=beside.stack.name, field="solution", was=count, now=f"none: {why(error)}"
        )
        return Again(differences=(lost,))
    except EnvlockError as error:
        return Again(blind=why(error))
    before = content.replace(b"\r\n", b"\n")
    if before == solved.content:
        return Again()
    return Again(differences=tuple(_differences(before, solved.content, beside)))


def _why_not(reading: Reading, beside: StackSeen) -> str:
    if not is_ours(reading):
        return NOT_SOLVED_AGAIN
    if beside.blind or beside.unsolvable:
        return beside.blind or "; ".join(beside.unsolvable)
    if beside.is_earlier:
        return "it is read from the history, and solving acts on files that lie on the disk"
    updated = reading.facts.get(f"{FACT_PREFIX}updated")
    if updated:
        return (
            f"it was made by `solve --update {updated}` from an earlier lock, and solving from "
            "nothing is another question"
        )
    return ""


def _as_of_ms(reading: Reading) -> int | None:
    """Return the moment that a lock was frozen at, in milliseconds since 1970.

    Raises `LockError` for what is none.
    """
    text = reading.facts.get(f"{FACT_PREFIX}as-of")
    if text is None:
        return None
    try:
        return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise LockError("its head names no moment that it was frozen at") from None


def _differences(before: bytes, after: bytes, beside: StackSeen) -> Iterator[Difference]:
    found = compare_locks(read_lock(before, "the lock"), read_lock(after, "the new lock"))
    packages = [
        difference
        for platform, changes in found.platforms.items()
        for change in changes
        for difference in _of_package(change, platform)
    ]
    yield from packages
    heads = [] if packages else list(_of_head(found.head, beside))
    yield from heads
    if not packages and not heads and not beside.stale:
        yield Difference(
            subject="the file",
            field="bytes",
            was=sha256(before).hexdigest(),
            now=sha256(after).hexdigest(),
        )


def _of_package(change: PackageChange, platform: str) -> Iterator[Difference]:
    before, after = change.before, change.after
    if before is None or after is None:
        sides = [f"{item.name} {item.version}" if item else "" for item in (before, after)]
        yield _difference(change, platform, "package", *sides)
        return
    first = change.aspects[0]
    aspects = (first,) if first in _PLACES else change.aspects
    for aspect in aspects:
        yield _difference(change, platform, *_field(aspect, before, after))


def _difference(change: PackageChange, platform: str, field: str, was: str, now: str) -> Difference:
    return Difference(subject=change.either.name, field=field, was=was, now=now, platform=platform)


_VALUES: Mapping[Aspect, Callable[[LockedPackage], str]] = MappingProxyType(
    {
        Aspect.VERSION: lambda item: item.version,
        Aspect.BUILD: lambda item: parse_archive(item).build,
        Aspect.CHANNEL: lambda item: parse_archive(item).channel,
        Aspect.FILE: lambda item: item.url,
        Aspect.CATEGORY: lambda item: item.category,
    }
)


def _field(aspect: Aspect, before: LockedPackage, after: LockedPackage) -> tuple[str, str, str]:
    """Return what differs of a package, and how it is on either side."""
    if aspect is Aspect.DEPENDENCIES:
        return "depends", *_only_changed(before, after)
    if aspect is Aspect.HASH:
        is_sha256 = before.sha256 != after.sha256
        name = "sha256" if is_sha256 else "md5"
        old, new = ((item.sha256 if is_sha256 else item.md5) or "" for item in (before, after))
        return name, old, new
    value = _VALUES[aspect]
    return aspect.value, value(before), value(after)


def _only_changed(before: LockedPackage, after: LockedPackage) -> tuple[str, str]:
    old, new = set(before.dependencies.items()), set(after.dependencies.items())
    sides = (
        ", ".join(f"{name} {spec}".rstrip() for name, spec in sorted(side))
        for side in (old - new, new - old)
    )
    was, now = sides
    return was, now


def _of_head(changes: tuple[HeadChange, ...], beside: StackSeen) -> Iterator[Difference]:
    """Yield what differs of the head; a stale lock's other origin is told as that."""
    origin = {key.removeprefix(FACT_PREFIX) for key in (PIN, RECORDING)} | {"pin-origin"}
    for change in changes:
        is_told = change.key in origin or change.key.startswith("inputs: ")
        if not (beside.stale and is_told):
            yield Difference(
                subject=change.key, field="head", was=change.before or "", now=change.after or ""
            )
