"""The story of `diff`: find two locks, on disk or in the history, and say what differs.

What a person may write for a lock: a file, its stack, `REVISION:path` as git has it, or a bare
revision, which means the other side's file as it was then. A file that exists is always that file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from envlock.errors import LockError
from envlock.formats.conda_lock import read_lock
from envlock.model.lock import LOCK_LIMIT_BYTES, Lock, LockedPackage, lock_of
from envlock.ports.history import History, HistoryError
from envlock.ports.pins import Pins
from envlock.ports.recordings import Recordings
from envlock.ports.workspace import Workspace
from envlock.solve.difference import Difference, PackageChange, compare_locks, platforms_of
from envlock.workflows.inspect import near_hints
from envlock.workflows.lock_sizes import Sizes, read_sizes
from envlock.workflows.revisions import is_drive, split_revision

DEFAULT_REVISION = "HEAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two locks."""

    label: str
    """What was compared, in words that `envlock diff` takes."""
    path: str
    """Where the file lies or would lie on disk; its pins are beside it."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareTools:
    """The ports that a comparison acts through."""

    workspace: Workspace
    history: History
    pins_beside: Callable[[str], Pins]
    recordings_beside: Callable[[str], Recordings]


@dataclass(frozen=True, slots=True)
class _File:
    path: str


@dataclass(frozen=True, slots=True)
class _InHistory:
    revision: str
    path: str


@dataclass(frozen=True, slots=True)
class _Revision:
    revision: str


_Meaning = _File | _InHistory | _Revision
_FILE_ENDINGS = (".yml", ".yaml", ".lock", ".toml")
"""So a misspelt file is reported as one, and not as a revision that git does not know."""


def find_sides(first: str, second: str | None, tools: CompareTools) -> tuple[Side, Side]:
    """Return the locks that two arguments mean; without the second, what is on disk now.

    A single file is compared with its last commit. Raises `InputFileError` or `LockError` for what
    is not there, `HistoryError` for what the history does not know, `WorldError` when the history
    cannot be asked.
    """
    one = _meaning(first, tools.workspace)
    if second is not None:
        other = _meaning(second, tools.workspace)
    elif isinstance(one, _File):
        one, other = _Revision(DEFAULT_REVISION), one
    elif isinstance(one, _InHistory):
        other = _File(tools.history.working_path(one.path))
    else:
        raise _neither(first, f"if it is a revision, add the file: `envlock diff {first} STACK`")
    return _side(one, other, tools), _side(other, one, tools)


def _meaning(text: str, workspace: Workspace) -> _Meaning:
    path = lock_of(text)
    if workspace.exists(path):
        return _File(path)
    if path != text and workspace.exists(text):
        raise LockError(
            f"{text}: has no lock yet: {path} is missing",
            hints=[f"make it: `envlock solve {text}`"],
        )
    if ":" not in text and text.endswith(_FILE_ENDINGS):
        return _File(path)
    named = split_revision(text)
    if named is None:
        return _File(path) if is_drive(text) else _Revision(text)
    return _InHistory(named[0], lock_of(named[1]))


def _neither(text: str, hint: str) -> HistoryError:
    return HistoryError(f"`{text}` is neither a file here nor a revision with a path", hints=[hint])


def _side(meaning: _Meaning, other: _Meaning, tools: CompareTools) -> Side:
    match meaning, other:
        case _File(path), _:
            content = tools.workspace.read_bytes(path, limit_bytes=LOCK_LIMIT_BYTES)
            return Side(label=path, path=path, content=content)
        case _InHistory(revision, path), _:
            return _read(revision, path, tools)
        case _Revision(revision), _InHistory(_, path):
            return _read(revision, path, tools)
        case _Revision(revision), _File(path):
            content = _earlier(revision, path, tools.history)
            return Side(label=f"{revision}:{path}", path=path, content=content)
        case _Revision(revision), _:
            raise _neither(revision, "write `REVISION:path/to/lock`, or name two locks")


def _read(revision: str, path: str, tools: CompareTools) -> Side:
    content = tools.history.read_bytes(revision, path, limit_bytes=LOCK_LIMIT_BYTES)
    here = tools.history.working_path(path)
    return Side(label=f"{revision}:{path}", path=here, content=content)


def _earlier(revision: str, path: str, history: History) -> bytes:
    try:
        return history.read_earlier(revision, path, limit_bytes=LOCK_LIMIT_BYTES)
    except HistoryError as error:
        if revision == DEFAULT_REVISION:
            raise
        raise HistoryError(
            f"`{revision}` is no file here, and as a revision: {error}", hints=error.hints
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeChange:
    """How much more or less there is to download; packages that did not change count nothing."""

    known_bytes: int
    unknown_sizes: int
    """Archives of changed packages that no pin beside knows."""

    @property
    def download_bytes(self) -> int | None:
        """The whole change, None when a part of it is not known."""
        return None if self.unknown_sizes else self.known_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two locks and what differs."""

    before: Side
    after: Side
    difference: Difference
    sizes: Mapping[str, SizeChange]
    """By platform."""
    one_sided: frozenset[str] = frozenset()
    """The platforms that only one of the locks has: they came or went as a whole."""


def compare_sides(
    before: Side, after: Side, wanted: Sequence[str], tools: CompareTools
) -> Compared:
    """Compare two locks on the wanted platforms, on all of either when none is named.

    Raises `LockError` when one is not a unified lock, or neither has a wanted platform.
    """
    old, new = read_lock(before.content, before.label), read_lock(after.content, after.label)
    present = platforms_of(old, new)
    for platform in wanted:
        if platform not in present:
            raise LockError(
                f"neither {before.label} nor {after.label} locks {platform}: "
                f"they have {', '.join(present) or 'none'}",
                hints=near_hints(platform, present),
            )
    difference = compare_locks(old, new, tuple(dict.fromkeys(wanted)))
    known = [_sizes(side, lock, difference, tools) for side, lock in ((after, new), (before, old))]
    return Compared(
        before=before,
        after=after,
        difference=difference,
        sizes={
            platform: _size_change(changes, known)
            for platform, changes in difference.platforms.items()
        },
        one_sided=frozenset(platforms_of(old)) ^ frozenset(platforms_of(new)),
    )


def _sizes(side: Side, lock: Lock, difference: Difference, tools: CompareTools) -> Sizes:
    """Return what one lock's pin knows of the archives of both sides."""
    changes = (change for found in difference.platforms.values() for change in found)
    packages = [item for change in changes for item in (change.before, change.after) if item]
    if not packages:
        return Sizes()
    pins, recordings = tools.pins_beside(side.path), tools.recordings_beside(side.path)
    return read_sizes(lock, packages, pins, recordings, tools.workspace)


def _size_change(changes: Sequence[PackageChange], known: Sequence[Sizes]) -> SizeChange:
    added = [_size(change.after, known) for change in changes if change.after]
    removed = [_size(change.before, known) for change in changes if change.before]
    return SizeChange(
        known_bytes=sum(size or 0 for size in added) - sum(size or 0 for size in removed),
        unknown_sizes=sum(size is None for size in (*added, *removed)),
    )


def _size(package: LockedPackage, known: Sequence[Sizes]) -> int | None:
    return next((size for item in known if (size := item.of(package)) is not None), None)
