"""Small wheels that can be installed, made on the spot."""

from __future__ import annotations

import io
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from envlock.model.lock import LockedPackage

_TIME = (1980, 1, 1, 0, 0, 0)


def make_wheel(
    folder: Path,
    name: str,
    files: Mapping[str, bytes],
    *,
    version: str = "1.0",
    scripts: str = "",
) -> LockedPackage:
    """Write a wheel and return its row of a lock; `scripts` are lines such as `run = demo:main`."""
    info = f"{name}-{version}.dist-info"
    members = dict(files)
    members[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    )
    members[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    if scripts:
        members[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}\n".encode()
    rows = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in members.items()]
    members[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_zip(members))
    return LockedPackage(
        name=name,
        version=version,
        manager="pip",
        platform="linux-64",
        url=path.as_uri(),
        md5=None,
        sha256=sha256(path.read_bytes()).hexdigest(),
        dependencies={},
    )


def _digest(content: bytes) -> str:
    return urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")


def _zip(members: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in members.items():
            info = zipfile.ZipInfo(path, _TIME)
            info.external_attr = (0o755 if "/scripts/" in path else 0o644) << 16
            archive.writestr(info, content)
    return target.getvalue()
