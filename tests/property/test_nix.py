"""What is exported for Nix: the order of rows and of platforms never counts."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from envlock.formats.nix import format_nix
from envlock.model.exported import ExportedArtifact, ExportedHalf, ExportedLock
from envlock.model.platform import Platform
from fakes_store import make_artifact

HALVES = st.dictionaries(
    st.sampled_from([Platform.LINUX_64, Platform.LINUX_AARCH64]),
    st.lists(st.text("abcdefghij", min_size=1, max_size=6), max_size=8, unique=True),
)


def exported(name: str) -> ExportedArtifact:
    return ExportedArtifact(
        artifact=make_artifact(name),
        tar_bytes={half: len(name) for half in (("info", "pkg") if "a" in name else ("pkg",))},
        is_bootstrap="b" in name,
    )


def shuffled(
    halves: dict[Platform, list[str]], chance: random.Random
) -> dict[Platform, ExportedHalf]:
    return {
        platform: ExportedHalf(
            python="3.11",
            artifacts=tuple(map(exported, chance.sample(halves[platform], len(halves[platform])))),
        )
        for platform in chance.sample(list(halves), len(halves))
    }


@given(halves=HALVES, chance=st.randoms())
def test_the_order_of_rows_never_changes_bytes(
    halves: dict[Platform, list[str]], chance: random.Random
):
    one, other = (
        ExportedLock(
            name="demo",
            halves=shuffled(halves, chance),
            left_out=dict(chance.sample([("osx-64", "a"), ("win-64", "b")], 2)),
        )
        for _ in range(2)
    )

    assert format_nix(one) == format_nix(other)
