"""The story of `audit --fix`: repair what has one right answer, and let nothing else move."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from envlock.errors import EnvlockError, LockError
from envlock.formats.index_pin import records_named
from envlock.formats.plain import printable
from envlock.formats.readers.registry import read
from envlock.formats.repairs import has_conflict, repair_hashes, repair_order, repair_text
from envlock.formats.secrets import redact
from envlock.model.lock import LOCK_LIMIT_BYTES
from envlock.model.reading import FileKind, OriginKind, Reading
from envlock.model.repair import Fix, KnownFile, KnownFiles
from envlock.ports.pins import Pins
from envlock.ports.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class FixTools:
    """What a repair acts through."""

    workspace: Workspace
    pins_beside: Callable[[str], Pins]
    """The pins of a file's folder, by the file's path."""


def plan_fix(path: str, tools: FixTools, kind: FileKind | None = None) -> Fix:
    """Return what repairs would make of a file; writes nothing.

    Raises `LockError` for a merge that was not ended, for a file that cannot be read even so, and
    where the repaired file would not name the very same packages. Raises `InputFileError` for a
    file that is not there.
    """
    before = tools.workspace.read_bytes(path, limit_bytes=LOCK_LIMIT_BYTES)
    if has_conflict(before):
        raise LockError(
            f"{path}: a merge conflict is left in the file, and which side is right is your "
            "choice\nNothing was written.",
            hints=["take one side of it, then lock anew"],
        )
    plain = repair_text(before)
    reading = read(plain.content, path, kind)
    ordered = repair_order(plain.content, path)
    known = _known_files(path, reading, tools)
    hashed = repair_hashes(ordered.content, reading.kind, known)
    repairs = (*plain.repairs, *ordered.repairs, *hashed.repairs)
    _refuse_other_packages(reading, read(hashed.content, path, reading.kind))
    return Fix(path=path, before=before, after=hashed.content, repairs=repairs)


def write_fix(fix: Fix, tools: FixTools) -> None:
    """Write a repaired file in one step and read it again.

    Raises `LockError` when somebody changed the file meanwhile, `WorldError` when the disk refuses.
    Then the file is what it was.
    """
    now = tools.workspace.read_bytes(fix.path, limit_bytes=LOCK_LIMIT_BYTES)
    if now != fix.before:
        raise LockError(
            f"{fix.path}: the file changed after the difference was shown\nIt was left as it is.",
            hints=["look at it again: `envlock audit --fix`"],
        )
    tools.workspace.write_bytes(fix.path, fix.after)
    if tools.workspace.read_bytes(fix.path, limit_bytes=LOCK_LIMIT_BYTES) != fix.after:
        raise LockError(f"{fix.path}: the disk gave back other bytes than were written")


def describe_fix(fix: Fix) -> Iterator[str]:
    """Yield what was done, then a unified diff; line ends alone make no difference in it."""
    for item in fix.repairs:
        place = f":{item.line}" if item.line else ""
        yield f"{printable(fix.path)}{place}: {item.done}"
    before, after = (_lines(content) for content in (fix.before, fix.after))
    name = printable(fix.path)
    diff = difflib.unified_diff(before, after, name, f"{name} (repaired)", n=2, lineterm="")
    yield from (printable(redact(line)) for line in diff)


def _lines(content: bytes) -> list[str]:
    return repair_text(content).content.decode("utf-8", "backslashreplace").split("\n")


def _known_files(path: str, reading: Reading, tools: FixTools) -> KnownFiles:
    """Return what the pins beside a file have of its archives without a SHA-256, by name."""
    names = sorted(_without_sha256(reading))
    found: dict[str, tuple[KnownFile, ...]] = {}
    if not names:
        return found
    pins = tools.pins_beside(path)
    for digest in pins.kept():
        try:
            parts = pins.repodata(digest)
        except EnvlockError:  # a damaged pin says nothing; `envlock index show` tells
            continue
        for (channel, subdir), part in parts.items():
            for name, record in records_named(part, names).items():
                if sha256 := record.get("sha256"):
                    known = KnownFile(
                        address=f"{channel}/{subdir}/{name}",
                        md5=str(record.get("md5") or ""),
                        sha256=str(sha256),
                        pin=digest,
                    )
                    found[name] = (*found.get(name, ()), known)
    return found


def _without_sha256(reading: Reading) -> set[str]:
    origins = (origin for package in reading.packages for origin in package.origins)
    return {
        origin.address.partition("#")[0].rpartition("/")[2]
        for origin in origins
        if origin.kind is OriginKind.CONDA and "sha256" not in origin.hashes
    }


def _refuse_other_packages(before: Reading, after: Reading) -> None:
    is_list = before.kind is FileKind.EXPLICIT  # has room for one digest: SHA-256 replaces MD5
    now = _digests(after)
    moved = any(
        now.get(key, digest if is_list else "") != digest
        for key, digest in _digests(before).items()
    )
    if moved or sorted(_identities(before)) != sorted(_identities(after)):
        raise LockError(
            f"{before.file}: the repaired file would not name the same packages\n"
            "Nothing was written.",
            hints=["lock it anew with the tool that wrote it"],
        )


def _identities(reading: Reading) -> Iterable[tuple[object, ...]]:
    """Yield what makes each row the package that it is: all but its digests and its place."""
    for package in reading.packages:
        addresses = tuple(item.address.partition("#")[0] for item in package.origins)
        yield (
            *(package.ecosystem.value, package.name, package.version or "", package.build),
            *(package.wanted, package.subdir, package.platforms, package.environments),
            *(addresses, package.dependencies, package.marker, package.is_project),
        )


def _digests(reading: Reading) -> dict[tuple[str, str], str]:
    """Return the digests by address and algorithm; none may say something else afterwards."""
    return {
        (origin.address.partition("#")[0], algorithm): digest
        for package in reading.packages
        for origin in package.origins
        for algorithm, digest in origin.hashes.items()
    }
