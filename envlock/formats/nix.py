"""The JSON that `nix/from-lock.nix` reads: what to fetch, what is in it, which Python links it.

Keys and rows are ordered, so that one lock gives one text. Nix keeps nothing secret: an address
with a password or a variable in it stays away, and such an artifact has to be put into the Nix
store by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType

from envlock.errors import LockError
from envlock.model.exported import ExportedArtifact, ExportedHalf, ExportedLock
from envlock.model.platform import Platform

VERSION = 1
SYSTEMS = MappingProxyType(
    {Platform.LINUX_64: "x86_64-linux", Platform.LINUX_AARCH64: "aarch64-linux"}
)
"""What Nix calls the platforms that it can build."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9+._?=-]")
_PUBLIC_URL = re.compile(r"(?:https?://[^/@\s?$#]+|file://)(?:/(?!t/)[^/@\s?$#]*)+")
"""No query, no variable, no password, and no token as conda has them: `/t/<token>/`."""


def store_name(file_name: str) -> str:
    """Return what an artifact is called in the Nix store, which admits few signs."""
    return _NOT_IN_NAMES.sub("-", file_name)


def format_nix(lock: ExportedLock) -> bytes:
    """Return the JSON. Raises `LockError` where two artifacts would have one name for Nix."""
    value = {
        "version": VERSION,
        "name": store_name(lock.name),
        "systems": {SYSTEMS[name]: _half(half) for name, half in lock.halves.items()},
        "leftOut": dict(lock.left_out),
    }
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _half(half: ExportedHalf) -> Mapping[str, object]:
    rows = [_row(item) for item in half.artifacts]
    rows.sort(key=lambda row: (str(row["file"]), str(row["sha256"])))
    names: dict[str, str] = {}
    for row in rows:
        twin = names.setdefault(str(row["storeName"]), str(row["file"]))
        if twin != row["file"]:
            raise LockError(
                f"`{twin}` and `{row['file']}` have one name in the Nix store, `{row['storeName']}`"
                "\nNothing was written."
            )
    return {"python": half.python, "artifacts": rows}


def _row(item: ExportedArtifact) -> dict[str, object]:
    artifact = item.artifact
    row: dict[str, object] = {
        "name": artifact.name,
        "version": artifact.version,
        "kind": artifact.kind.value,
        "file": artifact.file_name,
        "storeName": store_name(artifact.file_name),
        "url": public_url(artifact.url),
        "sha256": artifact.sha256,
        "isBootstrap": item.is_bootstrap,
    }
    return row | ({"tarBytes": dict(item.tar_bytes)} if item.tar_bytes else {})


def public_url(url: str) -> str:
    """Return an address that Nix can fetch from as it stands; empty where there is none."""
    plain = url.partition("#")[0]
    return plain if _PUBLIC_URL.fullmatch(plain) else ""
