"""How large the archives of a lock are: what its pin and its recording say of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from envlock.errors import PinError, WorldError
from envlock.formats.canonical import format_canonical
from envlock.formats.channel import channel_url
from envlock.model.lock import Lock, LockedPackage
from envlock.model.pin import OpenPart
from envlock.ports.pins import Pins
from envlock.ports.recordings import Recordings
from envlock.ports.workspace import Workspace
from envlock.solve.difference import parse_archive
from envlock.solve.freshness import PIN, RECORDING

Place = tuple[str, str, str]
"""Channel URL, subdir and file name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The sizes that an index pin knows of a lock's archives."""

    by_place: Mapping[Place, tuple[str | None, int]] = field(default_factory=dict)
    """With the SHA-256 that the pin gives the archive."""
    by_sha256: Mapping[str, int] = field(default_factory=dict)
    """Of the distributions, as the recording of the package index lists them."""
    unknown_because: str | None = None
    """Why nothing is known."""

    def of(self, package: LockedPackage) -> int | None:
        """Return the size of an archive, None when the pin does not tell for this very file."""
        if package.manager != "conda":
            return self.by_sha256.get(package.sha256 or "")
        sha256, size = self.by_place.get(place_of(package), (None, None))
        same = not (sha256 and package.sha256) or sha256 == package.sha256
        return size if same else None


def place_of(package: LockedPackage) -> Place:
    """Return where a conda package lies, in the words of a pin."""
    archive = parse_archive(package)
    return (channel_url(archive.channel), archive.subdir, archive.file_name)


def read_sizes(
    lock: Lock,
    packages: Iterable[LockedPackage],
    pins: Pins,
    recordings: Recordings,
    workspace: Workspace,
) -> Sizes:
    """Return what the sources that a lock's head names say about archives.

    A missing pin or recording is not an error: then sizes are unknown.
    """
    of_conda = _conda_sizes(lock, packages, pins, workspace)
    return replace(of_conda, by_sha256=_wheel_sizes(lock, recordings))


def _wheel_sizes(lock: Lock, recordings: Recordings) -> Mapping[str, int]:
    digest = lock.head.facts.get(RECORDING, "").removeprefix("sha256:")
    if not digest:
        return {}
    from envlock.formats.pypi_recording import parse_recording  # noqa: PLC0415 - a PyPI half only

    try:
        recording = parse_recording(recordings.read(digest))
    except (PinError, ValueError):
        return {}
    pages = (*filter(None, recording.pages.values()), *recording.url_pages.values())
    files = (file for page in pages for file in page.files)
    return {file.sha256: file.size_bytes for file in files if file.size_bytes is not None}


def _conda_sizes(
    lock: Lock, packages: Iterable[LockedPackage], pins: Pins, workspace: Workspace
) -> Sizes:
    digest = lock.head.facts.get(PIN, "")
    if not digest:
        return Sizes(unknown_because="the lock names no index pin")
    try:
        return Sizes(
            by_place={
                place: (record.get("sha256"), record["size"])
                for place, record in read_records(digest, packages, pins, workspace)
                if isinstance(record.get("size"), int)
            }
        )
    except (PinError, WorldError) as error:
        return Sizes(unknown_because=str(error).partition("\n")[0])


def read_records(
    digest: str, packages: Iterable[LockedPackage], pins: Pins, workspace: Workspace
) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Yield what a pin has of conda packages: where it lies, and the channel's record.

    Raises `PinError`, `WorldError`.
    """
    places: dict[tuple[str, str], set[str]] = {}
    for package in packages:
        if package.manager == "conda":
            channel, subdir, file_name = place_of(package)
            places.setdefault((channel, subdir), set()).add(file_name)
    opened = pins.open(digest.removeprefix("sha256:"), sorted({subdir for _, subdir in places}))
    for part in opened.parts:
        channel, subdir = part.part.channel, part.part.subdir
        for name, record in _records_in(part, places.get((channel, subdir), ()), workspace):
            yield (channel, subdir, name), record


def _records_in(
    part: OpenPart, names: Iterable[str], workspace: Workspace
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield some records of a part.

    Canonical repodata has one record to a line: first the older archives, then `.conda`, each in
    the order of the names. So a few hundred records are found in one pass that reads no other.
    """
    wanted = sorted(names, key=lambda name: (name.endswith(".conda"), name))
    content = workspace.read_bytes(part.path) if wanted else b""
    place = 0
    for name in wanted:
        start = f"\n{format_canonical(name)}:".encode()
        found = content.find(start, place)
        if found >= 0:
            place = content.find(b"\n", found + 1)
            yield name, json.loads(content[found + len(start) : place].rstrip(b","))
