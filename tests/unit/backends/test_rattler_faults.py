"""Whose fault it is when rattler cannot link: a package's or the disk's."""

from __future__ import annotations

import pytest

from envlock.backends.rattler_link import _failed
from envlock.errors import ArchiveError, EnvlockError, WorldError

GC = ("free space (`envlock gc`), then run it again",)


@pytest.mark.parametrize(
    ("said", "kind", "hints"),
    [
        ("failed to link\nCaused by: No space left on device (os error 28)", WorldError, GC),
        ("failed to link\nCaused by: Disk quota exceeded (os error 122)", WorldError, GC),
        ("failed to open a lock\nCaused by: Input/output error (os error 5)", WorldError, ()),
        ("failed to link\nCaused by: Read-only file system (os error 30)", WorldError, ()),
        ("failed to link\nCaused by: File exists (os error 17)", ArchiveError, ()),
        ("the package has no paths.json", ArchiveError, ()),
    ],
)
def test_what_the_disk_refuses_is_no_fault_of_a_package(
    said: str, kind: type[EnvlockError], hints: tuple[str, ...]
):
    error = _failed(RuntimeError(said))

    assert type(error) is kind
    assert str(error) == f"the conda packages cannot be linked: {said}\nNothing was installed."
    assert error.hints == hints
