"""The story of `import`: read somebody's file, draft a stack from it, write it once."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from envlock.audit.as_lock import as_lock
from envlock.errors import EnvlockError, InputFileError
from envlock.formats.readers.registry import read
from envlock.formats.stack_draft import format_draft
from envlock.formats.stack_toml import read_stack
from envlock.model.draft import Draft
from envlock.model.lock import LOCK_LIMIT_BYTES
from envlock.model.reading import FileKind, Reading
from envlock.ports.workspace import Workspace
from envlock.solve.drafting.narrow import narrow
from envlock.solve.drafting.stack import Asked, draft_stack


class Imported(Struct, frozen=True, kw_only=True):
    """A draft and its text, which is a stack."""

    draft: Draft
    text: str
    takes_pypi: bool
    """Whether anything in it comes from the package index."""


def import_file(
    file: str, asked: Asked, workspace: Workspace, kind: FileKind | None = None
) -> Imported:
    """Read a file of any format and draft a stack from it. Writes nothing.

    Raises `EnvlockError` for a file that cannot be read, `InputFileError` where the draft would not
    be a stack.
    """
    reading = read(workspace.read_bytes(file, limit_bytes=LOCK_LIMIT_BYTES), file, kind)
    if reading.kind is FileKind.STACK:
        raise EnvlockError(
            f"{reading.file}: expected a file of another tool, or a lock; found a stack",
            hints=[f"solve it as it is: `envlock solve {reading.file}`"],
        )
    return draft_reading(reading, asked)


def draft_reading(reading: Reading, asked: Asked) -> Imported:
    """Draft a stack from what was read; the text is held against the stack's own schema.

    Where the wishes in the head of a lock make no stack, they are guessed as from any other lock.
    Raises `InputFileError` saying what the user has to add.
    """
    narrowed = narrow(reading)
    lock = as_lock(narrowed.reading)
    draft = draft_stack(narrowed, lock, asked)
    try:
        return _checked(draft)
    except InputFileError:
        if not reading.facts:
            raise
    foreign = narrow(replace(reading, facts={}))
    return _checked(draft_stack(foreign, as_lock(foreign.reading), asked))


def _checked(draft: Draft) -> Imported:
    text = format_draft(draft)
    try:
        stack = read_stack(text.encode("utf-8", "replace"), f"the draft from {draft.file}")
    except InputFileError as error:
        raise InputFileError(error.faults, state="Nothing was written.") from None
    takes_pypi = any(stack.takes_pypi_on(platform) for platform in stack.platforms)
    return Imported(draft=draft, text=text, takes_pypi=takes_pypi)


def write_draft(imported: Imported, path: str, workspace: Workspace, *, force: bool) -> None:
    """Write a draft as a stack file; one that exists stays unless `force` is given.

    Raises `EnvlockError` for a file that exists, `WorldError` when the disk refuses.
    """
    if not force and workspace.exists(path):
        raise EnvlockError(
            f"{path}: expected a new file, found one that exists\nNothing was written.",
            hints=["choose another path, or write over it with `--force`"],
        )
    workspace.write_bytes(path, imported.text.encode("utf-8", "replace"))
