"""What was found in a store, and done to it, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import to_builtins

from envlock.cli.table import count, format_bytes, format_table, printable, terminal_width
from envlock.model.keeping import Depth, Part

if TYPE_CHECKING:
    from envlock.model.keeping import Damage, Usage, Verification
    from envlock.workflows.care import Repair

_SHOWN = 20
"""So many files of one thing; the rest is counted."""
_COUNTED = (Part.ENVIRONMENT, Part.TREE, Part.ARTIFACT)
_WORDS = {Part.ARTIFACT: "download"}
_USAGE = ("environment", "built", "own", "shared", "collecting frees")


# --- verify ---------------------------------------------------------------------------------------


def render_verification(found: Verification, depth: Depth) -> Iterator[str]:
    """Yield every difference, file by file, then what was looked at."""
    for damage in found.damages:
        yield from _damage(damage)
    looked = ", ".join(
        count(found.counts.get(part, 0), _WORDS.get(part, part.value)) for part in _COUNTED
    )
    read = f", {format_bytes(found.size_bytes)} read" if depth is Depth.FULL else ", not read"
    verdict = (
        f"{count(len(found.damages), 'part')} not as sealed"
        if found.damages
        else "all is as sealed"
    )
    yield f"{verdict}: {looked}; {count(found.files, 'file')}{read}"


def _damage(damage: Damage) -> Iterator[str]:
    yield printable(_name(damage) + (f": {damage.problem}" if damage.problem else ""))
    for difference in damage.differences[:_SHOWN]:
        yield printable(f"  {difference}")
    if len(damage.differences) > _SHOWN:
        yield f"  and {len(damage.differences) - _SHOWN:,} more"


def _name(damage: Damage) -> str:
    return f"{_WORDS.get(damage.part, damage.part.value)} {damage.name}"


def describe_verification(found: Verification, depth: Depth) -> Mapping[str, object]:
    """Return a verification as plain data."""
    return {
        "is_whole": not found.damages,
        "depth": depth.value,
        "looked_at": {part.value: number for part, number in found.counts.items()},
        "files": found.files,
        "read_bytes": found.size_bytes,
        "damages": to_builtins(found.damages),
        "notes": list(found.notes),
    }


# --- repair ---------------------------------------------------------------------------------------


def render_repair(done: Repair) -> Iterator[str]:
    """Yield what was put back, and what could not be and why."""
    for damage in done.repaired:
        yield printable(f"repaired {_name(damage)}: {_summary(damage)}")
    for each in done.unrepaired:
        yield printable(f"not repaired: {_name(each.damage)}: {_summary(each.damage)}")
        yield from (printable(f"  {line}") for line in each.error.message.split("\n"))
    if not done.repaired and not done.unrepaired:
        yield "all is as sealed; nothing had to be repaired"
    elif done.unrepaired:
        yield (
            f"{count(len(done.repaired), 'part')} repaired, "
            f"{len(done.unrepaired):,} could not be repaired"
        )
    else:
        yield f"{count(len(done.repaired), 'part')} repaired; all is as sealed"


def _summary(damage: Damage) -> str:
    if damage.problem:
        return damage.problem
    first = damage.differences[0]
    rest = len(damage.differences) - 1
    return f"{first}" + (f", and {rest:,} more" if rest else "")


def describe_repair(done: Repair) -> Mapping[str, object]:
    """Return a repair as plain data."""
    return {
        "is_whole": not done.unrepaired,
        "repaired": to_builtins(done.repaired),
        "unrepaired": [
            {**to_builtins(each.damage), **each.error.fields()} for each in done.unrepaired
        ],
        "notes": list(done.found.notes),
    }


# --- du -------------------------------------------------------------------------------------------


def render_usage(usage: Usage) -> Iterator[str]:
    """Yield what each environment takes, then the whole store."""
    from envlock.cli.care_wiring import short_time

    rows = [
        (
            f"{each.environment.key[:8]}… {each.environment.name}",
            short_time(each.environment.built_at),
            format_bytes(each.own_bytes),
            format_bytes(each.shared_bytes),
            format_bytes(each.frees_bytes),
        )
        for each in usage.environments
    ]
    if rows:
        yield from format_table([_USAGE, *rows], right=(2, 3, 4), cut=0, width=terminal_width())
        yield ""
    parts = [(part, format_bytes(size)) for part, size in usage.parts.items()]
    yield from format_table([*parts, ("in all", format_bytes(usage.total_bytes))], right=(1,))
    alone = sum(each.own_bytes + each.shared_bytes for each in usage.environments)
    content = format_bytes(usage.content_bytes)
    yield f"content of the environments, each file once: {content}; unshared: {format_bytes(alone)}"


def describe_usage(usage: Usage) -> Mapping[str, object]:
    """Return a measurement as plain data."""
    return {
        "environments": [
            {
                "label": each.environment.label,
                "name": each.environment.name,
                "own_bytes": each.own_bytes,
                "shared_bytes": each.shared_bytes,
                "frees_bytes": each.frees_bytes,
            }
            for each in usage.environments
        ],
        "parts_bytes": dict(usage.parts),
        "total_bytes": usage.total_bytes,
        "content_bytes": usage.content_bytes,
    }
