"""Wheels for benchmarks: locks of those that lie in a folder, and copies with other content."""

from __future__ import annotations

import sys
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from hashlib import file_digest, sha256
from pathlib import Path

from packaging.utils import parse_wheel_filename

from envlock.cli.store_wiring import this_platform
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import Lock, LockedPackage, LockHead
from envlock.model.store import Artifact, ArtifactKind
from envlock.store.wanted import artifacts_on, without_python


def write_lock(path: Path, lock: Lock, name: str) -> str:
    """Write a lock of ours under a name."""
    head = lock.head
    facts = {**head.facts, "envlock/stack": name}
    renamed = LockHead(
        channels=head.channels,
        platforms=head.platforms,
        sources=(f"{name}.toml",),
        content_hash=head.content_hash,
        facts=facts,
    )
    path.write_bytes(format_lock(Lock(head=renamed, packages=lock.packages)))
    return str(path)


def lock_of_wheels(wheels: Iterable[Path]) -> Lock:
    """Return a lock of wheels that lie in folders, for this machine."""
    version = ".".join(map(str, sys.version_info[:3]))
    python = LockedPackage(
        name="python",
        version=version,
        manager="conda",
        platform=this_platform().value,
        url=f"https://conda.example/python-{version}-0.conda",
        md5=None,
        sha256="0" * 64,
        dependencies={},
    )
    packages = [python]
    for wheel in sorted(wheels):
        name, number, _, _ = parse_wheel_filename(wheel.name)
        with wheel.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        packages.append(
            LockedPackage(
                name=name,
                version=str(number),
                manager="pip",
                platform=this_platform().value,
                url=wheel.resolve().as_uri(),
                md5=None,
                sha256=digest,
                dependencies={},
            )
        )
    head = LockHead(
        channels=("conda-forge",),
        platforms=(this_platform().value,),
        sources=("bench.toml",),
        content_hash={},
        facts={},
    )
    return Lock(head=head, packages=tuple(packages))


def wheels_of(lock: Lock) -> list[Artifact]:
    """Return the wheels that a lock names for this machine."""
    here = this_platform()
    artifacts = without_python(artifacts_on(lock, here, "the lock"), lock, here)
    return [artifact for artifact in artifacts if artifact.kind is ArtifactKind.WHEEL]


def unpacked_bytes(wheel: Path) -> int:
    """Return the bytes that a wheel's files have."""
    with zipfile.ZipFile(wheel) as archive:
        return sum(info.file_size for info in archive.infolist())


def choose_part(sizes: Mapping[str, int], parts: int) -> set[str]:
    """Return distributions that are one of so many parts, as nearly as taking the largest gives."""
    left = sum(sizes.values()) / parts
    chosen: set[str] = set()
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        if size <= left:
            chosen.add(name)
            left -= size
    return chosen


def write_variant(wheel: Path, shelf: Path, number: int) -> Path:
    """Write a wheel of the same files, each of them with other content."""
    target = shelf / wheel.name
    rows: list[str] = []
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(target, "w") as new:
        info = next(name for name in old.namelist() if name.endswith(".dist-info/RECORD"))
        for item in old.infolist():
            if item.filename == info or item.is_dir():
                continue
            content = old.read(item)
            if ".dist-info/" not in item.filename:
                content += f"\n# {number}\n".encode()
            digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
            rows.append(f'"{item.filename}",sha256={digest},{len(content)}\n')
            new.writestr(item, content, compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)
        new.writestr(info, "".join([*rows, f"{info},,\n"]))
    return target
