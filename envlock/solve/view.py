"""What of a pin matters to a question: the part that pure reasoning looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from envlock.compat.components import component_of
from envlock.compat.frameworks import framework, known_frameworks
from envlock.formats.channel import channel_url
from envlock.model.package import Package
from envlock.model.pin import Origin
from envlock.model.platform import Accelerator, Platform
from envlock.model.stack import ChannelPriority, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class PinView:
    """The records that decide GPU builds and CUDA constraints on one platform."""

    origin: Origin
    digest: str
    names: frozenset[str]
    """Every package name that the pin holds for the platform."""
    records: Mapping[str, tuple[Package, ...]]
    """All records of the names in `names_to_consult`."""
    admits: Callable[[str, str], bool]
    """Whether a version range (first) holds a version (second)."""


def names_to_consult(
    stack: Stack, platform: Platform, names: Iterable[str]
) -> tuple[str, ...]:
    """Return the names whose records a view must hold: frameworks and the CUDA family."""
    if not stack.frameworks_on(platform) and stack.accelerator(platform) is not Accelerator.CUDA:
        return ()
    wanted = {"cuda-version"}
    for known in known_frameworks():
        facts = framework(known)
        if facts:
            wanted.update((*facts.asks, facts.carrier, *facts.companions))
    return tuple(sorted(name for name in names if name in wanted or component_of(name)))


def visible(stack: Stack, records: Iterable[Package]) -> tuple[Package, ...]:
    """Return the records that the solver may choose under the stack's channel priority."""
    found = tuple(records)
    if stack.channel_priority is ChannelPriority.DISABLED:
        return found
    for channel in map(channel_url, stack.channels):
        of_channel = tuple(item for item in found if item.channel == channel)
        if of_channel:
            return of_channel
    return ()
