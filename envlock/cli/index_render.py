"""Pins and what moved in them, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from msgspec import to_builtins

from envlock.cli.table import count, format_bytes, format_table
from envlock.formats.channel import channel_name
from envlock.formats.index_pin import NAME_DIGITS
from envlock.model.pin import Origin

if TYPE_CHECKING:
    from envlock.model.pin import Pin
    from envlock.workflows.index import PinDescription, PinResult
    from envlock.workflows.pin_changes import PackageMove

_SHOWN_MOVES = 30
_PARTIAL = "a partial view: real records, but not all that the channels have"


def describe_result(result: PinResult) -> Mapping[str, object]:
    """Return what was done as plain data."""
    return {
        "digest": result.digest,
        "origin": result.pin.origin.value,
        "as_of": result.pin.as_of,
        "stacks": list(result.stacks),
        "before": result.before,
        "changes": [asdict(change) for change in result.changes],
        "moves": [asdict(move) for move in result.moves],
        "left": list(result.left),
    }


def render_result(result: PinResult, folder: str) -> str:
    """Return what a person should see after a pin was made, asked again or widened."""
    if result.before == result.digest:
        return f"no record changed: {_named(result.pin, result.digest)} stays\n"
    lines = [_named(result.pin, result.digest), *_parts(result.pin), *_changes(result)]
    lines.append(f"wrote {folder}/{result.digest[:NAME_DIGITS]}")
    lines.append(f"{', '.join(result.stacks)}: solve from it now")
    if result.left:
        lines.append(f"{', '.join(result.left)}: still on the pin {(result.before or '')[:12]}")
    return "\n".join(lines) + "\n"


def describe_shown(shown: PinDescription) -> Mapping[str, object]:
    """Return a pin as plain data."""
    return {
        "digest": shown.digest,
        "origin": shown.pin.origin.value,
        "as_of": shown.pin.as_of,
        "age_days": shown.age_days,
        "channels": list(shown.pin.channels),
        "parts": [to_builtins(part) for part in shown.pin.parts],
        "stacks": list(shown.stacks),
    }


def render_shown(shown: PinDescription) -> str:
    """Return a pin as a person reads it."""
    age = "today" if shown.age_days == 0 else f"{shown.age_days:,} days ago"
    lines = [f"{_named(shown.pin, shown.digest)}, {age}", f"  digest  {shown.digest}"]
    lines.append(f"  stacks  {', '.join(shown.stacks) or 'none solves from it'}")
    if shown.pin.origin is Origin.OBSERVED:
        lines.append(f"  origin  {_PARTIAL}")
    return "\n".join([*lines, "", *_parts(shown.pin)]) + "\n"


def _named(pin: Pin, digest: str) -> str:
    return f"pin {digest[:12]} ({pin.origin}, as of {pin.as_of})"


def _parts(pin: Pin) -> list[str]:
    rows = [
        (
            channel_name(part.channel),
            part.subdir,
            count(part.records, "record"),
            format_bytes(part.size_bytes),
        )
        for part in pin.parts
    ]
    return format_table(rows, right=(2, 3), indent="  ")


def _changes(result: PinResult) -> Iterator[str]:
    if result.before and not result.changes:
        yield "  no record changed, but the pin's origin or folders did"
    for change in result.changes:
        counts = (
            f"{len(names):,} {word}"
            for word, names in (
                ("added", change.added),
                ("removed", change.removed),
                ("changed", change.changed),
            )
            if names
        )
        yield f"  {channel_name(change.channel)}/{change.subdir}: {', '.join(counts)}"
    for move in result.moves[:_SHOWN_MOVES]:
        yield f"    {_moved(move)}"
    if len(result.moves) > _SHOWN_MOVES:
        yield f"    and {len(result.moves) - _SHOWN_MOVES:,} packages more; --json lists them all"


def _moved(move: PackageMove) -> str:
    if move.before is None:
        return f"{move.name} {move.after} (new)"
    if move.after is None:
        return f"{move.name} {move.before} (gone)"
    return f"{move.name} {move.before} -> {move.after}"
