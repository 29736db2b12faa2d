"""A stack of envlock: what it asks for is judged when it is solved, here it is only checked."""

from __future__ import annotations

from envlock.formats.stack_toml import read_stack
from envlock.model.reading import FileKind, FoundPlatform, Reading


def read(content: bytes, file: str) -> Reading:
    """Read a stack; it has no packages before it is locked.

    Raises `InputFileError` with every fault of the file.
    """
    stack = read_stack(content, file)
    return Reading(
        file=file,
        kind=FileKind.STACK,
        platforms=tuple(FoundPlatform(name=name, subdir=name) for name in stack.platforms),
        python=stack.python.version,
    )
