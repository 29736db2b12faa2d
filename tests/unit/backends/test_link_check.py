"""Files that hold their prefix, as rattler left them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from envlock.backends.link_check import check_rewritten
from envlock.errors import WorldError

HOLD = b"/a/placeholder"
TEXT = {"prefix_placeholder": HOLD.decode(), "file_mode": "text"}
BINARY = {"prefix_placeholder": HOLD.decode(), "file_mode": "binary"}


def check(folder: Path, original: bytes, found: bytes, row: Mapping[str, object]) -> None:
    path = str(row["_path"])
    source = folder / "tree" / str(row.get("in_package", path))
    for place, content in ((source, original), (folder / "staging" / path, found)):
        place.parent.mkdir(parents=True)
        place.write_bytes(content)
    check_rewritten(folder / "staging", "/s/x", [row], folder / "tree")


@pytest.mark.parametrize(
    ("original", "found", "row"),
    [
        (b"at %s and %s\n" % (HOLD, HOLD), b"at /s/x and /s/x\n", TEXT),
        (b"#!%s/bin/sh\nrest\n" % HOLD, b"#!/usr/bin/env sh\nrest\n", TEXT),
        (b"\0%s/lib\0tail" % HOLD, b"\0/s/x/lib\0\0\0\0\0\0\0\0\0\0\0tail", BINARY),
        (b"unchanged", b"un", {}),
        (b"of the other package", b"", {**TEXT, "_path": "__clobbers__/a"}),
    ],
)
def test_a_file_that_was_rewritten_whole_is_taken(
    tmp_path: Path, original: bytes, found: bytes, row: Mapping[str, object]
):
    check(tmp_path, original, found, {"_path": "share/a", **row})


@pytest.mark.parametrize(
    ("original", "found", "row"),
    [
        (b"at %s\n" % HOLD, b"", TEXT),
        (b"at %s and on\n" % HOLD, b"at /s/x and", TEXT),
        (b"#!%s/bin/sh\nrest\n" % HOLD, b"#!/s/x/bin/sh\n", TEXT),
        (b"#!%s/bin/sh\n" % HOLD, b"", TEXT),
        (b"\0%s/lib\0tail" % HOLD, b"\0/s/x/lib", BINARY),
    ],
)
def test_a_file_that_was_cut_off_is_told(
    tmp_path: Path, original: bytes, found: bytes, row: Mapping[str, object]
):
    with pytest.raises(WorldError) as told:
        check(tmp_path, original, found, {"_path": "share/a", **row})

    assert str(told.value) == (
        "`share/a` was not written whole: the disk is full, or failing\n"
        "Nothing was installed; the store holds what it held before."
    )


@pytest.mark.parametrize(
    ("path", "in_package"),
    [
        ("lib/python3.11/site-packages/a/b.py", "site-packages/a/b.py"),
        ("bin/tool", "python-scripts/tool"),
    ],
)
def test_files_of_a_package_for_every_python_are_found_where_it_keeps_them(
    tmp_path: Path, path: str, in_package: str
):
    with pytest.raises(WorldError):
        check(tmp_path, b"at %s\n" % HOLD, b"", {**TEXT, "_path": path, "in_package": in_package})
