"""What rattler writes for a prefix, taken back: the content hash rests on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from conda_packages import Member, pack
from envlock.backends.rattler_link import CondaSource, link_conda, read_linked
from envlock.backends.unpack import unpack
from envlock.errors import ArchiveError
from envlock.model.store import Artifact, ArtifactKind
from envlock.store.content import restore_binary, restore_text

COUNT = int(os.environ.get("ENVLOCK_RESTORING_COUNT", "150"))
"""Random files for each prefix."""
ENDINGS = ((".conda", False), (".tar.bz2", False), (".tar.bz2", True))


def link(folder: Path, members: Mapping[str, Member], prefix: str, ending: str, old: bool) -> Path:
    """Link a package of these members for a prefix; returns where it lies."""
    packed = pack(folder / "channel", "p", members=members, ending=ending, is_of_2016=old)
    with packed.path.open("rb") as archive:
        unpack(archive, packed.path.name, folder / "tree")
    artifact = Artifact(
        name="p",
        version="1.0",
        build="0",
        file_name=packed.path.name,
        kind=ArtifactKind.CONDA,
        sha256=packed.sha256,
    )
    staging = folder / "staging"
    staging.mkdir()
    link_conda([CondaSource(artifact=artifact, tree=folder / "tree")], staging, prefix, "linux-64")
    return staging


def some_bytes(chance: Random, place: bytes) -> bytes:
    """Strings with and without NULs, the placeholder among them in every position."""
    pieces = [
        place,
        b"\0",
        b"\0" * chance.randrange(1, 40),
        chance.randbytes(chance.randrange(12)),
        b"/lib/x",
        b":",
        b" -L",
        place[: chance.randrange(1, len(place))],
        place + b"/share\0",
    ]
    return b"".join(chance.choice(pieces) for _ in range(chance.randrange(1, 14)))


def some_text(chance: Random, place: bytes) -> bytes:
    """Lines, some of them first lines of scripts of every length."""
    first = [
        b"",
        b"#!" + place + b"/bin/python\n",
        b"#!" + place + b"/bin/python3.11 -E -s\n",
        b"#!" + place + b"/bin/perl\t-w\r\n",
        b"#! " + place + b"/bin/" + b"n" * chance.randrange(1, 120) + b" -E " + place + b"\n",
        b"#!/usr/bin/env python\n",
        b"#!/bin/sh\n",
        b"#!" + b"/long" * 40 + b"\n",
        b"#!" + place + b"/bin/no-line-break",
    ]
    line = [b"export A=" + place + b"\n", b"\r\n", b"words\n", place, "é\n".encode(), b"\0"]
    return chance.choice(first) + b"".join(chance.choice(line) for _ in range(chance.randrange(8)))


@pytest.mark.parametrize(("ending", "old"), ENDINGS)
@pytest.mark.parametrize("length", [9, 60, 100, 250])
def test_what_was_rewritten_is_restored_to_the_byte(
    tmp_path: Path, length: int, ending: str, old: bool
):
    chance = Random(f"{length} {ending} {old}")
    place = ("/" + "placehold_" * 26)[:250]
    prefix = ("/p/" + "x" * 300)[:length]
    members = {
        f"f/{at:04}": Member(
            content=(some_text if at % 2 else some_bytes)(chance, place.encode()) + place.encode(),
            placeholder=place,
            file_mode="text" if at % 2 else "binary",
        )
        for at in range(COUNT)
    }

    staging = link(tmp_path, members, prefix, ending, old)

    (rows,) = read_linked(staging).values()
    assert {row["_path"]: row["file_mode"] for row in rows} == {
        path: member.file_mode for path, member in members.items()
    }
    for path, member in members.items():
        content = (staging / path).read_bytes()
        assert place.encode() not in content
        if member.file_mode == "binary":
            assert len(content) == len(member.content)
            assert restore_binary(content, prefix, place) == member.content
        else:
            assert restore_text(content, prefix, place, member.content) == member.content


def test_a_prefix_that_is_longer_than_a_binary_files_placeholder_is_refused(tmp_path: Path):
    place = "/home/builder/short"
    content = f"{place}\0".encode()
    members = {"lib/x.so": Member(content=content, placeholder=place, file_mode="binary")}

    with pytest.raises(ArchiveError) as refused:
        link(tmp_path, members, "/opt/much/longer/than/that", ".conda", old=False)

    assert str(refused.value).startswith("the conda packages cannot be linked: ")
    assert str(refused.value).endswith("\nNothing was installed.")
