"""In-memory stand-ins for the channels and for the pins that lie beside stacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from envlock.errors import PinError, WorldError
from envlock.formats.index_pin import dependency_name, parse_repodata, pin_digest
from envlock.model.pin import OpenPart, OpenPin, Pin
from envlock.ports.index import ChannelSource, Reach, Records

Folders = Mapping[str, Records]
"""Records by subdir."""


def make_record(name: str, version: str = "1", *depends: str, **more: object) -> dict[str, object]:
    """A record in canonical form."""
    return {"build": "0", "depends": list(depends), "name": name, "version": version, **more}


def archive(name: str, version: str = "1", *depends: str, **more: object) -> Records:
    """One record by its archive name."""
    return {f"{name}-{version}-0.conda": make_record(name, version, *depends, **more)}


@dataclass
class FakeIndex:
    """Channels by location. A spec is a name, or a name and the start of a version with `.*`.

    Implements `ports.index.Index`.
    """

    channels: dict[str, Folders] = field(default_factory=dict)
    refuses: str | None = None
    """Why no channel answers."""
    asked: list[tuple[tuple[ChannelSource, ...], tuple[Reach, ...]]] = field(default_factory=list)

    def query(
        self, channels: Sequence[ChannelSource], reaches: Sequence[Reach]
    ) -> Mapping[tuple[str, str], Records]:
        self.asked.append((tuple(channels), tuple(reaches)))
        if self.refuses:
            raise WorldError(self.refuses)
        found: dict[tuple[str, str], dict[str, Mapping[str, object]]] = {}
        for reach in reaches:
            self._walk(channels, reach, found)
        return found

    def _walk(
        self,
        channels: Sequence[ChannelSource],
        reach: Reach,
        found: dict[tuple[str, str], dict[str, Mapping[str, object]]],
    ) -> None:
        places = {
            (source.url, subdir): self.channels[source.location].get(subdir, {})
            for source in channels
            for subdir in reach.platform.subdirs
            if reach.reads(source.url, subdir)
        }
        for place in places:
            found.setdefault(place, {})
        specs = {text.partition(" ")[0]: text.partition(" ")[2] for text in reach.specs}
        wanted, seen = list(specs), set(specs)
        while wanted:
            name = wanted.pop()
            for place, records in places.items():
                for file_name, row in records.items():
                    if row["name"] != name or not _admits(specs.get(name, ""), row):
                        continue
                    found[place][file_name] = row
                    needs = set(filter(None, map(dependency_name, row["depends"]))) - seen  # type: ignore[arg-type]
                    wanted.extend(sorted(needs))
                    seen |= needs


def _admits(spec: str, row: Mapping[str, object]) -> bool:
    return str(row["version"]).startswith(spec.removesuffix(".*").removeprefix("*"))


@dataclass
class FakePins:
    """Pins in dictionaries. Implements `ports.pins.Pins`.

    When it is given an index, that can read the pins at their locations.
    """

    index: FakeIndex | None = None
    ledger: dict[str, str] = field(default_factory=dict)
    pins: dict[str, tuple[Pin, Mapping[tuple[str, str], bytes]]] = field(default_factory=dict)
    refuses: str | None = None
    """Why nothing can be written, as on a full disk."""

    def assigned(self, stack_name: str) -> str | None:
        return self.ledger.get(stack_name)

    def assignments(self) -> Mapping[str, str]:
        return self.ledger

    def kept(self) -> tuple[str, ...]:
        return tuple(sorted(self.pins))

    def read(self, digest: str) -> Pin:
        if digest not in self.pins:
            raise PinError(f"{digest}: there is no such index pin")
        return self.pins[digest][0]

    def repodata(self, digest: str) -> Mapping[tuple[str, str], bytes]:
        self.read(digest)
        return self.pins[digest][1]

    def locations(self, digest: str) -> Mapping[str, str]:
        return {channel: f"pin:{digest}/{channel}" for channel in self.read(digest).channels}

    def open(self, digest: str, subdirs: Sequence[str]) -> OpenPin:
        pin = self.read(digest)
        parts = tuple(
            OpenPart(part=part, path=f"memory:{part.sha256}")
            for part in pin.parts
            if part.subdir in subdirs
        )
        return OpenPin(digest=digest, pin=pin, parts=parts)

    def keep(self, pin: Pin, repodata: Mapping[tuple[str, str], bytes]) -> str:
        if self.refuses:
            raise WorldError(self.refuses)
        digest = pin_digest(pin)
        self.pins[digest] = (pin, dict(repodata))
        for channel, location in self.locations(digest).items():
            if self.index is not None:
                self.index.channels[location] = {
                    subdir: parse_repodata(content)
                    for (url, subdir), content in repodata.items()
                    if url == channel
                }
        return digest

    def assign(self, stack_name: str, digest: str) -> None:
        self.assign_all([stack_name], digest)

    def assign_all(self, stack_names: Iterable[str], digest: str) -> None:
        if self.refuses:
            raise WorldError(self.refuses)
        self.ledger |= dict.fromkeys(stack_names, digest)
