"""The manifest of a bundle: canonical JSON, the first file, named by its own digest.

    manifest-<sha256 of it>.json
    stack/torch.conda-lock.yml      the lock, then what lies beside it
    stack/pins/…
    packages/<sha256>               the archives that it names
    artifacts/<sha256>              weights and data that its stack names
    envlock-wheels/….whl            envlock itself

So the digest in the first name stands for every byte of the bundle: the manifest has the digest of
each file, and a tar archive of these files can be written in one way only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

import msgspec

from envlock.formats.canonical import format_canonical
from envlock.model.bundle import (
    ARTIFACTS,
    BUNDLE_VERSION,
    FOLDERS,
    PACKAGES,
    STACK,
    WHEELS,
    Bundle,
    Member,
)
from envlock.model.platform import Platform

MANIFEST_LIMIT_BYTES = 64_000_000
MANIFEST_NAME = re.compile(r"manifest-(?P<sha256>[0-9a-f]{64})\.json")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!~@=-]{0,254}")
_DEPTH = 6
"""`stack/pins/<digest>/<channel>/<subdir>/repodata.json.zst`."""


def format_manifest(bundle: Bundle) -> bytes:
    """Return the canonical text of a manifest."""
    return (format_canonical(msgspec.to_builtins(bundle)) + "\n").encode()


def manifest_name(content: bytes) -> str:
    """Return the name of a manifest's file."""
    return f"manifest-{sha256(content).hexdigest()}.json"


def parse_manifest(content: bytes) -> Bundle:
    """Read a manifest. Raises `ValueError` for any but one that envlock would write."""
    try:
        bundle = msgspec.json.decode(content, type=Bundle)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"its manifest is not one of a bundle: {error}") from None
    if bundle.version != BUNDLE_VERSION:
        raise ValueError(
            f"its manifest has version {bundle.version}, and this envlock reads {BUNDLE_VERSION}"
        )
    check_members(bundle)
    if format_manifest(bundle) != content:
        raise ValueError("its manifest is not written as envlock writes it")
    return bundle


def check_members(bundle: Bundle) -> None:
    """Refuse members that no bundle may have, or in another order. Raises `ValueError`."""
    paths = [each.path for each in bundle.members]
    if not paths or paths[0] != bundle.lock or bundle.members[0].folder != STACK:
        raise ValueError("its lock is not its first file")
    for each in bundle.members:
        _check_member(each)
    if paths != sorted(dict.fromkeys(paths), key=lambda path: _order(path, bundle.lock)):
        raise ValueError("its files are not in their order")
    folders = {path.rpartition("/")[0] for path in paths}
    inside = {part for folder in folders for part in _parents(folder)}
    clash = sorted(inside & set(paths))
    if clash:
        raise ValueError(f"`{clash[0]}` is a file and a folder")
    known = [each.value for each in Platform]
    if list(bundle.platforms) != [each for each in known if each in bundle.platforms]:
        raise ValueError("its platforms are not those that envlock knows, in their order")
    for digest in (bundle.pin, bundle.recording):
        if digest and not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest[:80]!a} is not a SHA-256")


def _check_member(member: Member) -> None:
    parts = member.path.split("/")
    is_flat = len(parts) == 2  # noqa: PLR2004 - a folder and a name
    is_plain = all(_PART.fullmatch(part) for part in parts) and len(parts) <= _DEPTH
    named = {
        STACK: is_plain and len(parts) > 1,
        PACKAGES: is_flat and member.name == member.sha256,
        ARTIFACTS: is_flat and member.name == member.sha256,
        WHEELS: is_flat and is_plain and member.name.endswith(".whl"),
    }
    if not named.get(parts[0], False):
        raise ValueError(f"{member.path[:120]!a} is no file of a bundle")
    if not _DIGEST.fullmatch(member.sha256) or not 0 <= member.size_bytes < 1 << 48:
        raise ValueError(f"`{member.path}` has no digest and size")


def _parents(folder: str) -> Iterable[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def order_members(members: Iterable[Member], lock: str) -> tuple[Member, ...]:
    """Return members in the order of a bundle: the lock first, then folder by folder."""
    return tuple(sorted(members, key=lambda each: _order(each.path, lock)))


def _order(path: str, lock: str) -> tuple[bool, int, str]:
    folder = path.partition("/")[0]
    return path != lock, FOLDERS.index(folder), path
