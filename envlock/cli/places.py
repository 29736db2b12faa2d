"""Refuse places that nothing can be written to, before long work is done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from envlock.backends.files import is_folder
from envlock.errors import EnvlockError

Named = tuple[str, str]
"""An option, and the path that it was given."""


def refuse_files(written: Sequence[Named], read: Sequence[Named], state: str) -> None:
    """Raise `EnvlockError` for a file that cannot be written, or that is read or written twice."""
    taken = {os.path.realpath(path): option for option, path in read}
    for option, path in written:
        problem, hint = _problem_of(path)
        place = os.path.realpath(path)
        if taken.setdefault(place, option) != option:
            problem, hint = f"{path} is that of {taken[place]}, too", "name another file"
        if problem:
            raise EnvlockError(f"{option}: {problem}\n{state}", hints=[hint])


def _problem_of(path: str) -> tuple[str, str]:
    """Return why a file cannot be written, and a remedy; empty where it can."""
    folder = Path(path).parent
    if is_folder(path):
        return f"expected a file, found a folder: {path}", f"name a file: `{path.rstrip('/')}/FILE`"
    if not is_folder(folder):
        return f"there is no folder {folder}", f"make it first: `mkdir -p {folder}`"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"nothing can be written to {folder}", "name a file in a folder of yours"
    return "", ""
