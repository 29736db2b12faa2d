"""Tiny channels, pins and stacks on disk, for tests that run the real solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import md5, sha256
from pathlib import Path

from envlock.backends.pins import DiskPins
from envlock.formats.channel import channel_url
from envlock.formats.index_pin import describe_part, format_repodata
from envlock.model.pin import Origin, Pin

Record = tuple[str, dict[str, object]]
"""An archive name and what repodata says of it."""


def record(
    name: str,
    version: str = "1.0",
    build: str = "0",
    *,
    depends: Sequence[str] = (),
    constrains: Sequence[str] = (),
    timestamp: int | None = 1_700_000_000_000,
    subdir: str = "linux-64",
    number: int = 0,
    **more: object,
) -> Record:
    """One conda record; hashes come from its archive name."""
    file_name = f"{name}-{version}-{build}.conda"
    fields: dict[str, object] = {
        "build": build,
        "build_number": number,
        "constrains": list(constrains),
        "depends": list(depends),
        "md5": md5(file_name.encode(), usedforsecurity=False).hexdigest(),
        "name": name,
        "sha256": sha256(file_name.encode()).hexdigest(),
        "size": 1000,
        "subdir": subdir,
        "version": version,
        **more,
    }
    if timestamp is not None:
        fields["timestamp"] = timestamp
    return file_name, fields


Channels = Mapping[str, Mapping[str, Sequence[Record]]]
"""Records by channel name and subdir."""


def make_pin(
    folder: Path,
    channels: Channels,
    *,
    origin: Origin = Origin.OBSERVED,
    asked: Sequence[str] = (),
) -> tuple[DiskPins, str]:
    """Keep a pin under `folder/pins`; every channel gets every subdir that any of them has."""
    subdirs = sorted({"noarch", *(subdir for tree in channels.values() for subdir in tree)})
    repodata: dict[tuple[str, str], bytes] = {}
    parts = []
    for channel, tree in sorted(channels.items()):
        for subdir in subdirs:
            records = dict(tree.get(subdir, ()))
            content = format_repodata(subdir, records)
            repodata[channel_url(channel), subdir] = content
            parts.append(describe_part(channel_url(channel), subdir, content, len(records)))
    pin = Pin(origin=origin, as_of="2026-01-01T00:00:00Z", parts=tuple(parts), asked=tuple(asked))
    pins = DiskPins(folder / "pins", folder / "cache")
    return pins, pins.keep(pin, repodata)


def make_stack(
    folder: Path,
    text: str,
    channels: Channels,
    *,
    name: str = "demo",
    origin: Origin = Origin.OBSERVED,
    asked: Sequence[str] = (),
) -> Path:
    """Write a stack file and the pin that it solves from; returns the stack's path."""
    pins, digest = make_pin(folder, channels, origin=origin, asked=asked)
    pins.assign(name, digest)
    path = folder / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path
