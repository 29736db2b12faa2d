"""The story of `init`: choices become a commented stack file, once."""

from __future__ import annotations

from envlock.errors import EnvlockError, InputFileError
from envlock.formats.stack_template import StackChoices, render_stack
from envlock.formats.stack_toml import read_stack
from envlock.model.stack import Stack
from envlock.ports.workspace import Workspace


def refuse_existing(path: str, workspace: Workspace) -> None:
    """Raise `EnvlockError` when there is a file already; asked before any question is."""
    if workspace.exists(path):
        raise EnvlockError(
            f"{path}: expected a new file, found one that exists\nNothing was written.",
            hints=["choose another path, or change that stack with `envlock add`"],
        )


def init_stack(choices: StackChoices, path: str, workspace: Workspace) -> Stack:
    """Write a stack file and return what is in it.

    Raises `EnvlockError` when the file is there already, `InputFileError` when the choices make no
    stack, `WorldError` when the disk refuses. Then nothing is written.
    """
    refuse_existing(path, workspace)
    content = render_stack(choices).encode()
    try:
        stack = read_stack(content, path)
    except InputFileError as error:
        raise InputFileError(error.faults, state="Nothing was written.") from None
    workspace.write_bytes(path, content)
    return stack
