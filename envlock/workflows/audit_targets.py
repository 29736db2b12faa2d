"""What a path of `audit` means: a file, a stack's lock, a folder of either, in the history or not.

What a person may write: a file of any known format; a stack, which means its lock; a folder, which
means every file of a known name in it and every stack that has no lock; the folder of an installed
environment, which means what is installed in it; `REVISION:path` as git has it, for a file or a
folder. What exists on disk is always that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from envlock.errors import EnvlockError, Fault, InputFileError
from envlock.formats.readers.registry import recognise, recognise_name
from envlock.formats.secrets import redact_value
from envlock.formats.stack_toml import LARGEST_BYTES
from envlock.model.lock import LOCK_LIMIT_BYTES, lock_path
from envlock.model.reading import FileKind
from envlock.workflows.audit_tools import AuditTools
from envlock.workflows.revisions import split_revision

_STACK_ENDING = ".toml"
_REVISION = re.compile(r"HEAD[\w~^@{}]*|[\w-]+[~^][\d~^]*|[0-9a-f]{7,40}")
"""What is no name of a file that anybody means."""
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing to be judged."""

    path: str
    """Where it lies, or lay: for `REVISION:path` the path of the history."""
    revision: str | None = None
    """The revision of the history that it is read from; None for what lies on disk."""
    is_environment: bool = False
    """Whether it is the folder of an installed environment, and no file."""

    @property
    def label(self) -> str:
        """What a report calls it, in words that `envlock audit` takes."""
        return self.path if self.revision is None else f"{self.revision}:{self.path}"


def find_targets(paths: Iterable[str], tools: AuditTools) -> tuple[Target, ...]:
    """Return what paths mean, each once by its first name, in order.

    Raises `InputFileError` for a folder with nothing to audit, `HistoryError` for what the history
    does not know. A file that is not there is found out when it is read.
    """
    found: dict[tuple[str | None, str], Target] = {}
    for path in paths:
        for target in _find(path, tools):
            found.setdefault((target.revision, _one_name(target, tools)), target)
    return tuple(found.values())


def _one_name(target: Target, tools: AuditTools) -> str:
    """Return the same name for a file however it was named: `a/b`, `./a/b`, `/home/me/a/b`."""
    return tools.tree.absolute(target.path) if target.revision is None else target.path


def read_target(target: Target, tools: AuditTools) -> bytes:
    """Return the content of a file's target. Raises `InputFileError`, `HistoryError`."""
    is_gone = target.revision is None and not tools.workspace.exists(target.path)
    if is_gone and _REVISION.fullmatch(target.path):
        hint = f"a revision of git is named with a colon: `{target.path}:` or `{target.path}:PATH`"
        raise InputFileError([Fault(where=target.path, problem="there is no such file", hint=hint)])
    return _Place(target.revision, tools).read(target.path, LOCK_LIMIT_BYTES)


def lock_beside(target: Target, kind: FileKind, tools: AuditTools) -> str:
    """Return the lock that tools make of a wish list, where it lies beside it; empty for none."""
    folder, slash, name = target.path.rpartition("/")
    names: tuple[str, ...] = ()
    if kind is FileKind.ENVIRONMENT:
        own = name.replace("environment", "conda-lock").removesuffix(".yaml").removesuffix(".yml")
        names = (f"{own}.yml", f"{own}.yaml", "conda-lock.yml")
    elif kind is FileKind.REQUIREMENTS and name.endswith(".in"):
        names = (f"{name.removesuffix('.in')}.txt",)
    place = _Place(target.revision, tools)
    paths = (f"{folder}{slash}{each}" for each in names if each != name)
    return next((path for path in paths if place.exists(path)), "")


def stack_of(path: str) -> str:
    """Return the stack that a lock of ours lies beside: `a.conda-lock.yml` -> `a.toml`."""
    for ending in (".conda-lock.yml", ".conda-lock.yaml", ".yml", ".yaml"):
        if path.endswith(ending):
            return path.removesuffix(ending) + _STACK_ENDING
    return path + _STACK_ENDING


@dataclass(frozen=True)
class _Place:
    """The disk, or one revision of the history."""

    revision: str | None
    tools: AuditTools

    def read(self, path: str, limit_bytes: int) -> bytes:
        if self.revision is None:
            return self.tools.workspace.read_bytes(path, limit_bytes=limit_bytes)
        return self.tools.history.read_bytes(self.revision, path, limit_bytes=limit_bytes)

    def exists(self, path: str) -> bool:
        if self.revision is None:
            return self.tools.workspace.exists(path)
        try:
            return not self.tools.history.is_folder(self.revision, path)
        except EnvlockError:
            return False

    def files_below(self, path: str) -> tuple[str, ...]:
        if self.revision is None:
            return self.tools.tree.files_below(path)
        return self.tools.history.files_below(self.revision, path)

    def is_stack(self, path: str) -> bool:
        """Say whether a file is a stack, by its content; one that cannot be read is none."""
        if not path.endswith(_STACK_ENDING) or recognise_name(path):
            return False
        try:
            return recognise(self.read(path, LARGEST_BYTES), path) is FileKind.STACK
        except EnvlockError:
            return False

    def target(self, path: str) -> Target:
        return Target(path=path, revision=self.revision)


def _find(path: str, tools: AuditTools) -> Iterator[Target]:
    disk = _Place(None, tools)
    if tools.environments.is_environment(path):
        yield Target(path=path, is_environment=True)
        return
    if tools.tree.is_folder(path):
        yield from _in_folder(path, path, disk)
        return
    named = None if disk.exists(path) else split_revision(path)
    if named is None:
        yield _of_file(path, disk)
        return
    if _ADDRESS.match(path):
        raise EnvlockError(
            f"{redact_value(path)}: expected a file, a folder or REVISION:PATH, found an address",
            hints=["fetch the file first; an audit looks at what lies here"],
        )
    revision, inner = named
    history = _Place(revision, tools)
    if tools.history.is_folder(revision, inner):
        yield from _in_folder(inner, path, history)
    else:
        yield _of_file(inner, history)


def _of_file(path: str, place: _Place) -> Target:
    """Return a file, or the lock of a stack where it has one."""
    lock = lock_path(path)
    is_locked = lock != path and place.exists(lock) and place.is_stack(path)
    return place.target(lock if is_locked else path)


def _in_folder(path: str, named: str, place: _Place) -> Iterator[Target]:
    files = place.files_below(path)
    there = frozenset(files)
    found = [
        file
        for file in files
        if recognise_name(file) or (lock_path(file) not in there and place.is_stack(file))
    ]
    if not found:
        problem = "no file in this folder has the name of a lock, a wish list or a Dockerfile"
        hint = "name the file itself"
        raise InputFileError([Fault(where=named, problem=problem, hint=hint)])
    yield from map(place.target, found)
