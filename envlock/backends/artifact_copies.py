"""Copies of archives under names that people and other programs know them by."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from envlock.errors import WorldError


def copy_artifacts(files: Mapping[str, str], folder: Path) -> None:
    """Copy files into a folder, made if it is not there; `files` are paths by name.

    What has a name is whole. Raises `WorldError` when the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in files.items():
            staged = folder / f".{name}.part"
            shutil.copyfile(source, staged)
            staged.replace(folder / name)
    except OSError as error:
        raise WorldError(
            f"{folder}: the artifacts cannot be copied: {error.strerror or error}\n"
            "What has its name there is whole.",
            hints=["name another folder: `--artifacts DIR`"],
        ) from error
