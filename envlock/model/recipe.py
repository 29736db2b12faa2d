"""A recipe of the project: what it is built from, and the package that comes of it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Isolation(StrEnum):
    """What stands between a build and the machine."""

    ISOLATED = "isolated"
    """No network, nothing to write to but its own folder, little to read beside its inputs."""
    NONE = "none"
    """Nothing. Said by a person, and recorded."""


class RecipeDerivation(Struct, frozen=True, kw_only=True):
    """All that decides what a recipe builds; never a path of this machine, never a time."""

    recipe: str
    """Its path beside the stack."""
    platform: str
    files: tuple[tuple[str, str], ...]
    """Every file of the recipe's folder: path and SHA-256, ordered; a program's path ends in `*`"""
    inputs: tuple[tuple[str, str], ...]
    """The locked packages that it is built with: file name and SHA-256, ordered."""
    options: tuple[tuple[str, str], ...]
    """What the script finds in its environment: name and value, ordered."""
    compiler: tuple[tuple[str, str], ...] = ()
    """The machine's own compiler, where it may be used: programs and what they are, ordered."""
    isolation: Isolation = Isolation.ISOLATED
    made_with: str
    """The versions of what builds it."""


class BuiltRecipe(Struct, frozen=True, kw_only=True):
    """A package that a recipe has been built into; its archive is one of the store's."""

    address: str
    name: str
    version: str
    build: str
    file_name: str
    sha256: str
    md5: str
    size_bytes: int
    depends: tuple[str, ...]


class LockedRecipe(Struct, frozen=True, kw_only=True):
    """A built recipe on its way into a lock."""

    platform: str
    path: str
    """As the stack has it."""
    built: BuiltRecipe
    url: str
    """Where its archive lies, beside the lock."""
    sources_sha256: str
    """Of its files, their names among them: what tells that it was changed since."""
    remark: str = ""
    """What a reader of the lock must know of how it was built."""
