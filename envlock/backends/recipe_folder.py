"""The folder of a recipe: what lies in it, and a copy of just that to build from."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from envlock.backends.artifact_files import hash_file
from envlock.errors import Fault, InputFileError, WorldError
from envlock.model.stack import Recipe

RECIPE = "recipe.yaml"
_LEFT_OUT = frozenset([".git", "__pycache__", ".DS_Store"])
_MOST_FILES = 100_000
_PROGRAM = "*"


def recipe_files(recipe: Recipe, folder: Path) -> tuple[tuple[str, str], ...]:
    """Return every file of a recipe's folder with its SHA-256; a program's path ends in `*`.

    Raises `InputFileError` where there is no recipe, or one that holds links or devices.
    """
    root = folder / recipe.path
    if not (root / RECIPE).is_file():
        raise _fault(
            recipe,
            f"there is no recipe: expected `{recipe.path}/{RECIPE}`",
            "write one, or correct the path; it starts from the stack's folder",
        )
    try:
        found = [
            (f"{name}{_PROGRAM}" if is_program else name, hash_file(root / name).sha256)
            for name, is_program in _walk(recipe, root)
        ]
    except OSError as error:
        raise WorldError(f"{root}: cannot be read: {error.strerror or error}") from error
    return tuple(sorted(found))


def copy_recipe(files: tuple[tuple[str, str], ...], root: Path, target: Path) -> None:
    """Copy the files that were hashed, each held against its digest. Raises `WorldError`."""
    for name, sha256 in files:
        path = name.removesuffix(_PROGRAM)
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target / path)
        (target / path).chmod(0o755 if name.endswith(_PROGRAM) else 0o644)
        if hash_file(target / path).sha256 != sha256:
            raise WorldError(
                f"{root / path}: was changed while it was read\nNothing was built.",
                hints=["run it again once nobody writes to it"],
            )


def _walk(recipe: Recipe, root: Path) -> Iterator[tuple[str, bool]]:
    count = 0
    waiting = [root]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            name = path.relative_to(root).as_posix()
            mode = path.lstat().st_mode
            if path.name in _LEFT_OUT:
                continue
            count += 1
            if stat.S_ISDIR(mode):
                waiting.append(path)
            elif not stat.S_ISREG(mode) or name.endswith(_PROGRAM):
                raise _fault(
                    recipe,
                    f"`{recipe.path}/{name}` is no plain file; a recipe holds files and folders",
                    "put the file itself there",
                )
            elif count > _MOST_FILES:
                raise _fault(
                    recipe,
                    f"`{recipe.path}` holds more than {_MOST_FILES:,} files",
                    "give the recipe a folder of its own",
                )
            else:
                yield name, bool(mode & stat.S_IXUSR)


def _fault(recipe: Recipe, problem: str, hint: str) -> InputFileError:
    fault = Fault(where=str(recipe.where), problem=problem, hint=hint)
    return InputFileError([fault], state="Nothing was built.")
