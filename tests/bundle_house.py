"""Small bundles: whole ones, and such as somebody has tampered with who knows the format."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from msgspec.structs import replace

from envlock.backends.bundle_reader import open_bundle
from envlock.backends.bundle_unpack import read_lock, verify_rest
from envlock.backends.bundle_writer import describe, write_bundle
from envlock.formats.bundle import format_manifest, manifest_name, order_members
from envlock.formats.conda_lock import format_lock
from envlock.formats.tar_blocks import END, format_header, padding
from envlock.model.bundle import BUNDLE_VERSION, Bundle
from envlock.model.lock import LockedPackage
from envlock.workflows.bundles import check_artifacts, check_lock
from locks import locked, make_lock

LOCK = "stack/demo.conda-lock.yml"
ALPHA, BETA = b"alpha " * 100, b"beta " * 33

Files = Mapping[str, bytes]


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def row(name: str, content: bytes) -> LockedPackage:
    return replace(locked(name), sha256=digest(content))


def lock_bytes(*packages: LockedPackage, facts: Mapping[str, str] | None = None) -> bytes:
    facts = {"stack": "demo", **(facts or {})}
    return format_lock(make_lock(*packages, facts=facts, platforms=("linux-64",)))


def whole() -> dict[str, bytes]:
    """The files of a bundle of two archives."""
    return {
        LOCK: lock_bytes(row("alpha", ALPHA), row("beta", BETA)),
        **{f"packages/{digest(each)}": each for each in (ALPHA, BETA)},
    }


def manifest_of(files: Files, **changes: object) -> Bundle:
    members = [describe(path, content) for path, content in files.items()]
    fields: dict[str, object] = {
        "version": BUNDLE_VERSION,
        "name": "demo",
        "lock": LOCK,
        "pin": "",
        "recording": "",
        "platforms": ("linux-64",),
        "members": order_members(members, LOCK),
        **changes,
    }
    return Bundle(**fields)  # type: ignore[arg-type]


def write(path: Path, files: Files, **changes: object) -> str:
    """Write a bundle as `pack` does; returns the digest of its manifest."""
    return write_bundle(path, manifest_of(files, **changes), files, lambda _: None)


def forge(path: Path, bundle: Bundle, files: Files) -> None:
    """Write whatever a manifest says, in the order of the files."""
    text = format_manifest(bundle)
    blocks = [_file(manifest_name(text), text), *(_file(*each) for each in files.items()), END]
    path.write_bytes(b"".join(blocks))


def _file(path: str, content: bytes) -> bytes:
    return format_header(path, len(content)) + content + bytes(padding(len(content)))


def verify(path: Path) -> None:
    """Read a bundle to its end, as `unpack` does before it writes anything."""
    reader = open_bundle(path)
    try:
        check_lock(reader.bundle, read_lock(reader))
        check_artifacts(reader.bundle, verify_rest(reader, lambda _: None))
    finally:
        reader.close()
