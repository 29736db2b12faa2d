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
from collections.abc import Iterable, Mapping
from hashlib import sha256

from envlock.formats.canonical import digest_of, format_canonical
from envlock.model.pin import Origin, Pin, PinPart

FORMAT_VERSION = 1
NAME_DIGITS = 32
MANIFEST = "pin.json"

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


def canonical_record(record: Mapping[str, object]) -> dict[str, object]:
    """Keep the known fields of one repodata record; empty ones are left out.

    `depends` and `constrains` stay in their order: it carries no meaning, but it is the channel's.
    """
    kept = {key: record[key] for key in _FIELDS if record.get(key) not in (None, "", [])}
    kept.setdefault("depends", [])
    return kept


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


def parse_manifest(content: bytes) -> Pin:
    """Read a manifest; raises `ValueError` saying what is wrong with it."""
    try:
        value = json.loads(content)
        if value["version"] != FORMAT_VERSION:
            raise ValueError(f"format version {value['version']}, expected {FORMAT_VERSION}")
        return Pin(
            origin=Origin(value["origin"]),
            as_of=str(value["as_of"]),
            parts=tuple(_parse_part(row) for row in value["parts"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a pin manifest: {error!r}") from error


def _parse_part(row: Mapping[str, object]) -> PinPart:
    size, records = row["size"], row["records"]
    if not isinstance(size, int) or not isinstance(records, int):
        raise TypeError("size and records are whole numbers")
    return PinPart(
        channel=str(row["channel"]),
        subdir=str(row["subdir"]),
        sha256=str(row["sha256"]),
        size_bytes=size,
        records=records,
    )


def part_folder(pin: Pin, part: PinPart) -> str:
    """Return where a part lies inside the pin: the channel's short name and the subdir.

    Two channels with one short name (mirrors) get `-2`, `-3` in the order of the manifest.
    """
    short = [channel.rstrip("/").rpartition("/")[2] for channel in pin.channels]
    place = pin.channels.index(part.channel)
    earlier = short[:place].count(short[place])
    suffix = f"-{earlier + 1}" if earlier else ""
    return f"{short[place]}{suffix}/{part.subdir}"
