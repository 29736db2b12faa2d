"""The PyPI half of a solve: distributions, what is asked of them, and what comes back.

Names are normalised (PEP 503) everywhere but in the words of the stack. A URL is public: where a
stack's index has a secret in it, the variable that holds it stands there instead, `${TOKEN}`.
"""

from __future__ import annotations

from msgspec import Struct

from envlock.model.platform import Platform
from envlock.model.stack import Where
from envlock.model.verdict import Kernels


class DistributionFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wheel or a source archive as its index lists it."""

    file_name: str
    url: str
    """Public; see the module. Relative to the stack's folder for a local flat index."""
    sha256: str
    size_bytes: int | None = None
    uploaded: str = ""
    """UTC, `2025-03-05T20:05:00Z`; empty where the index does not say."""
    requires_python: str = ""
    yanked: str | None = None
    """The reason, perhaps empty; None for a file that is not yanked."""


class Page(Struct, frozen=True, kw_only=True):
    """What an index has of one project."""

    index: str
    """The index's name, `DEFAULT_INDEX` or that of a `[[pypi-index]]`."""
    name: str
    files: tuple[DistributionFile, ...]
    """In the order of the file names."""


class PypiAsk(Struct, frozen=True, kw_only=True):
    """One requirement or constraint, and who says it."""

    name: str
    requirement: str
    """PEP 508 text, as the resolver gets it."""
    wish: str
    """The same in the words of the stack, for people."""
    where: Where


class FixedPoint(Struct, frozen=True, kw_only=True):
    """A distribution that the conda half provides: the resolver may not choose another."""

    name: str
    version: str
    package: str
    """The conda package that brings it, `pytorch 2.5.1 py3.11_cuda12.1…`."""


class PypiQuestion(Struct, frozen=True, kw_only=True):
    """Everything that decides the PyPI half of one platform, apart from the pin."""

    platform: Platform
    python: str
    """The interpreter's full version, from the conda half: `3.11.15`."""
    glibc: str | None
    macos: str | None
    asks: tuple[PypiAsk, ...]
    constraints: tuple[PypiAsk, ...]
    """What must hold for a distribution if it is installed at all."""
    fixed: tuple[FixedPoint, ...]
    as_of: str
    """Files uploaded later are not seen; UTC, ISO."""
    keep: tuple[tuple[str, str], ...] = ()
    """Names and versions of an earlier answer that are preferred where they still fit."""


class Distribution(Struct, frozen=True, kw_only=True):
    """One chosen distribution."""

    name: str
    version: str
    index: str
    file: DistributionFile
    depends: tuple[tuple[str, str], ...]
    """Its requirements that hold on the platform, name and specifiers, ordered; `*` is any."""
    kernels: Kernels | None = None
    """Its GPU code, where it was looked for."""


class PypiAnswer(Struct, frozen=True, kw_only=True):
    """The distributions of one platform, by name, without the fixed points."""

    platform: Platform
    distributions: tuple[Distribution, ...]


class PypiConflict(Struct, frozen=True, kw_only=True):
    """The resolver found no answer."""

    platform: Platform
    resolver_message: str
    """The resolver's own words: a detail for people, never parsed for decisions."""
