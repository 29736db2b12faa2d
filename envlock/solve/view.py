"""One platform of a stack beside what the pin holds for it: all that pure reasoning looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from envlock.compat.builds import Build, read_build
from envlock.compat.components import component_of
from envlock.compat.frameworks import FrameworkFacts, framework, known_frameworks
from envlock.formats.channel import channel_url
from envlock.model.package import Package, Variant
from envlock.model.pin import Origin
from envlock.model.platform import Accelerator, Platform
from envlock.model.stack import ChannelPriority, Framework, FrameworkSource, Gpu, Stack

_MINORS = range(100)
_Record = TypeVar("_Record", Package, Variant)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A stack on one platform, over one pin."""

    stack: Stack
    platform: Platform
    origin: Origin
    digest: str
    """Of the pin, 64 hex digits."""
    asked: tuple[str, ...]
    """The specs that the pin was asked for; empty where it does not say."""
    records: Mapping[str, tuple[Variant, ...]]
    """The builds of what `builds_to_consult` names."""
    admits: Callable[[str, str], bool]
    """Whether a version range (first) holds a version (second)."""

    @property
    def gpu(self) -> Gpu | None:
        """The `[gpu]` table where the platform computes on CUDA, None elsewhere."""
        on_cuda = self.stack.accelerator(self.platform) is Accelerator.CUDA
        return self.stack.gpu if on_cuda else None

    def asked_of(self, name: str) -> tuple[str, ...] | None:
        """Return the version ranges of a name that the pin was asked for, `*` for all.

        Empty: it was never asked for. None: the pin does not say what it was asked.
        """
        if not self.asked:
            return None
        pairs = (spec.partition(" ") for spec in self.asked)
        return tuple(wanted or "*" for asked, _, wanted in pairs if asked == name)

    def frameworks(self) -> tuple[tuple[Framework, FrameworkFacts], ...]:
        """Return the platform's frameworks from conda, each with its facts."""
        return tuple(
            (item, facts)
            for item in self.stack.frameworks_on(self.platform)
            if item.source is FrameworkSource.CONDA and (facts := framework(item.name))
        )

    def unlisted(self) -> tuple[FrameworkFacts, ...]:
        """Return the facts of known frameworks that the stack does not list on the platform.

        They can come in all the same: as a plain dependency, or below one.
        """
        listed = {item.name for item in self.stack.frameworks_on(self.platform)}
        known = (framework(name) for name in known_frameworks() if name not in listed)
        return tuple(facts for facts in known if facts)

    def admits_cudnn(self, wanted: str, version: str) -> bool:
        """Say whether a cuDNN range can hold what a build names; `8` alone is some 8.x."""
        if version.isdigit():
            return any(self.admits(wanted, f"{version}.{minor}") for minor in _MINORS)
        return self.admits(wanted, version)

    def visible(self, records: Iterable[_Record]) -> tuple[_Record, ...]:
        """Return the records that the solver may choose under the stack's channel priority."""
        found = tuple(records)
        if self.stack.channel_priority is ChannelPriority.DISABLED:
            return found
        for channel in map(channel_url, self.stack.channels):
            of_channel = tuple(item for item in found if item.channel == channel)
            if of_channel:
                return of_channel
        return ()

    def builds(self, name: str) -> tuple[Variant, ...]:
        """Return the visible builds of a name that was consulted."""
        return self.visible(self.records.get(name, ()))

    def origin_hints(self) -> tuple[str, ...]:
        """Return what a person should know of the pin when something is missing from it."""
        if self.origin is Origin.LIVE:
            return ()
        update = f"`envlock index update {self.stack.python.where.file}` asks the channels"
        return (f"the pin is a partial view, collected from published locks; {update}",)

    def read_build(self, record: Package | Variant) -> Build:
        """Say what a record was built for."""
        return read_build(record.name, record.build, record.channel, self.platform.system)


def needs_pin(stack: Stack, platform: Platform) -> bool:
    """Say whether a platform's question depends on what the pin holds."""
    on_cuda = stack.gpu is not None and stack.accelerator(platform) is Accelerator.CUDA
    return on_cuda or bool(stack.frameworks_on(platform))


def builds_to_consult(stack: Stack, platform: Platform, names: Iterable[str]) -> Mapping[str, str]:
    """Return what a view must hold, of a pin's names: name -> version range.

    That is the CUDA family, every known framework with what goes with it, and what the stack asks
    for; of that only the versions that it would take.
    """
    present = frozenset(names)
    wanted = {name: "*" for name in present if component_of(name)}
    for known in known_frameworks():
        facts = framework(known)
        if facts:
            around = (*facts.asks, facts.carrier, *facts.companions)
            wanted.update((name, "*") for name in around if name in present)
    wanted.update(
        (item.name, item.version)
        for item in stack.dependencies_on(platform)
        if item.name in present
    )
    for item in stack.frameworks_on(platform):
        facts = framework(item.name)
        if facts and facts.asks[0] in present:
            wanted[facts.asks[0]] = item.version
    return {name: wanted[name] for name in sorted(wanted)}
