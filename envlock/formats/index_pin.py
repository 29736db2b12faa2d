"""The text of an index pin: its manifest and the canonical repodata of its parts.

A pin is a folder, named by the first 32 hex digits of its digest, that any conda client can read
as a tree of channels:

    <digest>/pin.json                                  the manifest
    <digest>/conda-forge/linux-64/repodata.json.zst    the records of one channel folder

The digest is the SHA-256 of the manifest as canonical JSON; the manifest holds the SHA-256 of each
uncompressed repodata. So neither the compressor nor the order in which a channel listed its
records can change it, and nobody can change a record without changing the name. The repodata is
canonical too: known fields only, ordered, one record to a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal

import msgspec

from envlock.formats.canonical import digest_of, format_canonical
from envlock.formats.channel import channel_url
from envlock.model.pin import Origin, Pin, PinPart

FORMAT_VERSION = 1
NAME_DIGITS = 32
MANIFEST = "pin.json"
MANIFEST_LIMIT_BYTES = 1_000_000
"""A manifest is a few kilobytes; whoever reads one reads no more than this."""
PART_LIMIT_BYTES = 1 << 30
"""No channel folder is larger; a manifest that promises more is forged."""

_FIELDS = (
    "build",
    "build_number",
    "constrains",
    "depends",
    "extra_depends",
    "features",
    "flags",
    "license",
    "md5",
    "name",
    "noarch",
    "purls",
    "python_site_packages_path",
    "sha256",
    "size",
    "subdir",
    "timestamp",
    "track_features",
    "version",
)
"""What a solve, a build or an audit can need. Anything else a channel says is left behind."""


_EMPTY: tuple[object, ...] = (None, "", [], {})
_DEPENDENCY = re.compile(r"(?:[^\s:]*::)?([a-z0-9_][a-z0-9_.-]*)", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
"""What a folder's name does not take over from a channel's."""


def canonical_record(record: Mapping[str, object]) -> dict[str, object]:
    """Keep the known fields of one repodata record; empty ones are left out.

    `depends` and `constrains` stay in their order: it carries no meaning, but it is the channel's.
    """
    kept = {key: record[key] for key in _FIELDS if record.get(key) not in _EMPTY}
    kept.setdefault("depends", [])
    return kept


def dependency_name(text: str) -> str | None:
    """Return the package that an entry of `depends` asks for; None for the machine or nonsense."""
    match = _DEPENDENCY.match(text)
    return match.group(1).lower() if match and not match.group(1).startswith("__") else None


def format_repodata(subdir: str, records: Mapping[str, Mapping[str, object]]) -> bytes:
    """Return the canonical repodata of one channel folder, by archive name."""
    archives: dict[str, list[str]] = {"packages": [], "packages.conda": []}
    for file_name in sorted(records):
        table = "packages.conda" if file_name.endswith(".conda") else "packages"
        text = format_canonical(canonical_record(records[file_name]))
        archives[table].append(f"{format_canonical(file_name)}:{text}")
    tables = [
        f'"{table}":{{\n{_lines(rows)}}}' if rows else f'"{table}":{{}}'
        for table, rows in archives.items()
    ]
    info = format_canonical({"subdir": subdir})
    return f'{{"info":{info},\n{tables[0]},\n{tables[1]},\n"repodata_version":1}}\n'.encode()


def _lines(rows: Iterable[str]) -> str:
    return ",\n".join(rows) + "\n"


class _Repodata(msgspec.Struct, frozen=True):
    conda: dict[str, dict[str, object]] = msgspec.field(name="packages.conda")
    older: dict[str, dict[str, object]] = msgspec.field(name="packages")


def parse_repodata(content: bytes) -> dict[str, dict[str, object]]:
    """Read canonical repodata back, by archive name; raises `ValueError` saying what is wrong."""
    try:
        value = msgspec.json.decode(content, type=_Repodata)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not repodata: {error}") from None
    return {**value.older, **value.conda}


def make_pin(
    origin: Origin,
    as_of: str,
    records: Mapping[tuple[str, str], Mapping[str, Mapping[str, object]]],
    asked: Iterable[str] = (),
) -> tuple[Pin, dict[tuple[str, str], bytes]]:
    """Return a pin of these records, by (channel, subdir), and the repodata of its parts."""
    repodata = {place: format_repodata(place[1], records[place]) for place in sorted(records)}
    parts = (
        describe_part(*place, content, len(records[place])) for place, content in repodata.items()
    )
    specs = tuple(sorted(set(asked)))
    return Pin(origin=origin, as_of=as_of, parts=tuple(parts), asked=specs), repodata


def describe_part(channel: str, subdir: str, repodata: bytes, records: int) -> PinPart:
    """Return the manifest row of a part."""
    return PinPart(
        channel=channel,
        subdir=subdir,
        sha256=sha256(repodata).hexdigest(),
        size_bytes=len(repodata),
        records=records,
    )


def _manifest(pin: Pin) -> dict[str, object]:
    return {
        "version": FORMAT_VERSION,
        "origin": pin.origin.value,
        "as_of": pin.as_of,
        "asked": list(pin.asked),
        "parts": [
            {
                "channel": part.channel,
                "subdir": part.subdir,
                "sha256": part.sha256,
                "size": part.size_bytes,
                "records": part.records,
            }
            for part in pin.parts
        ],
    }


def pin_digest(pin: Pin) -> str:
    """Return the identity of a pin, 64 hex digits."""
    return digest_of(_manifest(pin))


def format_manifest(pin: Pin) -> bytes:
    """Return the manifest for people: the canonical value, indented."""
    return (json.dumps(_manifest(pin), indent=1, sort_keys=True) + "\n").encode()


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    channel: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9+.-]*://")]
    subdir: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]*\Z")]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    size: Annotated[int, msgspec.Meta(ge=0, le=PART_LIMIT_BYTES)]
    records: Annotated[int, msgspec.Meta(ge=0)]


class _Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1]
    origin: Origin
    as_of: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z\Z")]
    asked: list[str]
    parts: list[_Part]


def parse_manifest(content: bytes) -> Pin:
    """Read a manifest; raises `ValueError` saying what is wrong with it and where.

    What passes can be trusted to name folders inside the pin and sizes that fit into memory.
    """
    try:
        value = msgspec.json.decode(content, type=_Manifest)
        datetime.fromisoformat(value.as_of)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise ValueError(f"not a pin manifest: {error}") from None
    for place, part in enumerate(value.parts):
        if channel_url(part.channel) != part.channel:
            raise ValueError(
                "not a pin manifest: expected an address without credentials - "
                f"at `$.parts[{place}].channel`"
            )
    places = [(part.channel, part.subdir) for part in value.parts]
    if places != sorted(set(places)):
        raise ValueError(
            "not a pin manifest: expected each folder once and in order - at `$.parts`"
        )
    return Pin(
        origin=value.origin,
        as_of=value.as_of,
        parts=tuple(_to_part(part) for part in value.parts),
        asked=tuple(value.asked),
    )


def _to_part(row: _Part) -> PinPart:
    return PinPart(
        channel=row.channel,
        subdir=row.subdir,
        sha256=row.sha256,
        size_bytes=row.size,
        records=row.records,
    )


def part_folder(pin: Pin, part: PinPart) -> str:
    """Return where a part lies inside the pin: the channel's short name and the subdir.

    Channels that share a short name get `-2`, `-3` in the order of the manifest, so that every
    part of every manifest has a folder of its own, and none leaves the pin.
    """
    return f"{_channel_folders(pin)[part.channel]}/{part.subdir}"


def _channel_folders(pin: Pin) -> dict[str, str]:
    folders: dict[str, str] = {}
    taken = {MANIFEST}
    for channel in pin.channels:
        short = _UNSAFE.sub("-", channel.rpartition("/")[2]).lstrip(".") or "channel"
        name, count = short, 1
        while name.lower() in taken:
            count += 1
            name = f"{short}-{count}"
        taken.add(name.lower())
        folders[channel] = name
    return folders


_PYTHON = re.compile(rb'^"python-(3\.[0-9]{1,2})\.', re.MULTILINE)


def python_series(parts: Iterable[bytes]) -> tuple[str, ...]:
    """Return the Pythons that canonical repodata has, `3.11`, in order; without parsing it."""
    found = {match.decode() for part in parts for match in _PYTHON.findall(part)}
    return tuple(sorted(found, key=lambda series: int(series.partition(".")[2])))


def records_named(part: bytes, names: Iterable[str]) -> dict[str, dict[str, object]]:
    """Return the records of some archives in canonical repodata, without parsing the others."""
    found: dict[str, dict[str, object]] = {}
    for name in names:
        start = f"\n{format_canonical(name)}:".encode("utf-8", "replace")
        at = part.find(start)
        if at >= 0:
            line = part[at + len(start) :].partition(b"\n")[0].removesuffix(b",")
            record = json.loads(line)
            found[name] = record if isinstance(record, dict) else {}
    return found
