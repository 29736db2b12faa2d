"""The package index as a resolver sees it, and the resolver.

A `PackageSource` answers what a resolver asks: live, from a recording, or live while recording. The
resolver's backend stands between: it serves a source to its program and maps the result back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from envlock.model.pypi import (
    DistributionFile,
    Page,
    PypiAnswer,
    PypiConflict,
    PypiQuestion,
)
from envlock.model.stack import IndexFormat
from envlock.model.verdict import Kernels


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSource:
    """A package index, and where it is asked."""

    name: str
    url: str
    """The public address, perhaps with `${VARIABLE}` in it; empty for the default index."""
    location: str
    """The address that is asked, variables still in it: the index's own, a mirror's, a folder."""
    format: IndexFormat = IndexFormat.SIMPLE
    packages: tuple[str, ...] = ()
    """The normalised names that it owns; empty for the default index."""


class PackageSource(Protocol):
    """Answers of package indexes. Each project has one owner: the first index that lists it."""

    def page(self, name: str) -> Page | None:
        """Return what the owner has of a project, None when it has no such project.

        Raises `WorldError` when the index does not answer, refuses, or sends what is no page, and
        `PinError` when a recording was never asked for it.
        """
        ...

    def url_page(self, name: str, url: str) -> Page:
        """Return the page of a project that may come from one address only. Raises as `page`."""
        ...

    def metadata(self, file: DistributionFile) -> bytes:
        """Return the METADATA of a listed file. Raises as `page` does."""
        ...

    def kernels(self, name: str, version: str, file: DistributionFile) -> Kernels | None:
        """Return the GPU code of a listed wheel, read off the artifact; None where it has none."""
        ...


class PypiResolver(Protocol):
    """Chooses distributions that fit together. Same question and source, same answer."""

    @property
    def identity(self) -> str:
        """Name and version, such as `uv 0.13.9`: recordings and locks name it."""
        ...

    def resolve(
        self, source: PackageSource, question: PypiQuestion, urls: Mapping[str, str]
    ) -> PypiAnswer | PypiConflict:
        """Answer a question. `urls` maps names to the one address that each may come from.

        Raises what the source raises, and `WorldError` when the resolver itself fails.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A recording, opened."""

    source: PackageSource
    identity: str
    """The resolver that it was made with: another one would ask for other things."""
    as_of: str


class Recorder(PackageSource, Protocol):
    """A live source that remembers what it was asked."""

    def recording(self, identity: str, as_of: str) -> bytes:
        """Return everything that was asked, canonically: same answers, same bytes."""
        ...


class PackageIndexes(Protocol):
    """Opens sources."""

    def live(
        self,
        indexes: Sequence[IndexSource],
        as_of: str,
        sdists: Sequence[str],
        pythons: Sequence[str] = (),
    ) -> Recorder:
        """Return a recording source over live indexes; files uploaded after `as_of` are not seen.

        `sdists` names the projects that may come as source archives; elsewhere wheels alone count.
        `pythons` are the minor versions that will be asked for, `3.11`: wheels that none of them
        can take are left out, which changes no answer and makes the recording small.
        """
        ...

    def replay(self, recording: bytes) -> Replay:
        """Open a recording. Raises `PinError` when it is not one."""
        ...
