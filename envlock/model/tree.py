"""What lies under a folder of the store, entry by entry."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class EntryKind(StrEnum):
    """What an entry is; a store holds nothing else, devices and sockets least of all."""

    FILE = "file"
    LINK = "link"
    FOLDER = "folder"


class TreeEntry(
    Struct,
    frozen=True,
    kw_only=True,
    order=True,
    array_like=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """One file, symbolic link or folder; there are tens of thousands of them.

    The order of the fields is that of a manifest's rows, and so part of `tree_sha256`.

    Modes are not kept: everything in the store is read-only, so whether a file may be executed is
    all that a mode could still say. Times are not kept either; the store sets them all alike.
    """

    path: str
    """Relative, with `/`; no `.`, `..`, empty part or control character."""
    kind: EntryKind
    is_executable: bool = False
    sha256: str = ""
    """Of a file's content, 64 hex digits; empty for the rest."""
    size_bytes: int = 0
    target: str = ""
    """What a link points to, as it is written in the link; empty for the rest."""


class Difference(StrEnum):
    """How an entry of a tree differs from what was expected."""

    MISSING = "missing"
    ADDED = "added"
    CONTENT = "content"
    SIZE = "size"
    """Of a file whose content was not read."""
    KIND = "kind"
    TARGET = "target"
    EXECUTABLE = "executable"
    LOOSE = "loose"
    """Writable, or with another time than the store gives: touched, even if the same as before."""


class EntryDifference(Struct, frozen=True, kw_only=True):
    """One entry that is not what was expected."""

    path: str
    difference: Difference
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        match self.difference:
            case Difference.MISSING:
                return f"{self.path}: missing"
            case Difference.ADDED:
                return f"{self.path}: not part of it"
            case Difference.LOOSE:
                return f"{self.path}: touched after it was sealed: {self.found}"
            case _:
                what = "sha256" if self.difference is Difference.CONTENT else self.difference.value
                return f"{self.path}: expected {what} {self.expected}, found {self.found}"
