"""The door to py-rattler: conda match specs and the solver. No rattler type leaves it.

Why each call is made as it is:

- Solving reads `SparseRepoData` over a canonical pin only: records that tie (equal version, build
  and timestamp) are chosen by their order in the repodata.
- `exclude_newer` must be an aware UTC `datetime`; rattler replaces another zone, unconverted.
- rattler's threads may still hold Python objects when a short process ends, and then the
  interpreter dies while shutting down, after correct output. The command line leaves through
  `os._exit`; for everyone else `atexit` gives those threads a moment first.
"""

from __future__ import annotations

import asyncio
import atexit
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from rattler import (
    BuildString,
    Channel,
    ChannelPriority,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    SparseRepoData,
    Version,
    VersionSpec,
    solve_with_sparse_repodata,
)
from rattler.exceptions import InvalidMatchSpecError, SolverError

from envlock.model import stack as model_stack
from envlock.model.package import Package, Variant
from envlock.model.question import Answer, Conflict

if TYPE_CHECKING:
    from rattler import RepoDataRecord

    from envlock.model.pin import OpenPart, OpenPin
    from envlock.model.platform import Platform
    from envlock.model.question import Question, VirtualPackage

_SETTLE_SECONDS = 0.05
_PRIORITY = {
    model_stack.ChannelPriority.STRICT: ChannelPriority.Strict,
    model_stack.ChannelPriority.DISABLED: ChannelPriority.Disabled,
}


class RattlerSolver:
    """Implements `ports.solver.Solver`. Opened repodata is kept as long as the solver lives."""

    def __init__(self) -> None:
        self._opened: dict[tuple[str, str], SparseRepoData] = {}
        _settle_at_exit()

    @property
    def identity(self) -> str:
        """Name and version of the solver."""
        return f"py-rattler {_rattler_version()}"

    def spec_fault(self, spec: str) -> str | None:
        """Return what is wrong with a match spec; see the port."""
        try:
            MatchSpec(spec)
        except InvalidMatchSpecError as error:
            return str(error)
        return None

    def names(self, pin: OpenPin, platform: Platform) -> frozenset[str]:
        """Return every package name of a platform."""
        found: set[str] = set()
        for repodata in self._sources(pin, platform, pin.pin.channels):
            found.update(repodata.package_names())
        return frozenset(found)

    def candidates(
        self, pin: OpenPin, platform: Platform, wanted: Mapping[str, str]
    ) -> Mapping[str, tuple[Variant, ...]]:
        """Return the builds of some names and version ranges, in the pin's order."""
        sources = [
            (channel, source)
            for channel in pin.pin.channels
            for source in self._sources(pin, platform, [channel])
        ]
        return {
            name: tuple(
                Variant(name, str(record.version), str(record.build), channel)
                for channel, source in sources
                for record in _load(source, name, version)
            )
            for name, version in wanted.items()
        }

    def find(
        self, pin: OpenPin, platform: Platform, urls: Mapping[str, str]
    ) -> tuple[Package, ...]:
        """Return the records at some addresses."""
        return tuple(
            _to_package(record)
            for source in self._sources(pin, platform, pin.pin.channels)
            for name in sorted(set(urls.values()))
            for record in source.load_records(name)
            if record.url in urls
        )

    def matching(self, pin: OpenPin, platform: Platform, spec: str) -> tuple[Package, ...]:
        """Return the records that a match spec admits, in the pin's order."""
        match_spec = MatchSpec(spec)
        return tuple(
            _to_package(record)
            for source in self._sources(pin, platform, pin.pin.channels)
            for record in source.load_matching_records([match_spec])
        )

    def admits(self, version_spec: str, version: str) -> bool:
        """Say whether a version range holds a version."""
        return VersionSpec(version_spec).matches(Version(version))

    def solve(self, pin: OpenPin, questions: Iterable[Question]) -> tuple[Answer | Conflict, ...]:
        """Answer the questions side by side: rattler solves outside the interpreter lock."""

        async def answer_all() -> list[Answer | Conflict]:
            begun = []
            for question in questions:
                begun.append(asyncio.create_task(self._answer(pin, question)))
                await asyncio.sleep(0)  # the task sets off before the next question is made
            return await asyncio.gather(*begun)

        return tuple(asyncio.run(answer_all()))

    async def _answer(self, pin: OpenPin, question: Question) -> Answer | Conflict:
        sources = self._sources(pin, question.platform, question.channels)
        try:
            records = await solve_with_sparse_repodata(
                specs=[MatchSpec(ask.spec) for ask in question.asks],
                sparse_repodata=sources,
                constraints=[MatchSpec(ask.spec) for ask in question.constraints],
                virtual_packages=[_to_virtual(item) for item in question.virtual_packages],
                channel_priority=_PRIORITY[question.priority],
                exclude_newer=_to_time(question.as_of_ms),
                locked_packages=list(self._records_of(sources, question.keep)),
            )
        except SolverError as error:
            return Conflict(platform=question.platform, solver_message=str(error).strip())
        packages = sorted((_to_package(record) for record in records), key=lambda item: item.name)
        return Answer(platform=question.platform, packages=tuple(packages))

    def _sources(
        self, pin: OpenPin, platform: Platform, channels: Iterable[str]
    ) -> list[SparseRepoData]:
        opened = {(part.part.channel, part.part.subdir): part for part in pin.parts}
        wanted = ((channel, subdir) for channel in channels for subdir in platform.subdirs)
        return [self._open(opened[place]) for place in wanted if place in opened]

    def _open(self, part: OpenPart) -> SparseRepoData:
        key = (part.part.channel, part.path)
        if key not in self._opened:
            channel = Channel(part.part.channel)
            self._opened[key] = SparseRepoData(channel, part.part.subdir, part.path)
        return self._opened[key]

    def _records_of(
        self, sources: Sequence[SparseRepoData], packages: Iterable[Package]
    ) -> Iterable[RepoDataRecord]:
        for package in packages:
            for source in sources:
                for record in source.load_records(package.name):
                    if record.url == package.url:
                        yield record


def _load(source: SparseRepoData, name: str, version: str) -> list[RepoDataRecord]:
    if version == "*":
        return source.load_records(name)
    return source.load_matching_records([MatchSpec(f"{name} {version}")])


def _to_package(record: RepoDataRecord) -> Package:
    file_name = record.file_name
    subdir = record.subdir
    return Package(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        build_number=record.build_number,
        subdir=subdir,
        channel=record.url.removesuffix(f"/{subdir}/{file_name}"),
        file_name=file_name,
        md5=record.md5.hex() if record.md5 else None,
        sha256=record.sha256.hex() if record.sha256 else None,
        size_bytes=record.size,
        timestamp_ms=round(record.timestamp.timestamp() * 1000) if record.timestamp else None,
        depends=tuple(record.depends),
        constrains=tuple(record.constrains),
        license=record.license,
    )


def _to_virtual(item: VirtualPackage) -> GenericVirtualPackage:
    return GenericVirtualPackage(
        PackageName(item.name), Version(item.version), BuildString(item.build)
    )


def _to_time(as_of_ms: int | None) -> datetime | None:
    return None if as_of_ms is None else datetime.fromtimestamp(as_of_ms / 1000, tz=UTC)


@cache
def _rattler_version() -> str:
    import rattler  # noqa: PLC0415 - already loaded; kept out of the module's names

    version: str = rattler.__version__
    return version


@cache
def _settle_at_exit() -> None:
    atexit.register(time.sleep, _SETTLE_SECONDS)
