"""What a solver is asked for one platform, and what it answers."""

from __future__ import annotations

from msgspec import Struct

from envlock.model.package import Package
from envlock.model.platform import Platform
from envlock.model.pypi import Distribution
from envlock.model.stack import ChannelPriority, Where


class Ask(Struct, frozen=True, kw_only=True):
    """One match spec and who asks for it."""

    name: str
    spec: str
    """A conda match spec, exactly as the solver gets it."""
    wish: str
    """The same in the words of the stack, for people."""
    where: Where


class VirtualPackage(Struct, frozen=True, kw_only=True):
    """A fact about the machine that packages can depend on, such as `__cuda`."""

    name: str
    version: str
    build: str = "0"
    because: str = ""
    """Why it has this value: the key of the stack, or a default."""


class Question(Struct, frozen=True, kw_only=True):
    """Everything that decides the answer for one platform, apart from the pin."""

    platform: Platform
    channels: tuple[str, ...]
    """Channel base URLs, first is preferred."""
    priority: ChannelPriority
    asks: tuple[Ask, ...]
    """What must be installed."""
    constraints: tuple[Ask, ...]
    """What must hold for a package if it is installed at all."""
    virtual_packages: tuple[VirtualPackage, ...]
    as_of_ms: int | None = None
    """Builds made later are not seen; milliseconds since 1970 UTC."""
    keep: tuple[Package, ...] = ()
    """Builds of an earlier answer that are preferred where they still fit."""


class Answer(Struct, frozen=True, kw_only=True):
    """The packages of one platform, by name; one build for each name."""

    platform: Platform
    packages: tuple[Package, ...]
    distributions: tuple[Distribution, ...] = ()
    """Those of the PyPI half, by name; empty for a stack of conda packages."""


class Conflict(Struct, frozen=True, kw_only=True):
    """The solver found no answer."""

    platform: Platform
    solver_message: str
    """The solver's own words: a detail for people, never parsed for decisions."""
