"""From a lock to the artifacts that an environment on one platform is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from envlock.errors import LockError
from envlock.model.lock import Lock, LockedPackage
from envlock.model.platform import Platform, System
from envlock.model.store import Artifact, ArtifactKind

_CONDA_ENDINGS = (".conda", ".tar.bz2")
_SHA256_DIGITS = 64
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_SHOWN = 8


def artifacts_on(lock: Lock, platform: Platform, file: str) -> tuple[Artifact, ...]:
    """Return what has to be fetched, ordered by name.

    Raises `LockError`, with every fault found: an artifact without a SHA-256 can be audited but
    not built, since anybody's file would do; so can a source archive, whose build is not locked.
    """
    if platform.system is System.WINDOWS:
        raise LockError(
            f"{file}: environments are built on Linux and macOS; win-64 is solved and audited",
            hints=["build the lock's Linux half in WSL 2: `envlock build --platform linux-64`"],
        )
    return packages_on(lock, platform, file)


def packages_on(lock: Lock, platform: Platform, file: str) -> tuple[Artifact, ...]:
    """Return what a lock names for any platform, built there or not; else as `artifacts_on`."""
    rows = lock.packages_on(platform.value)
    if not rows:
        found = ", ".join(sorted({package.platform for package in lock.packages})) or "none"
        raise LockError(f"{file}: expected packages for {platform.value}, found {found}")
    faults = [fault for row in rows if (fault := _fault_of(row)) is not None]
    if faults:
        raise LockError(_report(file, faults))
    artifacts = sorted({_artifact_of(row) for row in rows})
    _refuse_twins(artifacts, file)
    return tuple(artifacts)


def _report(file: str, faults: Sequence[str]) -> str:
    rest = len(faults) - _SHOWN
    lines = [f"  {fault}" for fault in faults[:_SHOWN]]
    return "\n".join(
        [
            f"{file}: not everything in it can be built",
            *lines,
            *([f"  and {rest} more"] if rest > 0 else []),
            "Nothing was built.",
        ]
    )


def _fault_of(row: LockedPackage) -> str | None:
    name = f"{row.name} {row.version}"
    file_name = file_name_of(row.url)
    if row.manager == "conda" and not file_name.endswith(_CONDA_ENDINGS):
        return f"{name}: expected a conda package, found `{file_name}`"
    if row.manager == "pip" and not file_name.endswith(".whl"):
        return f"{name}: expected a wheel, found `{file_name}`: its build is not locked"
    if row.manager not in ("conda", "pip"):
        return f"{name}: expected the manager conda or pip, found `{row.manager}`"
    if not _is_sha256(row.sha256 or ""):
        found = "an MD5 only, which proves nothing" if row.md5 and not row.sha256 else "none"
        return f"{name}: expected a SHA-256, found {found}"
    if not file_name.isprintable() or "/" in file_name or file_name.startswith("."):
        return f"{name}: `{file_name!a}` is no name of a file"
    return None


def _is_sha256(text: str) -> bool:
    return len(text) == _SHA256_DIGITS and not set(text) - set("0123456789abcdef")


def file_name_of(url: str) -> str:
    """Return the last part of a URL's path, decoded."""
    last = url.split("#", 1)[0].split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), last.encode()).decode(
        errors="replace"
    )


def _artifact_of(row: LockedPackage) -> Artifact:
    file_name = file_name_of(row.url)
    kind = ArtifactKind.CONDA if row.manager == "conda" else ArtifactKind.WHEEL
    return Artifact(
        name=row.name,
        version=row.version,
        build=_build_of(file_name) if kind is ArtifactKind.CONDA else "",
        file_name=file_name,
        kind=kind,
        sha256=row.sha256 or "",
        md5=row.md5,
        url=row.url,
    )


def _build_of(file_name: str) -> str:
    for ending in _CONDA_ENDINGS:
        file_name = file_name.removesuffix(ending)
    return file_name.rsplit("-", 1)[-1]


def _refuse_twins(artifacts: Iterable[Artifact], file: str) -> None:
    """Refuse two builds of one package: which one wins would be chance."""
    seen: dict[tuple[str, str], Artifact] = {}
    for artifact in artifacts:
        twin = seen.setdefault((artifact.kind.value, artifact.name), artifact)
        if twin is not artifact:
            raise LockError(
                f"{file}: {artifact.name} is locked twice for one platform: "
                f"`{twin.file_name}` and `{artifact.file_name}`\nNothing was built.",
                hints=["take one of the two rows out, or lock anew"],
            )


def without_python(artifacts: Sequence[Artifact], lock: Lock, platform: Platform) -> list[Artifact]:
    """Return the wheels of a wheel-only lock: whose conda half is Python and what it needs.

    Raises `LockError` naming the conda packages that the machine's own Python cannot replace.
    """
    rows = {row.name: row for row in lock.packages_on(platform.value) if row.manager == "conda"}
    needed = _closure("python", rows)
    others = sorted(rows.keys() - needed)
    if others:
        listed = ", ".join(others[:_SHOWN]) + (" …" if len(others) > _SHOWN else "")
        raise LockError(
            "only a stack of wheels can be built on the machine's own Python\n"
            f"  expected nothing from conda beyond Python and what it needs, found {listed}\n"
            "Nothing was built.",
            hints=["build it with conda's Python: leave `--python host` away"],
        )
    return [artifact for artifact in artifacts if artifact.kind is ArtifactKind.WHEEL]


def needed_for_python(lock: Lock, platform: Platform) -> frozenset[str]:
    """Return the conda packages that Python cannot run without, itself among them."""
    rows = {row.name: row for row in lock.packages_on(platform.value) if row.manager == "conda"}
    return frozenset(_closure("python", rows))


def _closure(root: str, rows: Mapping[str, LockedPackage]) -> set[str]:
    found: set[str] = set()
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name in rows and name not in found:
            found.add(name)
            waiting.extend(rows[name].dependencies)
    return found
