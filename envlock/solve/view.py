"""What of a pin matters to a question: the part that pure reasoning looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from envlock.compat.components import component_of
from envlock.compat.frameworks import framework, known_frameworks
from envlock.formats.channel import channel_url
from envlock.model.package import Package, Variant
from envlock.model.pin import Origin
from envlock.model.platform import Accelerator, Platform
from envlock.model.stack import ChannelPriority, Stack


_Record = TypeVar("_Record", Package, Variant)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinView:
    """The records that decide GPU builds and CUDA constraints on one platform."""

    origin: Origin
    digest: str
    records: Mapping[str, tuple[Variant, ...]]
    """All records of the names in `names_to_consult`."""
    admits: Callable[[str, str], bool]
    """Whether a version range (first) holds a version (second)."""


def needs_view(stack: Stack, platform: Platform) -> bool:
    """Say whether a platform's question depends on what the pin holds."""
    return bool(stack.frameworks_on(platform)) or (stack.accelerator(platform) is Accelerator.CUDA)


def names_to_consult(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of a pin's names that a view must hold: frameworks and the CUDA family."""
    wanted = {"cuda-version"}
    for known in known_frameworks():
        facts = framework(known)
        if facts:
            wanted.update((*facts.asks, facts.carrier, *facts.companions))
    return tuple(sorted(name for name in names if name in wanted or component_of(name)))


def visible(stack: Stack, records: Iterable[_Record]) -> tuple[_Record, ...]:
    """Return the records that the solver may choose under the stack's channel priority."""
    found = tuple(records)
    if stack.channel_priority is ChannelPriority.DISABLED:
        return found
    for channel in map(channel_url, stack.channels):
        of_channel = tuple(item for item in found if item.channel == channel)
        if of_channel:
            return of_channel
    return ()
